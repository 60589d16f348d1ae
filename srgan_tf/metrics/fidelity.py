"""PSNR and SSIM as super-resolution papers measure them: on unrounded Y, with a border cropped, image by image.

Arrays are uint8, or floating point on the same 0..255 scale: [H,W,3] RGB, or grey as [H,W] or [H,W,1], which is taken
as Y. Everything is computed in float64.
"""

import math

import numpy as np

from srgan_tf.imaging.color import rgb_to_y

CHANNELS = ("y", "rgb")

_PEAK = 255.0
# Wang et al., "Image quality assessment: from error visibility to structural similarity" (2004), section III-B and C.
SSIM_WINDOW, _SIGMA, _K1, _K2 = 11, 1.5, 0.01, 0.03

# Rows of SSIM computed together: their intermediate results stay within a core's cache.
_STRIP = 16


def psnr(a: np.ndarray, b: np.ndarray, *, crop: int = 0, channel: str = "y") -> float:
    """Peak signal-to-noise ratio in dB, for a peak of 255; infinity for equal images.

    Args:
        a: one image, as the module describes them.
        b: the other, of the same shape; the order does not matter.
        crop: pixels cut from each side first; papers cut as many as the scale.
        channel: "y", or "rgb" for the error over all channels together.

    Raises:
        ValueError: bad shapes, types, crop or channel.
    """
    a, b = _planes(a, b, crop, channel)
    error = np.mean(np.square(a - b))
    return math.inf if error == 0 else 10 * math.log10(_PEAK**2 / error)


def ssim(a: np.ndarray, b: np.ndarray, *, crop: int = 0, channel: str = "y") -> float:
    """Mean structural similarity (Wang et al. 2004), at most 1, which equal images reach.

    The window is an 11 x 11 Gaussian of sigma 1.5; only its positions wholly within the image count.

    Args:
        a: one image.
        b: the other, of the same shape.
        crop: pixels cut from each side first.
        channel: "y", or "rgb" for the mean of the three channels' values.

    Raises:
        ValueError: as for `psnr`, and an image smaller than the window after the crop.
    """
    a, b = _planes(a, b, crop, channel)
    height, width = a.shape[:2]
    if min(height, width) < SSIM_WINDOW:
        raise ValueError(f"SSIM needs {SSIM_WINDOW} x {SSIM_WINDOW} pixels; "
                         f"{width} x {height} are left after a crop of {crop}")
    return float(np.mean([_plane_ssim(a[..., plane], b[..., plane]) for plane in range(a.shape[2])]))


def _planes(a: np.ndarray, b: np.ndarray, crop: int, channel: str) -> tuple[np.ndarray, np.ndarray]:
    """Checks, crops and takes the channel: two float64 arrays [H,W,P], P = 1 for Y and for grey."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"images must have the same shape; got {a.shape} and {b.shape}")
    if not (a.ndim == 2 or (a.ndim == 3 and a.shape[2] in (1, 3))):
        raise ValueError(f"images must be [H,W,3], or grey as [H,W] or [H,W,1]; got shape {a.shape}")
    for array in (a, b):
        if array.dtype != np.uint8 and not np.issubdtype(array.dtype, np.floating):
            raise ValueError(f"images must be uint8, or floating point on 0..255; got {array.dtype}")
    if channel not in CHANNELS:
        raise ValueError(f"channel must be one of {', '.join(CHANNELS)}; got {channel!r}")
    height, width = a.shape[:2]
    if not 0 <= 2 * crop < min(height, width):
        raise ValueError(f"crop must leave some of the {width} x {height} pixels; got {crop}")
    inside = (slice(crop, height - crop), slice(crop, width - crop))
    if channel == "rgb" and a.ndim == 3:
        return a[inside].astype(np.float64), b[inside].astype(np.float64)
    return rgb_to_y(a[inside])[..., None], rgb_to_y(b[inside])[..., None]


def _plane_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Mean SSIM of two [H,W] planes."""
    rows = a.shape[0] - SSIM_WINDOW + 1
    total = 0.0
    for start in range(0, rows, _STRIP):
        strip = slice(start, min(start + _STRIP, rows) + SSIM_WINDOW - 1)
        total += _ssim_map(a[strip], b[strip]).sum()
    return total / (rows * (a.shape[1] - SSIM_WINDOW + 1))


def _ssim_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Equation 13 of the paper at each position of the window: [H,W] twice -> [H-10,W-10]."""
    c1, c2 = (_K1 * _PEAK) ** 2, (_K2 * _PEAK) ** 2
    mean_a, mean_b = _blur(a), _blur(b)
    product, squares = mean_a * mean_b, mean_a**2 + mean_b**2
    covariance = _blur(a * b) - product
    # The two variances only occur as their sum: one blur serves both.
    variances = _blur(a**2 + b**2) - squares
    return (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))


def _blur(x: np.ndarray) -> np.ndarray:
    """The Gaussian window, one axis after the other, where it fits: [H,W] -> [H-10,W-10]."""
    offsets = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    rows, columns = (size - SSIM_WINDOW + 1 for size in x.shape)
    x = sum(weight * x[tap : tap + rows] for tap, weight in enumerate(weights))
    return sum(weight * x[:, tap : tap + columns] for tap, weight in enumerate(weights))
