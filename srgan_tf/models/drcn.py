"""DRCN, one convolution applied many times."""

from collections.abc import Callable

import keras
import numpy as np
from keras import KerasTensor, ops

from srgan_tf.models.blocks import conv, msra
from srgan_tf.models.generator import IMAGES, require_positive_integers
from srgan_tf.models.luma import LumaGenerator, radius_on_bicubic


@keras.saving.register_keras_serializable("srgan_tf")
class DRCN(LumaGenerator):
    """DRCN (Kim et al., arXiv 1511.04491, section 3 and figure 3): one convolution between embedding and rebuilding.

    What each recursion leaves is rebuilt to an image by the same two convolutions, and the result is the sum of those
    images with learned weights. With 256 features and 16 recursions it has 1,775,121 trainable parameters on Y and
    1,784,339 on RGB: embedding 9 C F + F and 9 F^2 + F, recursion 9 F^2 + F, rebuilding 9 F^2 + F and 9 F C + C, and a
    weight for each recursion.

    The paper's training also compares each recursion's own image with the original (equation 9), with a weight that
    falls to zero; here the losses see the sum alone, as those of every generator do.
    """

    scales = (1, 2, 3, 4, 8)

    def __init__(self, scale: int = 4, channels: int = 1, features: int = 256, recursions: int = 16, **kwargs):
        """Builds the network.

        Args:
            scale: 1, 2, 3, 4 or 8.
            channels: 1 for Y, 3 for RGB.
            features: channels throughout.
            recursions: how often the shared convolution is applied.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, channels, **kwargs)
        require_positive_integers(features=features)
        require_positive_integers(most=256, recursions=recursions)  # each is traced, and costs no weights
        self.features, self.recursions = features, recursions
        dtype = self.dtype_policy
        self.head = conv(channels, features, dtype, initializer=msra)
        self.embedding_end = conv(features, features, dtype, initializer=msra)
        self.recursion = conv(features, features, dtype, initializer=self_connections)
        self.rebuilding = conv(features, features, dtype, initializer=msra)
        self.tail = conv(features, channels, "float32", initializer=msra)
        self.ensemble = self.add_weight(
            (recursions,), keras.initializers.Constant(1 / recursions), "float32", autocast=False, name="ensemble")
        self.receptive_radius = radius_on_bicubic(scale, 4 + recursions)
        self.build(IMAGES)

    def enhance(self, low: KerasTensor, upscaled: KerasTensor) -> KerasTensor:
        state = ops.relu(self.embedding_end(ops.relu(self.head(upscaled))))
        rebuilt = 0
        for recursion in range(self.recursions):
            state = ops.relu(self.recursion(state))
            rebuilt += ops.cast(self.ensemble[recursion], state.dtype) * ops.relu(self.rebuilding(state))
        # Linear, the last convolution is applied once to the sum instead of to each part. So is its bias, which the
        # paper has multiplied by the weights' sum.
        return ops.sum(self.ensemble) * upscaled + self.tail(rebuilt)

    def get_config(self) -> dict:
        return {**super().get_config(), "features": self.features, "recursions": self.recursions}


def self_connections() -> Callable[..., KerasTensor]:
    """Makes the initializer of a convolution that copies its input (section 4.2 of the paper)."""

    def copying(shape: tuple[int, ...], dtype: str | keras.DTypePolicy | None = None) -> KerasTensor:
        kernel = np.zeros(shape, "float32")
        kernel[shape[0] // 2, shape[1] // 2] = np.eye(*shape[2:])
        return ops.convert_to_tensor(kernel, dtype)

    return copying
