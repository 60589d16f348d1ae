"""Wavelet bands of luma, and images compared band by band (WGSR, arXiv 2402.19215).

The transform is stationary: one level, no subsampling, so that a shift by a pixel is one in every band. Values wrap
around at the edges, as in the authors' code.
"""

import numpy as np
from keras import KerasTensor, ops

from srgan_tf.models.luma import LUMA

# The low-pass analysis filter of Daubechies' least asymmetric wavelet with 7 vanishing moments, "sym7" (I. Daubechies,
# Ten Lectures on Wavelets, 1992, table 6.3). The authors normalise it to a sum of 1, but not the high-pass filter.
SYM7 = (0.002681814568257878, -0.0010473848886829163, -0.01263630340325193, 0.03051551316596357, 0.0678926935013727,
        -0.049552834937127255, 0.017441255086855827, 0.5361019170917628, 0.767764317003164, 0.2886296317515146,
        -0.14004724044296152, -0.10780823770381774, 0.004010244871533663, 0.010268176708511255)
TAPS = len(SYM7)
# Of LL, LH, HL and HH: the authors' 0.1, 0.01, 0.01 and 0.05, of luma in 0..255, divided by that of LL.
BAND_WEIGHTS = (1.0, 0.1, 0.1, 0.5)
# LH, HL and HH of photographs have standard deviations near 0.02 (0.012 to 0.030 on scikit-image's), photographs
# themselves near 0.22, which is what discriminators are made for. The authors' factor is 255.
DETAIL_GAIN = 12.0


def wavelet_loss(hr: KerasTensor, sr: KerasTensor) -> KerasTensor:
    """Sum over the bands LL, LH, HL and HH of weight * mean absolute difference, at one level.

    Args:
        hr: the references, RGB [B,H,W,3] in [0, 1], at least 14 pixels a side.
        sr: the generator's images.
    """
    # The transform is linear: that of the difference is the difference of the two.
    difference = wavelet_bands(ops.cast(sr, "float32") - ops.cast(hr, "float32"))
    return sum(weight * ops.mean(ops.abs(difference[..., band])) for band, weight in enumerate(BAND_WEIGHTS))


def detail_bands(images: KerasTensor) -> KerasTensor:
    """LH, HL and HH times DETAIL_GAIN, for a discriminator that sees details alone: [B,H,W,3] -> [B,H,W,3]."""
    return DETAIL_GAIN * wavelet_bands(images)[..., 1:]


def wavelet_bands(images: KerasTensor) -> KerasTensor:
    """The bands of luma: RGB [B,H,W,3] in [0, 1] -> float32 [B,H,W,4].

    LL; LH, what changes downwards, as horizontal edges do; HL, what changes to the right; HH, both.
    """
    images = ops.cast(images, "float32")
    luma = sum(weight * images[..., channel : channel + 1] for channel, weight in enumerate(LUMA))
    low = np.array(SYM7) / sum(SYM7)
    # The quadrature mirror filter: reversed, with alternating signs.
    high = np.array(SYM7)[::-1] * (-1.0) ** np.arange(1, TAPS + 1)
    pair = np.stack([low[::-1], high[::-1]], -1).astype("float32")  # a convolution here is a correlation
    across = ops.conv(_wrapped(luma, 2), pair[None, :, None, :], padding="valid")  # [B,H,W,2]: low, high
    down = np.tile(pair[:, None, None, :], (1, 1, 2, 1))
    return ops.depthwise_conv(_wrapped(across, 1), down, padding="valid")  # [B,H,W,4]


def _wrapped(x: KerasTensor, axis: int) -> KerasTensor:
    """Continued around its edges by what the filter needs, on both sides."""
    parts = slice(1 - TAPS // 2, None), slice(None), slice(TAPS // 2)
    return ops.concatenate([x[(slice(None),) * axis + (part,)] for part in parts], axis)
