"""RRDRB with noise inputs, the generator of ESRGAN+ and nESRGAN+."""

from collections.abc import Callable

import keras
from keras import KerasTensor, ops

from srgan_tf.models.blocks import conv, msra_tenth
from srgan_tf.models.rrdb import RRDB, DenseBlock, leaky_relu


class ReplicaSeeds(keras.random.SeedGenerator):
    """Seeds whose state is the same on all replicas, as a checkpoint keeps it, and whose draws are not.

    Attributes:
        replica: gives the number of the replica that draws; None where there is one. Training on several sets it.
    """

    def __init__(self):
        super().__init__()
        self.replica: Callable = lambda: None

    def next(self, ordered: bool = True) -> KerasTensor:
        seed, number = super().next(ordered), self.replica()
        return seed if number is None else seed + ops.cast(ops.stack([number, 0]), seed.dtype)


class NoiseInput(keras.layers.Layer):
    """x + scale x noise, with Gaussian noise and a learned scale for each channel; x itself outside training."""

    def __init__(self, features: int, **kwargs):
        super().__init__(**kwargs)
        self.scale = self.add_weight((features,), keras.initializers.Constant(0.1), name="scale")
        self.noise = ReplicaSeeds()
        self.built = True

    def call(self, x: KerasTensor, training: bool = False) -> KerasTensor:
        if not training:
            return x
        return x + self.scale * x * keras.random.normal(ops.shape(x), dtype=x.dtype, seed=self.noise)


class ResidualDenseBlock(DenseBlock):
    """A dense block in which every second convolution's output has the one before it added (figure 3 of the paper).

    The block's input reaches the second convolution's output through a 1x1 convolution without a bias, as in the
    authors' code; noise is added to the block's output.
    """

    def __init__(self, features: int, growth_channels: int, residual_scale: float, **kwargs):
        super().__init__(features, growth_channels, residual_scale, **kwargs)
        self.shortcut = conv(
            features, growth_channels, self.dtype_policy, kernel_size=1, use_bias=False, initializer=msra_tenth)
        self.noise = NoiseInput(features, dtype=self.dtype_policy)

    def call(self, x: KerasTensor) -> KerasTensor:
        maps, skip = [x], self.shortcut(x)
        for number, convolution in enumerate(self.growing, 1):
            grown = leaky_relu(convolution(ops.concatenate(maps, axis=-1)))
            if number % 2 == 0:
                grown = skip = grown + skip
            maps.append(grown)
        return self.noise(x + self.residual_scale * self.last(ops.concatenate(maps, axis=-1)))


@keras.saving.register_keras_serializable("srgan_tf")
class ESRGANPlus(RRDB):
    """RRDB of residual dense blocks with noise inputs (Rakotonirina and Rasoanaivo, arXiv 2001.08073, section 3).

    The arguments are RRDB's. x4 has 16,843,715 trainable parameters: RRDB's, 2,048 of the 1x1 convolution in each of 69
    dense blocks, and 64 of its noise input. The noise is relative to what it is added to, as in the authors' code,
    where the factor is fixed at 0.1; that is where the scales start. Outside training there is none.
    """

    dense_block = ResidualDenseBlock
