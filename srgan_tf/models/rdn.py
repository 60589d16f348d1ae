"""RDN, residual dense networks."""

from itertools import accumulate
from operator import mul

import keras
import numpy as np
from keras import KerasTensor, ops

from srgan_tf.models.blocks import SubpixelConv, conv, upsampling_factors
from srgan_tf.models.edsr import DIV2K_MEAN
from srgan_tf.models.generator import IMAGES, Generator, receptive_radius, require_positive_integers


@keras.saving.register_keras_serializable("srgan_tf")
class RDN(Generator):
    """RDN (Zhang et al., arXiv 1802.08797, section 3 and figures 2 and 3).

    Residual dense blocks whose outputs are all fused, with a long skip. x4 has 22,271,107 trainable parameters.

    DIV2K's mean is subtracted and added as in EDSR, and weights of networks on 0..255 are taken over as EDSR's are:
    with their biases divided by 255.
    """

    def __init__(
        self,
        scale: int = 4,
        features: int = 64,
        growth_channels: int = 64,
        blocks: int = 16,
        convolutions: int = 8,
        **kwargs,
    ):
        """Builds the network.

        Args:
            scale: 2, 3, 4 or 8.
            features: the paper's G0, channels between the blocks.
            growth_channels: the paper's G, channels that each convolution of a block adds.
            blocks: the paper's D.
            convolutions: the paper's C, 3x3 convolutions in each block.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, **kwargs)
        require_positive_integers(
            features=features, growth_channels=growth_channels, blocks=blocks, convolutions=convolutions)
        self.features, self.growth_channels = features, growth_channels
        self.blocks, self.convolutions = blocks, convolutions
        dtype, factors = self.dtype_policy, upsampling_factors(scale)
        self.head = conv(3, features, dtype)
        self.head_end = conv(features, features, dtype)
        self.body = [FusedDenseBlock(features, growth_channels, convolutions, dtype=dtype) for _ in range(blocks)]
        self.fusion = conv(blocks * features, features, dtype, kernel_size=1)
        self.body_end = conv(features, features, dtype)
        self.upsampling = [SubpixelConv(features, factor, dtype=dtype) for factor in factors]
        self.tail = conv(features, 3, "float32")
        stages = [(1, at) for at in accumulate(factors[:-1], mul, initial=1)]
        path = [*[(1, 1)] * (3 + blocks * convolutions), *stages, (1, scale)]
        self.receptive_radius = receptive_radius(scale, path)
        self.build(IMAGES)

    def call(self, inputs: KerasTensor) -> KerasTensor:
        mean = np.array(DIV2K_MEAN, "float32")
        head = self.head(inputs - mean)
        x, outputs = self.head_end(head), []
        for block in self.body:
            x = block(x)
            outputs.append(x)
        x = head + self.body_end(self.fusion(ops.concatenate(outputs, axis=-1)))
        for upsample in self.upsampling:
            x = upsample(x)
        return self.tail(x) + mean

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "features": self.features,
            "growth_channels": self.growth_channels,
            "blocks": self.blocks,
            "convolutions": self.convolutions,
        }


class FusedDenseBlock(keras.layers.Layer):
    """Convolutions that each see the input and everything before them, fused by a 1x1 convolution (figure 3)."""

    def __init__(self, features: int, growth_channels: int, convolutions: int, **kwargs):
        super().__init__(**kwargs)
        *growing, total = range(features, features + convolutions * growth_channels + 1, growth_channels)
        self.growing = [conv(channels, growth_channels, self.dtype_policy) for channels in growing]
        self.fusion = conv(total, features, self.dtype_policy, kernel_size=1)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        maps = [x]
        for convolution in self.growing:
            maps.append(ops.relu(convolution(ops.concatenate(maps, axis=-1))))
        return x + self.fusion(ops.concatenate(maps, axis=-1))
