"""Multi-scale structural similarity as a loss (Wang, Simoncelli and Bovik, Asilomar 2003)."""

import numpy as np
from keras import KerasTensor, ops

from srgan_tf.errors import UserError

# Section 3.2 of the paper: the exponents from the finest scale to the coarsest.
EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2
# A mean of at most 0 has no fractional power, and the slope of the power has no bound on the way there.
LEAST_SIMILARITY = 1e-4


def ms_ssim_loss(hr: KerasTensor, sr: KerasTensor) -> KerasTensor:
    """1 - MS-SSIM, the average over images and channels: 0 for equal images.

    Contrast and structure are compared at each scale, luminance at the coarsest one (Eq. 7), over positions of an 11x11
    Gaussian window wholly within the image; between scales 2x2 pixels are averaged and an odd last row or column is
    dropped. Where the window does not fit at five scales (below 176 pixels) the coarsest ones are left out, and the
    other exponents are multiplied by one factor so that their sum stays the same.

    Args:
        hr: the references, [B,H,W,C] in [0, 1], at least 11 pixels a side.
        sr: the generator's images.

    Raises:
        UserError: the images are smaller than the window.
    """
    hr, sr = ops.cast(hr, "float32"), ops.cast(sr, "float32")
    exponents = scale_exponents(min(hr.shape[1:3]))
    similarity = 1.0
    for scale, exponent in enumerate(exponents):
        if scale:
            hr, sr = (ops.average_pool(images, 2, 2, "valid") for images in (hr, sr))
        luminance, structure = _similarities(hr, sr)
        if scale == len(exponents) - 1:
            structure = luminance * structure
        mean = ops.mean(structure, (1, 2))  # [B,C]
        similarity = similarity * ops.power(ops.maximum(mean, LEAST_SIMILARITY), exponent)
    return 1 - ops.mean(similarity)


def scale_exponents(side: int) -> tuple[float, ...]:
    """The exponents of the scales at which the window fits into an image whose smaller side is `side` pixels.

    Raises:
        UserError: it fits at none.
    """
    count = sum(side // 2**scale >= WINDOW for scale in range(len(EXPONENTS)))
    if not count:
        raise UserError(f"MS-SSIM needs images of at least {WINDOW} pixels a side; got {side}")
    factor = sum(EXPONENTS) / sum(EXPONENTS[:count])
    return tuple(factor * exponent for exponent in EXPONENTS[:count])


def _similarities(a: KerasTensor, b: KerasTensor) -> tuple:
    """Luminance, and contrast times structure, at each position of the window: [B,H,W,C] -> [B,H-10,W-10,C] twice."""
    channels = a.shape[-1]
    blurred = _blur(ops.concatenate([a, b, ops.square(a) + ops.square(b), a * b], -1))
    mean_a, mean_b, squares, products = (
        blurred[..., first * channels : (first + 1) * channels] for first in range(4))
    mean_product, mean_squares = mean_a * mean_b, ops.square(mean_a) + ops.square(mean_b)
    luminance = (2 * mean_product + C1) / (mean_squares + C1)
    # The two variances occur only as their sum.
    structure = (2 * (products - mean_product) + C2) / (squares - mean_squares + C2)
    return luminance, structure


def _blur(x: KerasTensor) -> KerasTensor:
    """The Gaussian window, one axis after the other, where it fits: [B,H,W,C] -> [B,H-10,W-10,C]."""
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * SIGMA**2))
    kernel = np.tile((weights / weights.sum())[:, None, None, None], (1, 1, x.shape[-1], 1)).astype("float32")
    x = ops.depthwise_conv(x, kernel, padding="valid")
    return ops.depthwise_conv(x, kernel.transpose(1, 0, 2, 3), padding="valid")
