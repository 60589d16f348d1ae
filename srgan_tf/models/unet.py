"""Real-ESRGAN's discriminator, with a logit for every pixel."""

import keras
from keras import KerasTensor, ops

from srgan_tf.models.blocks import bilinear_double, conv
from srgan_tf.models.discriminators import Discriminator
from srgan_tf.models.spectral import SpectralConv


@keras.saving.register_keras_serializable("srgan_tf")
class UNetDiscriminator(Discriminator):
    """A U-Net with spectral normalisation (arXiv 2107.10833, section 3.4 and figure 6): 4,376,897 parameters.

    Three 4x4 convolutions with stride 2 down, three 3x3 ones behind bilinear upsampling, the maps of the same
    size added; every convolution but the first and the last is spectrally normalised. Logits [B,H,W,1].
    """

    stride = 8

    def __init__(self, patch_size: int = 256, features: int = 64, **kwargs):
        """Builds the network; the arguments are those of Discriminator."""
        super().__init__(patch_size, features, **kwargs)
        dtype = self.dtype_policy
        self.first = conv(3, features, dtype)
        self.down = [SpectralConv(features * width, 2 * features * width, kernel_size=4, strides=2, dtype=dtype)
                     for width in (1, 2, 4)]
        self.up = [SpectralConv(2 * features * width, features * width, dtype=dtype) for width in (4, 2, 1)]
        self.refine = [SpectralConv(features, features, dtype=dtype) for _ in range(2)]
        self.last = conv(features, 1, "float32")
        self.pin()

    def maps(self, inputs: KerasTensor) -> list:
        """The nine activated maps, which skip connections are added to later, and the logits."""
        maps = [ops.leaky_relu(self.first(inputs), 0.2)]
        for layer in self.down:
            maps.append(ops.leaky_relu(layer(maps[-1]), 0.2))
        x = maps[-1]
        for layer, skip in zip(self.up, maps[2::-1], strict=True):
            maps.append(ops.leaky_relu(layer(bilinear_double(x)), 0.2))
            x = maps[-1] + skip
        for layer in self.refine:
            x = ops.leaky_relu(layer(x), 0.2)
            maps.append(x)
        return [*maps, self.last(x)]
