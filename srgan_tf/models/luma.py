"""What the networks for luma alone have in common: colour in, colour out, and the network on Y in between."""

import numpy as np
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.blocks import bicubic_upsample
from srgan_tf.models.generator import Generator

# MATLAB's rgb2ycbcr on images in [0, 1]: Y is in [16/255, 235/255].
LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)
BLACK = 16 / 255
LUMA_TO_RGB = 255 / 219


def luma(x: KerasTensor) -> KerasTensor:
    """MATLAB's Y: [B,H,W,3] RGB in [0, 1] -> [B,H,W,1]."""
    kernel = ops.convert_to_tensor(np.reshape(LUMA, (1, 1, 3, 1)), x.dtype)
    return ops.conv(x, kernel, padding="valid") + BLACK


class LumaGenerator(Generator):
    """Base of the generators whose papers upscale Y by the network, and Cb and Cr by MATLAB's bicubic interpolation.

    They take and give RGB like every other generator. As R, G and B are Y plus the same multiple of what is taken from
    Cb and Cr, going there and back is the bicubic upscaling plus 255/219 of what the network changes of its Y. A
    network of three channels takes and gives RGB itself.

    A subclass has `enhance` in place of `call`.
    """

    def __init__(self, scale: int, channels: int, **kwargs):
        """Checks the arguments.

        Args:
            scale: one of the class's `scales`.
            channels: of the network's input and output: 1 for Y, 3 for RGB.
            **kwargs: `name` and `dtype` of the keras.Model.

        Raises:
            ValueError: an argument is out of range.
        """
        super().__init__(scale, **kwargs)
        if isinstance(channels, bool) or channels not in (1, 3):
            raise UserError(f"channels of {type(self).__name__} must be 1 (Y) or 3 (RGB); got {channels!r}")
        self.channels = channels

    def call(self, inputs: KerasTensor) -> KerasTensor:
        upscaled = bicubic_upsample(inputs, self.scale)
        if self.channels == 3:
            return self.enhance(inputs, upscaled)
        before = luma(upscaled)
        return upscaled + LUMA_TO_RGB * (self.enhance(luma(inputs), before) - before)

    def enhance(self, low: KerasTensor, upscaled: KerasTensor) -> KerasTensor:
        """What the network makes, float32 [B,sH,sW,channels].

        Args:
            low: float32 [B,H,W,channels], the image.
            upscaled: float32 [B,sH,sW,channels], its bicubic upscaling.
        """
        raise NotImplementedError

    def get_config(self) -> dict:
        return {**super().get_config(), "channels": self.channels}


def radius_on_bicubic(scale: int, radius: int) -> int:
    """`receptive_radius` of convolutions on the bicubic upscaling.

    The last pixel of a cell reaches `radius` pixels further; that one is interpolated from two LR pixels to each side
    of its place between LR pixels, or is one of them.

    Args:
        scale: of the network.
        radius: of all convolutions together, in HR pixels.
    """
    return radius if scale == 1 else 1 - (1 - scale - 2 * radius) // (2 * scale)
