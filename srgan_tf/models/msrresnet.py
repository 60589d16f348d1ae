"""MSRResNet, the SRResNet without batch normalisation of the ESRGAN authors."""

from itertools import accumulate
from operator import mul

import keras
from keras import KerasTensor, ops

from srgan_tf.models.blocks import ResidualBlock, SubpixelConv, bilinear_upsample, conv, msra_tenth, upsampling_factors
from srgan_tf.models.generator import IMAGES, Generator, receptive_radius, require_positive_integers


@keras.saving.register_keras_serializable("srgan_tf")
class MSRResNet(Generator):
    """MSRResNet: residual blocks without normalisation, over a bilinear upscaling of the input.

    It comes from the ESRGAN authors' code (BasicSR), not from a paper. x4 has 1,517,571 trainable parameters. Every
    kernel starts at a tenth of MSRA, so that training starts from the bilinear image.
    """

    def __init__(self, scale: int = 4, features: int = 64, blocks: int = 16, **kwargs):
        """Builds the network.

        Args:
            scale: 2, 3, 4 or 8.
            features: channels throughout.
            blocks: residual blocks.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, **kwargs)
        require_positive_integers(features=features, blocks=blocks)
        self.features, self.blocks = features, blocks
        dtype, factors = self.dtype_policy, upsampling_factors(scale)
        self.head = conv(3, features, dtype, initializer=msra_tenth)
        self.body = [ResidualBlock(features, initializer=msra_tenth, dtype=dtype) for _ in range(blocks)]
        self.upsampling = [SubpixelConv(features, factor, msra_tenth, dtype=dtype) for factor in factors]
        self.refine = conv(features, features, dtype, initializer=msra_tenth)
        self.tail = conv(features, 3, "float32", initializer=msra_tenth)
        stages = [(1, at) for at in accumulate(factors[:-1], mul, initial=1)]
        path = [*[(1, 1)] * (1 + 2 * blocks), *stages, (1, scale), (1, scale)]
        self.receptive_radius = receptive_radius(scale, path)
        self.build(IMAGES)

    def call(self, inputs: KerasTensor) -> KerasTensor:
        x = leaky_relu(self.head(inputs))
        for block in self.body:
            x = block(x)
        for upsample in self.upsampling:
            x = leaky_relu(upsample(x))
        x = self.tail(leaky_relu(self.refine(x)))
        return x + bilinear_upsample(inputs, self.scale)

    def get_config(self) -> dict:
        return {**super().get_config(), "features": self.features, "blocks": self.blocks}


def leaky_relu(x: KerasTensor) -> KerasTensor:
    """The authors' slope here is 0.1; in RRDB it is 0.2."""
    return ops.leaky_relu(x, 0.1)
