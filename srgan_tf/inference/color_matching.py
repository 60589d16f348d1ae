"""`--match_color`: the low frequencies of a result are those of its image.

Networks trained against a discriminator shift colours and brightness a little, over whole surfaces. The difference of
the image and of the result's averages over each LR pixel is low-passed, interpolated and added to the result: what is
finer, and so the texture that the network invents, stays. It is the wavelet colour correction of StableSR (Wang et
al., arXiv 2305.07015, section 3.4) with one low-pass in place of five, at the image's scale.

Measured on Set14, with and without it: perceptual_x4 26.99 and 26.99 dB PSNR-Y, LPIPS 0.1467 and 0.1467, average
colours off by 0.06 and 0.25 levels; realesr-general-x4v3 25.36 and 25.19 dB, 0.3167 and 0.3167, 0.10 and 1.51 levels.
"""

import numpy as np

from srgan_tf.config import UpscaleConfig
from srgan_tf.hub import shifts_colors
from srgan_tf.imaging import matlab_resize, to_uint8, to_unit
from srgan_tf.inference.channels import float_run
from srgan_tf.runtimes import Runtime

RADIUS = 5  # LR pixels of each of the two box filters
REACH = 2 * RADIUS + 2  # and of the interpolation


def matches_color(config: UpscaleConfig) -> bool:
    """Whether `upscale` matches colours: unless it is said, for networks between two, and those that shift colours.

    A network between two can be off by ten levels of brightness where neither of the two is.
    """
    if config.match_color is not None:
        return config.match_color
    return bool(config.strengths()) or (not config.server and shifts_colors(config.model))


def match_color(runtime: Runtime) -> Runtime:
    """The runtime, whose results have the low frequencies of its images.

    It looks REACH pixels further than the runtime does, and is tiled by that.
    """
    run, radius = float_run(runtime), runtime.receptive_radius

    def run_float(images: np.ndarray) -> np.ndarray:
        return with_low_frequencies(run(images), to_unit(images), runtime.scale)

    return runtime._replace(run=lambda images: to_uint8(run_float(images)), run_float=run_float,
                            receptive_radius=None if radius is None else radius + REACH, channelwise=False)


def with_low_frequencies(upscaled: np.ndarray, images: np.ndarray, scale: int, radius: int = RADIUS) -> np.ndarray:
    """Gives upscaled images the low frequencies of the LR images.

    Args:
        upscaled: float32 [N,sH,sW,C].
        images: float32 [N,H,W,C].
        scale: s.
        radius: of each of the two box filters, in LR pixels.

    Returns:
        float32 [N,sH,sW,C], neither rounded nor clipped.
    """
    count, height, width, channels = images.shape
    # [N,sH,sW,C] -> [N,H,s,W,s,C] -> [N,H,W,C]
    means = upscaled.reshape(count, height, scale, width, scale, channels).mean(axis=(2, 4))
    difference = images - means
    for axis in (1, 2, 1, 2):
        difference = _box(difference, axis, radius)
    return upscaled + np.stack([matlab_resize(one, scale) for one in difference])


def _box(images: np.ndarray, axis: int, radius: int) -> np.ndarray:
    """The average over 2 radius + 1 pixels along an axis; beyond the edge lies its mirror image."""
    more = [(radius, radius) if axis == place else (0, 0) for place in range(images.ndim)]
    padded = np.moveaxis(np.pad(images, more, mode="symmetric"), axis, 0)
    length = images.shape[axis]
    total = sum(padded[shift : shift + length] for shift in range(2 * radius + 1))
    return np.moveaxis(total / np.float32(2 * radius + 1), 0, axis)
