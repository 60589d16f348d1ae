"""A small network for phones: plain convolutions, made to be computed in 8 bits."""

import keras
from keras import KerasTensor, ops

from srgan_tf.models.blocks import conv, pixel_shuffle
from srgan_tf.models.generator import IMAGES, Generator, receptive_radius, require_positive_integers


def nearly_zero() -> keras.initializers.Initializer:
    """A tenth of LeCun's spread."""
    return keras.initializers.VarianceScaling(0.1**2, "fan_in", "untruncated_normal")


@keras.saving.register_keras_serializable("srgan_tf")
class MobileSR(Generator):
    """3x3 convolutions and ReLU at the low resolution, added to the repeated input, after ABPN (arXiv 2105.09750).

    ABPN's "anchor", the nearest-neighbour upscaling, is what the network corrects: the convolutions only make the
    difference, whose small range 8 bits resolve well. There is no skip, no attention and no wide tensor between them,
    so that each is one fused operation on a phone. x4 has 55,432 trainable parameters.
    """

    def __init__(self, scale: int = 4, features: int = 28, blocks: int = 6, **kwargs):
        """Builds the network.

        Args:
            scale: 2, 3, 4 or 8.
            features: channels throughout.
            blocks: convolutions between the first and the last.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, **kwargs)
        require_positive_integers(features=features, blocks=blocks)
        self.features, self.blocks = features, blocks
        # Eight layers of ReLU without a skip die in the first steps from PyTorch's default, and where they start loud.
        initializer = keras.initializers.HeNormal
        self.head = conv(3, features, self.dtype_policy, initializer=initializer)
        self.body = [conv(features, features, self.dtype_policy, initializer=initializer) for _ in range(blocks)]
        self.tail = conv(features, 3 * scale**2, "float32", initializer=nearly_zero)
        self.receptive_radius = receptive_radius(scale, [(1, 1)] * (blocks + 2))
        self.build(IMAGES)

    def call(self, inputs: KerasTensor) -> KerasTensor:
        x = ops.relu(self.head(inputs))
        for convolution in self.body:
            x = ops.relu(convolution(x))
        anchor = ops.concatenate([inputs] * self.scale**2, axis=-1)
        return pixel_shuffle(self.tail(x) + anchor, self.scale)

    def get_config(self) -> dict:
        return {**super().get_config(), "features": self.features, "blocks": self.blocks}
