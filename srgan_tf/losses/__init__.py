"""What is minimised: losses between images, through VGG19's and the discriminator's eyes, and against the latter.

Between images every loss is f(hr, sr) -> float32 scalar on NHWC RGB in [0, 1]; `parse_terms` makes a weighted sum of
them from a flag. Adversarial pairs are f(real_logits, fake_logits, mean). Modules here import keras, never TensorFlow.

A new loss of two images is one function and one line in terms.LOSSES (and in terms.SMALLEST_SIDE if it needs a
minimum of pixels), one that needs more than the two images a line in
terms.INFORMED; a new adversarial pair one line in ADVERSARIAL.
"""

from srgan_tf.losses.adversarial import (
    ADVERSARIAL,
    HINGE,
    LEAST_SQUARES,
    RELATIVISTIC,
    VANILLA,
    WASSERSTEIN,
    Adversarial,
)
from srgan_tf.losses.artifacts import ldl
from srgan_tf.losses.feature_matching import feature_matching
from srgan_tf.losses.frequency import focal_frequency
from srgan_tf.losses.grid import grid
from srgan_tf.losses.motion import Motion, Neighbours, flow_smoothness, ping_pong, temporal, warp_loss
from srgan_tf.losses.oklab import color_loss, luma_loss
from srgan_tf.losses.perceptual import PerceptualLoss
from srgan_tf.losses.pixel import charbonnier, l1, mse, total_variation
from srgan_tf.losses.structural import ms_ssim_loss
from srgan_tf.losses.terms import INFORMED, LOSSES, Term, parse_terms, smallest_side, total_loss
from srgan_tf.losses.wavelets import detail_bands, wavelet_bands, wavelet_loss

__all__ = [
    "ADVERSARIAL",
    "HINGE",
    "INFORMED",
    "LEAST_SQUARES",
    "LOSSES",
    "RELATIVISTIC",
    "VANILLA",
    "WASSERSTEIN",
    "Adversarial",
    "Motion",
    "Neighbours",
    "PerceptualLoss",
    "Term",
    "charbonnier",
    "color_loss",
    "detail_bands",
    "feature_matching",
    "flow_smoothness",
    "focal_frequency",
    "grid",
    "l1",
    "ldl",
    "luma_loss",
    "ms_ssim_loss",
    "mse",
    "parse_terms",
    "ping_pong",
    "smallest_side",
    "temporal",
    "total_loss",
    "total_variation",
    "warp_loss",
    "wavelet_bands",
    "wavelet_loss",
]
