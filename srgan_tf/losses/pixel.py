"""Losses between images, pixel by pixel: f(hr, sr) -> float32 scalar, the average over all pixels and channels.

`hr` is the reference, `sr` the generator's image; both NHWC RGB in [0, 1].
"""

from keras import KerasTensor, ops


def l1(hr: KerasTensor, sr: KerasTensor) -> KerasTensor:
    """Mean absolute difference."""
    return ops.mean(ops.abs(_difference(hr, sr)))


def mse(hr: KerasTensor, sr: KerasTensor) -> KerasTensor:
    """Mean squared difference. Papers that state it for images in [-1, 1] mean four times as much."""
    return ops.mean(ops.square(_difference(hr, sr)))


def charbonnier(hr: KerasTensor, sr: KerasTensor) -> KerasTensor:
    """Mean of sqrt(difference^2 + epsilon^2), epsilon = 1e-3 (LapSRN, arXiv 1704.03915, section 3.2)."""
    return ops.mean(ops.sqrt(ops.square(_difference(hr, sr)) + 1e-3**2))


def total_variation(hr: KerasTensor, sr: KerasTensor) -> KerasTensor:
    """Mean absolute difference between neighbours, vertical plus horizontal, in `sr` alone: smoothness.

    The anisotropic form of Rudin, Osher and Fatemi's (Physica D 60, 1992).
    """
    sr = ops.cast(sr, "float32")
    return ops.mean(ops.abs(sr[:, 1:] - sr[:, :-1])) + ops.mean(ops.abs(sr[:, :, 1:] - sr[:, :, :-1]))


def _difference(hr: KerasTensor, sr: KerasTensor) -> KerasTensor:
    return ops.cast(sr, "float32") - ops.cast(hr, "float32")
