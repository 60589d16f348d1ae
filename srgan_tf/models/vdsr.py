"""VDSR, a very deep network on the bicubic upscaling."""

import keras
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.blocks import conv, msra
from srgan_tf.models.generator import IMAGES, require_positive_integers
from srgan_tf.models.luma import LumaGenerator, radius_on_bicubic


@keras.saving.register_keras_serializable("srgan_tf")
class VDSR(LumaGenerator):
    """VDSR (Kim et al., arXiv 1511.04587, section 3): 3x3 convolutions that make what bicubic interpolation lacks.

    With 20 convolutions it has 665,921 trainable parameters on Y and 668,227 on RGB, at every scale.
    """

    scales = (1, 2, 3, 4, 8)

    def __init__(self, scale: int = 4, channels: int = 1, features: int = 64, depth: int = 20, **kwargs):
        """Builds the network.

        Args:
            scale: 1, 2, 3, 4 or 8.
            channels: 1 for Y, 3 for RGB.
            features: channels throughout.
            depth: convolutions, the first and the last one included; at least 2.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, channels, **kwargs)
        require_positive_integers(features=features, depth=depth)
        if depth < 2:
            raise UserError(f"depth of VDSR must be at least 2; got {depth}")
        self.features, self.depth = features, depth
        dtype = self.dtype_policy
        self.head = conv(channels, features, dtype, initializer=msra)
        self.body = [conv(features, features, dtype, initializer=msra) for _ in range(depth - 2)]
        self.tail = conv(features, channels, "float32", initializer=msra)
        self.receptive_radius = radius_on_bicubic(scale, depth)
        self.build(IMAGES)

    def enhance(self, low: KerasTensor, upscaled: KerasTensor) -> KerasTensor:
        x = ops.relu(self.head(upscaled))
        for convolution in self.body:
            x = ops.relu(convolution(x))
        return upscaled + self.tail(x)

    def get_config(self) -> dict:
        return {**super().get_config(), "features": self.features, "depth": self.depth}
