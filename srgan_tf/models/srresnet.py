"""SRResNet, the generator of SRGAN."""

from itertools import accumulate
from operator import mul

import keras

from srgan_tf.models.blocks import SubpixelConv, batch_norm, conv, prelu, upsampling_factors
from srgan_tf.models.generator import IMAGES, Generator, receptive_radius, require_positive_integers


@keras.saving.register_keras_serializable("srgan_tf")
class SRResNet(Generator):
    """SRResNet (Ledig et al., arXiv 1609.04802, section 2.1.1 and figure 4).

    9x9 head, residual blocks with batch normalisation, a long skip, pixel-shuffle upsampling, 9x9 tail. x4 has
    1,550,659 trainable parameters. x3 and x8, which the paper has not, follow its upsampling: one step by 3, three
    doublings.

    The paper's figure shows no activation after the last convolution, and there is none: a tanh, which many ports
    add, belongs to images in [-1, 1] and stops the gradient at black and white.
    """

    def __init__(self, scale: int = 4, features: int = 64, blocks: int = 16, scalar_prelu: bool = False, **kwargs):
        """Builds the network.

        Args:
            scale: 2, 3, 4 or 8.
            features: channels throughout.
            blocks: residual blocks.
            scalar_prelu: one learned slope for each PReLU instead of one for each channel (x4: 1,549,462 parameters).
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, **kwargs)
        require_positive_integers(features=features, blocks=blocks)
        self.features, self.blocks, self.scalar_prelu = features, blocks, scalar_prelu
        dtype, factors = self.dtype_policy, upsampling_factors(scale)
        self.head = conv(3, features, dtype, kernel_size=9)
        self.head_activation = prelu(features, dtype, scalar_prelu)
        self.body = [NormalizedResidualBlock(features, scalar_prelu, dtype=dtype) for _ in range(blocks)]
        self.body_end = conv(features, features, dtype)
        self.body_norm = batch_norm(features, dtype)
        self.upsampling = [SubpixelConv(features, factor, dtype=dtype) for factor in factors]
        self.upsampling_activations = [prelu(features, dtype, scalar_prelu) for _ in factors]
        self.tail = conv(features, 3, "float32", kernel_size=9)
        stages = [(1, at) for at in accumulate(factors[:-1], mul, initial=1)]
        path = [(4, 1), *[(1, 1)] * (2 * blocks + 1), *stages, (4, scale)]
        self.receptive_radius = receptive_radius(scale, path)
        self.build(IMAGES)

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        head = self.head_activation(self.head(inputs))
        x = head
        for block in self.body:
            x = block(x)
        x = head + self.body_norm(self.body_end(x))
        for upsample, activation in zip(self.upsampling, self.upsampling_activations, strict=True):
            x = activation(upsample(x))
        return self.tail(x)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "features": self.features,
            "blocks": self.blocks,
            "scalar_prelu": self.scalar_prelu,
        }


class NormalizedResidualBlock(keras.layers.Layer):
    """x + BN(conv(PReLU(BN(conv(x))))), the residual block of SRResNet."""

    def __init__(self, features: int, scalar_prelu: bool, **kwargs):
        super().__init__(**kwargs)
        dtype = self.dtype_policy
        # The biases do nothing before batch normalisation; they are kept because the reference networks have them.
        self.conv1, self.norm1 = conv(features, features, dtype), batch_norm(features, dtype)
        self.activation = prelu(features, dtype, scalar_prelu)
        self.conv2, self.norm2 = conv(features, features, dtype), batch_norm(features, dtype)
        self.built = True

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        residual = self.activation(self.norm1(self.conv1(x)))
        return x + self.norm2(self.conv2(residual))
