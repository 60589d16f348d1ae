"""SRVGG, the compact network of Real-ESRGAN."""

import keras
from keras import KerasTensor, ops

from srgan_tf.models.blocks import conv, msra_prelu, msra_tenth, pixel_shuffle, prelu
from srgan_tf.models.generator import (
    IMAGES,
    Generator,
    receptive_radius,
    require_image_channels,
    require_positive_integers,
)
from srgan_tf.settings import lookup

ACTIVATIONS = {
    "prelu": prelu,
    "leakyrelu": lambda channels, dtype: keras.layers.LeakyReLU(0.1, dtype=dtype),
    "relu": lambda channels, dtype: keras.layers.ReLU(dtype=dtype),
}


@keras.saving.register_keras_serializable("srgan_tf")
class SRVGG(Generator):
    """SRVGGNetCompact: 3x3 convolutions at the low resolution, added to the repeated input.

    It comes from Real-ESRGAN's code (realesr-general-x4v3, realesr-animevideov3), not from a paper. x4 has 1,213,296
    trainable parameters; 16 convolutions have 621,424.
    """

    scales = (1, 2, 3, 4, 8)

    def __init__(
        self,
        scale: int = 4,
        features: int = 64,
        convolutions: int = 32,
        activation: str = "prelu",
        image_channels: int = 3,
        **kwargs,
    ):
        """Builds the network.

        Args:
            scale: 1, 2, 3, 4 or 8.
            features: channels throughout.
            convolutions: between the first and the last one.
            activation: after each convolution but the last: prelu (a slope for each channel), leakyrelu (0.1) or relu.
            image_channels: of input and output: 1 (grey), 3 (RGB) or 4 (RGBA).
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, **kwargs)
        require_positive_integers(features=features, convolutions=convolutions)
        require_image_channels(image_channels)
        make, dtype = lookup(ACTIVATIONS, activation, "activation of SRVGG"), self.dtype_policy
        self.features, self.convolutions, self.activation = features, convolutions, activation
        self.image_channels = image_channels
        # From PyTorch's default, which the authors' code has, a fresh network does not begin to learn: each layer makes
        # its input's variance a sixth.
        self.head = conv(image_channels, features, dtype, initializer=msra_prelu)
        self.head_activation = make(features, dtype)
        self.body = [conv(features, features, dtype, initializer=msra_prelu) for _ in range(convolutions)]
        self.body_activations = [make(features, dtype) for _ in range(convolutions)]
        self.tail = conv(features, image_channels * scale**2, "float32", initializer=msra_tenth)
        self.receptive_radius = receptive_radius(scale, [(1, 1)] * (convolutions + 2))
        self.build((*IMAGES[:3], image_channels))

    def call(self, inputs: KerasTensor) -> KerasTensor:
        x = self.head_activation(self.head(inputs))
        for convolution, activation in zip(self.body, self.body_activations, strict=True):
            x = activation(convolution(x))
        # The repeated input, added before the pixel shuffle.
        return pixel_shuffle(self.tail(x) + ops.concatenate([inputs] * self.scale**2, axis=-1), self.scale)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "features": self.features,
            "convolutions": self.convolutions,
            "activation": self.activation,
            "image_channels": self.image_channels,
        }
