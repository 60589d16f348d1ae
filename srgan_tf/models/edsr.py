"""EDSR, enhanced deep residual networks."""

from itertools import accumulate
from operator import mul

import keras
import numpy as np

from srgan_tf.models.blocks import ResidualBlock, SubpixelConv, conv, upsampling_factors
from srgan_tf.models.generator import (
    IMAGES,
    Generator,
    receptive_radius,
    require_number,
    require_positive_integers,
)

# Mean of DIV2K's training images, in R, G, B, that the authors' code subtracts from the input and adds to the output.
DIV2K_MEAN = (0.4488, 0.4371, 0.4040)


@keras.saving.register_keras_serializable("srgan_tf")
class EDSR(Generator):
    """EDSR (Lim et al., arXiv 1707.02921, section 3 and table 1).

    The defaults are EDSR-baseline, 1,517,571 trainable parameters at x4; `features=256, blocks=32,
    residual_scale=0.1` are EDSR, 43,089,923.

    The authors' network sees images in 0..255, this one sees [0, 1]. As everything between the two mean shifts is
    positively homogeneous, weights trained there compute the same here once all their biases are divided by 255.
    """

    def __init__(
        self, scale: int = 4, features: int = 64, blocks: int = 16, residual_scale: float = 1.0, **kwargs
    ):
        """Builds the network.

        Args:
            scale: 2, 3, 4 or 8.
            features: channels throughout.
            blocks: residual blocks.
            residual_scale: factor on each block's residual; wide networks need 0.1 to train (section 3.2).
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, **kwargs)
        require_positive_integers(features=features, blocks=blocks)
        require_number(residual_scale=residual_scale)
        self.features, self.blocks, self.residual_scale = features, blocks, residual_scale
        dtype, factors = self.dtype_policy, upsampling_factors(scale)
        self.head = conv(3, features, dtype)
        self.body = [ResidualBlock(features, residual_scale, dtype=dtype) for _ in range(blocks)]
        self.body_end = conv(features, features, dtype)
        self.upsampling = [SubpixelConv(features, factor, dtype=dtype) for factor in factors]
        self.tail = conv(features, 3, "float32")
        stages = [(1, at) for at in accumulate(factors[:-1], mul, initial=1)]
        path = [*[(1, 1)] * (2 * blocks + 2), *stages, (1, scale)]
        self.receptive_radius = receptive_radius(scale, path)
        self.build(IMAGES)

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        mean = np.array(DIV2K_MEAN, "float32")
        head = self.head(inputs - mean)
        x = head
        for block in self.body:
            x = block(x)
        x = head + self.body_end(x)
        for upsample in self.upsampling:
            x = upsample(x)
        return self.tail(x) + mean

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "features": self.features,
            "blocks": self.blocks,
            "residual_scale": self.residual_scale,
        }
