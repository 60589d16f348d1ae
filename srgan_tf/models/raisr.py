"""RAISR: a linear filter for each pixel, which a hash of the gradients around it chooses."""

import math

import keras
import numpy as np
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.blocks import bilinear_upsample, pixel_shuffle, replicate_edges
from srgan_tf.models.generator import IMAGES, require_booleans, require_positive_integers
from srgan_tf.models.luma import LumaGenerator
from srgan_tf.models.raisr_windows import difference_kernel, filter_windows, gradient_kernel, reach, window_kernels
from srgan_tf.models.sizes import count_layer

# Of RGB's bicubic upscaling, in LR pixels.
BICUBIC_RADIUS = 2
# Keeps the coherence of a plain surface at 0; the least gradient of 8-bit images is about 1e-3.
PLAIN = 1e-6
# By how much less a pixel is darker in the census transform. The bilinear upscaling repeats the first and last rows and
# columns, and rounding would decide which of two equal pixels is darker.
DARKER = 1e-5


@keras.saving.register_keras_serializable("srgan_tf")
class RAISR(LumaGenerator):
    """RAISR (Romano et al., arXiv 1606.01299): bilinear upscaling of Y, then one of its filters at each pixel.

    The filter's bucket is a hash of the structure tensor of the gradients in a window: the angle of its first
    eigenvector, the root of its first eigenvalue (strength), and by how much the roots of both differ (coherence).
    Each of the s^2 pixel types has filters of its own: with the paper's sizes 864 of 11x11 for x2. They come in closed
    form from least squares (training/fitting.py); until then the output is the bilinear upscaling.

    A filter on the bilinear upscaling is one on LR pixels, 7x7 of them for x2 and 5x5 for x3 and x4, which is what is
    computed; the weights are those of the paper. Unlike there, filters add up to 1: they are applied to differences
    from the LR pixel, so that a plain surface stays plain whichever bucket noise puts it in. And the first angle has 0
    in its middle, so that the vertical edges of drawings do not lie between two buckets.

    Everything is computed in float32: in bfloat16 the hash would choose other filters.
    """

    scales = (2, 3, 4)
    closed_form = True

    def __init__(self, scale: int = 4, angles: int = 24, strengths: int = 3, coherences: int = 3,
                 filter_size: int = 11, gradient_size: int = 9, blending: bool = True, **kwargs):
        """Builds the network.

        Args:
            scale: 2, 3 or 4.
            angles: how many the half circle is divided into, an even number.
            strengths: how many strengths there are.
            coherences: how many coherences.
            filter_size: side of the filters in HR pixels, odd and at least 3.
            gradient_size: side of the window of the gradients, odd and at least 3 too; its Gaussian has a deviation of
                2 for 9.
            blending: where a filter changes which of a pixel's neighbours are darker than it (census transform), take
                the more of the bilinear upscaling the more of the eight it changes.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, 1, **kwargs)
        require_positive_integers(256, angles=angles, strengths=strengths, coherences=coherences,
                                  filter_size=filter_size, gradient_size=gradient_size)
        require_booleans(blending=blending)
        if angles % 2:
            raise UserError(f"angles of RAISR must be even; got {angles}")
        for name, size in (("filter_size", filter_size), ("gradient_size", gradient_size)):
            if size % 2 == 0 or size == 1:
                raise UserError(f"{name} of RAISR must be odd and at least 3; got {size}")
        self.angles, self.strengths, self.coherences = angles, strengths, coherences
        self.filter_size, self.gradient_size, self.blending = filter_size, gradient_size, blending
        self.bank = FilterBank(scale, angles * strengths * coherences, strengths, coherences, filter_size)
        self.filter_reach = reach(scale, filter_size // 2)
        seen = max(filter_size // 2, gradient_size // 2 + 1) + blending  # HR pixels
        self.receptive_radius = max(reach(scale, seen), BICUBIC_RADIUS)
        self._differences, self._gradients = difference_kernel(self.filter_reach), gradient_kernel(scale)
        self._windows = window_kernels(scale, gradient_size, 3)
        self.build(IMAGES)

    def enhance(self, low: KerasTensor, upscaled: KerasTensor) -> KerasTensor:
        filtered = pixel_shuffle(self.filter(low), self.scale)
        return blend(bilinear_upsample(low, self.scale), filtered) if self.blending else filtered

    def filter(self, low: KerasTensor) -> KerasTensor:
        """Each pixel filtered by its bucket's filter: [B,H,W,1] -> [B,H,W,s^2], by pixel type."""
        differences, places = self.differences(low), self.buckets(low)
        rows, filters = ops.reshape(differences, (-1, differences.shape[-1])), self.bank.on_lr_pixels()
        # One type after another: the filters of all pixels together would take four times the memory.
        changes = [ops.sum(ops.take(filters[kind], ops.reshape(places[..., kind], (-1,)), axis=0) * rows, axis=-1)
                   for kind in range(self.scale**2)]
        return low + ops.reshape(ops.stack(changes, axis=-1), ops.shape(places))

    def differences(self, low: KerasTensor) -> KerasTensor:
        """What the LR pixels around each differ from it by: [B,H,W,1] -> [B,H,W,n^2]."""
        return _convolve(replicate_edges(low, self.filter_reach), self._differences)

    def buckets(self, low: KerasTensor) -> KerasTensor:
        """The number of each pixel's filter among those of its type: [B,H,W,1] -> int32 [B,H,W,s^2]."""
        angle, strength, coherence = self.features(low)
        number = ops.cast(ops.floor(angle * (self.angles / math.pi) + 0.5), "int32")
        number = ops.where(number < 0, number + self.angles, number)
        for value, bounds in ((strength, self.bank.strengths), (coherence, self.bank.coherences)):
            above = [ops.cast(value > bounds[place], "int32") for place in range(bounds.shape[0])]
            number = sum(above, number * (len(above) + 1))
        return number

    def features(self, low: KerasTensor) -> tuple[KerasTensor, ...]:
        """Angle in (-pi/2, pi/2], strength and coherence of the gradients: [B,H,W,1] -> three of [B,H,W,s^2]."""
        border = self._windows[0].shape[0] // 2 + 1
        gradients = _convolve(replicate_edges(low, border), self._gradients)
        across, down = ops.split(gradients, 2, axis=-1)
        tensors = ops.concatenate([across * across, across * down, down * down], axis=-1)
        for kernel in self._windows:
            tensors = _convolve(tensors, kernel)
        xx, xy, yy = ops.split(tensors, 3, axis=-1)
        mean, half = (xx + yy) / 2, (xx - yy) / 2
        apart = ops.sqrt(half * half + xy * xy)
        strong, weak = ops.sqrt(mean + apart), ops.sqrt(ops.maximum(mean - apart, 0))
        return ops.arctan2(xy, half) / 2, strong, (strong - weak) / (strong + weak + PLAIN)

    def get_config(self) -> dict:
        config = super().get_config()
        del config["channels"]  # Y alone
        return {**config, "angles": self.angles, "strengths": self.strengths, "coherences": self.coherences,
                "filter_size": self.filter_size, "gradient_size": self.gradient_size, "blending": self.blending}


class FilterBank(keras.layers.Layer):
    """The weights of RAISR.

    Attributes:
        windows: the bilinear upscaling in the window of a filter, [s^2,size^2,n^2], as filter_windows gives it.
        kernel: the filters, [s^2,buckets,size^2], on the bilinear upscaling.
        strengths, coherences: the values between which buckets lie, in rising order.
    """

    def __init__(self, scale: int, buckets: int, strengths: int, coherences: int, size: int):
        super().__init__(dtype="float32", name="bank")
        count_layer()
        self.windows = filter_windows(scale, size)
        # Within a model of a mixed policy Keras would hand them out in bfloat16.
        self.kernel = self.add_weight(
            name="kernel", shape=(scale**2, buckets, size**2), initializer=_middle, autocast=False)
        self.strengths, self.coherences = (
            self.add_weight(name=name, shape=(count - 1,), initializer="zeros", trainable=False, autocast=False)
            for name, count in (("strengths", strengths), ("coherences", coherences)))
        self.built = True

    def on_lr_pixels(self) -> KerasTensor:
        """The filters as ones on LR pixels: [s^2,buckets,n^2]."""
        return ops.matmul(self.kernel, ops.convert_to_tensor(self.windows, "float32"))


def blend(upscaled: KerasTensor, filtered: KerasTensor) -> KerasTensor:
    """Takes more of the bilinear upscaling the more a filter changes the census transform: [B,H,W,1] each.

    Of a pixel's eight neighbours, those are counted that are darker than it in one of the images but not in the other.
    """
    changed, (height, width) = 0, ops.shape(upscaled)[1:3]
    wide = [replicate_edges(image, 1) for image in (upscaled, filtered)]
    for top in range(3):
        for left in range(3):
            if (top, left) != (1, 1):
                one, other = (around[:, top : top + height, left : left + width] < image - DARKER
                              for around, image in zip(wide, (upscaled, filtered), strict=True))
                changed = changed + ops.cast(ops.not_equal(one, other), "float32")
    return filtered + changed / 8 * (upscaled - filtered)


def _middle(shape: tuple[int, ...], dtype: str) -> KerasTensor:
    """Filters that give the pixel in their middle."""
    return ops.broadcast_to(ops.one_hot(shape[-1] // 2, shape[-1], dtype=dtype), shape)


def _convolve(x: KerasTensor, kernel: np.ndarray) -> KerasTensor:
    return ops.conv(x, ops.convert_to_tensor(kernel, "float32"), padding="valid")
