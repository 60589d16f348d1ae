"""pix2pix' discriminator, with a logit for each of overlapping patches of 70x70 pixels."""

import keras
from keras import KerasTensor, ops

from srgan_tf.models.blocks import batch_norm, built
from srgan_tf.models.discriminators import Discriminator
from srgan_tf.settings import lookup


def small_normal() -> keras.initializers.Initializer:
    """Normal with a standard deviation of 0.02 (pix2pix, section 6.2)."""
    return keras.initializers.RandomNormal(stddev=0.02)


def instance_norm(channels: int, dtype: str | keras.DTypePolicy) -> keras.layers.Layer:
    """Each map of each image to mean 0 and variance 1; nothing is learned (arXiv 1607.08022)."""
    return built(channels, keras.layers.GroupNormalization(-1, epsilon=1e-5, center=False, scale=False, dtype=dtype))


NORMS = {"instance": instance_norm, "batch": batch_norm}


@keras.saving.register_keras_serializable("srgan_tf")
class PatchDiscriminator(Discriminator):
    """PatchGAN 70x70 (pix2pix, arXiv 1611.07004, section 6.1.2): C64-C128-C256-C512 and a convolution to one channel.

    Convolutions of 4x4, padded by 1, the first three with stride 2. Logits [B,P/8-2,P/8-2,1] of patches of P pixels.
    With instance normalisation 2,764,737 trainable parameters, as in CycleGAN's code; with batch normalisation, as in
    pix2pix' and RealSR's, 2,765,633: pix2pix' own 2,768,705 are for two images of 3 channels at once.
    """

    stride, smallest = 8, 24

    def __init__(self, patch_size: int = 128, features: int = 64, norm: str = "instance", **kwargs):
        """Builds the network.

        Args:
            patch_size: side of the square patches in pixels, a multiple of 8 from 24 on.
            features: channels of the first convolution.
            norm: "instance", of each image by itself, or "batch".
            **kwargs: as in Discriminator.
        """
        super().__init__(patch_size, features, **kwargs)
        normalize = lookup(NORMS, norm, "norm")
        self.norm = norm
        self.first = self._conv(3, features, 2)
        self.convolutions, self.norms = [], []
        for width, strides in ((1, 2), (2, 2), (4, 1)):
            self.convolutions.append(self._conv(features * width, 2 * features * width, strides, norm == "instance"))
            self.norms.append(normalize(2 * features * width, self.dtype_policy))
        self.last = self._conv(8 * features, 1, 1, dtype="float32")
        self.pin()

    def maps(self, inputs: KerasTensor) -> list:
        """The four activated maps and the logits."""
        maps = [ops.leaky_relu(self.first(_padded(inputs)), 0.2)]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            maps.append(ops.leaky_relu(norm(convolution(_padded(maps[-1]))), 0.2))
        return [*maps, self.last(_padded(maps[-1]))]

    def get_config(self) -> dict:
        """The architecture's arguments."""
        return {**super().get_config(), "norm": self.norm}

    def _conv(self, channels: int, filters: int, strides: int, use_bias: bool = True,
              dtype: str | keras.DTypePolicy | None = None) -> keras.layers.Conv2D:
        return built(channels, keras.layers.Conv2D(
            filters, 4, strides, padding="valid", use_bias=use_bias, kernel_initializer=small_normal(),
            dtype=dtype or self.dtype_policy))


def _padded(x: KerasTensor) -> KerasTensor:
    # Keras' "same" would pad the convolutions of stride 1 by 1 and 2.
    return ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
