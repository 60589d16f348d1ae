"""RRDB, the generator of ESRGAN."""

from itertools import accumulate
from operator import mul

import keras
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.blocks import (
    conv,
    mirror_to_multiple,
    msra_tenth,
    nearest_upsample,
    pixel_unshuffle,
    upsampling_factors,
)
from srgan_tf.models.generator import (
    IMAGES,
    Generator,
    receptive_radius,
    require_image_channels,
    require_number,
    require_positive_integers,
)


class ResidualInResidual(keras.layers.Layer):
    """Three dense blocks in a residual of their own, the paper's RRDB."""

    def __init__(self, dense_blocks: list[keras.layers.Layer], residual_scale: float, **kwargs):
        super().__init__(**kwargs)
        self.dense_blocks, self.residual_scale = dense_blocks, residual_scale
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        residual = x
        for block in self.dense_blocks:
            residual = block(residual)
        return x + self.residual_scale * residual


class DenseBlock(keras.layers.Layer):
    """Five convolutions, each of which sees the input and everything before it.

    The fifth, which makes the residual, is not activated. Kernels start at a tenth of MSRA.
    """

    def __init__(self, features: int, growth_channels: int, residual_scale: float, **kwargs):
        super().__init__(**kwargs)
        self.residual_scale = residual_scale
        *growing, total = range(features, features + 4 * growth_channels + 1, growth_channels)
        self.growing = [
            conv(channels, growth_channels, self.dtype_policy, initializer=msra_tenth) for channels in growing]
        self.last = conv(total, features, self.dtype_policy, initializer=msra_tenth)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        maps = [x]
        for convolution in self.growing:
            maps.append(leaky_relu(convolution(ops.concatenate(maps, axis=-1))))
        return x + self.residual_scale * self.last(ops.concatenate(maps, axis=-1))


def leaky_relu(x: KerasTensor) -> KerasTensor:
    """The slope of ESRGAN's generator and discriminator."""
    return ops.leaky_relu(x, 0.2)


@keras.saving.register_keras_serializable("srgan_tf")
class RRDB(Generator):
    """RRDBNet (Wang et al., arXiv 1809.00219, section 3.1 and figure 4).

    Residual-in-residual dense blocks between two convolutions with a long skip, then nearest-neighbour upscaling
    and convolution in turn. x4 has 16,697,987 trainable parameters; 6 blocks have 4,467,779.

    With `unshuffle` it is the network of Real-ESRGAN (arXiv 2107.10833, section 3.3 and figure 4), which puts cells of
    pixels into channels first and upscales `unshuffle` times more afterwards: x2 by `unshuffle=2` has 16,703,171
    parameters, x1 by `unshuffle=4` has 16,723,907. Images that are no multiple of it are mirrored at the right and
    the bottom, and the result is cut. The cells' order is that of blocks.pixel_unshuffle.
    """

    scales = (1, 2, 3, 4, 8)
    dense_block = DenseBlock

    def __init__(
        self,
        scale: int = 4,
        features: int = 64,
        growth_channels: int = 32,
        blocks: int = 23,
        residual_scale: float = 0.2,
        unshuffle: int = 1,
        image_channels: int = 3,
        **kwargs,
    ):
        """Builds the network.

        Args:
            scale: 1, 2, 3, 4 or 8; 3 is one step, the others are doublings.
            features: channels between the blocks.
            growth_channels: channels that each convolution of a dense block adds.
            blocks: residual-in-residual dense blocks, of three dense blocks each.
            residual_scale: the paper's beta, the factor on each residual.
            unshuffle: side of the cells of pixels that become channels: 1, 2 or 4; 1 for x3.
            image_channels: of input and output: 1 (grey), 3 (RGB) or 4 (RGBA).
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, **kwargs)
        require_positive_integers(features=features, growth_channels=growth_channels, blocks=blocks)
        require_number(residual_scale=residual_scale)
        require_image_channels(image_channels)
        if isinstance(unshuffle, bool) or unshuffle not in ((1,) if scale == 3 else (1, 2, 4)):
            raise UserError(f"unshuffle of RRDB must be 1, 2 or 4, and 1 for scale 3; got {unshuffle!r}")
        self.unshuffle = self.alignment = unshuffle
        self.image_channels = image_channels
        self.features, self.growth_channels = features, growth_channels
        self.blocks, self.residual_scale = blocks, residual_scale
        dtype, self.factors = self.dtype_policy, upsampling_factors(scale * unshuffle)
        self.head = conv(image_channels * unshuffle**2, features, dtype)
        self.body = [
            ResidualInResidual(
                [self.dense_block(features, growth_channels, residual_scale, dtype=dtype) for _ in range(3)],
                residual_scale, dtype=dtype)
            for _ in range(blocks)]
        self.body_end = conv(features, features, dtype)
        self.upsampling = [conv(features, features, dtype) for _ in self.factors]
        self.refine = conv(features, features, dtype)
        self.tail = conv(features, image_channels, "float32")
        stages = [(1, at) for at in accumulate(self.factors, mul)]
        path = [*[(1, 1)] * (2 + 15 * blocks), *stages, (1, scale * unshuffle), (1, scale * unshuffle)]
        # In cells; the first pixel of a cell sees all of the last one.
        self.receptive_radius = receptive_radius(scale * unshuffle, path) * unshuffle + unshuffle - 1
        self.build((*IMAGES[:3], image_channels))

    def call(self, inputs: KerasTensor) -> KerasTensor:
        _, height, width, _ = ops.shape(inputs)
        head = self.head(pixel_unshuffle(mirror_to_multiple(inputs, self.unshuffle), self.unshuffle))
        x = head
        for block in self.body:
            x = block(x)
        x = head + self.body_end(x)
        for factor, convolution in zip(self.factors, self.upsampling, strict=True):
            x = leaky_relu(convolution(nearest_upsample(x, factor)))
        x = self.tail(leaky_relu(self.refine(x)))
        return x if self.unshuffle == 1 else x[:, : height * self.scale, : width * self.scale]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "features": self.features,
            "growth_channels": self.growth_channels,
            "blocks": self.blocks,
            "residual_scale": self.residual_scale,
            "unshuffle": self.unshuffle,
            "image_channels": self.image_channels,
        }
