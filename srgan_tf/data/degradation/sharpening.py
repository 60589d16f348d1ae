"""Unsharp masking of the targets, which Real-ESRGAN's generator is trained towards."""

import numpy as np
import tensorflow as tf

from srgan_tf.data.degradation.filtering import filter_images

RADIUS, WEIGHT, THRESHOLD = 50, 0.5, 10


def unsharp_mask(images: tf.Tensor) -> tf.Tensor:
    """Sharpens where the detail is larger than THRESHOLD grey levels, which spares noise in flat places.

    Source: the authors' code for arXiv 2107.10833 (section 3.5): the detail is what a Gaussian of 51 by 51 takes away
    (sigma 8.0, by OpenCV's rule for that size); the places where to sharpen are blurred in the same way.

    Args:
        images: float32 [B,H,W,3] in [0, 1].

    Returns:
        float32 [B,H,W,3] in [0, 1].
    """
    kernel = tf.constant(gaussian()[None])
    detail = images - filter_images(images, kernel)
    mask = filter_images(tf.cast(tf.abs(detail) * 255 > THRESHOLD, tf.float32), kernel)
    sharp = tf.clip_by_value(images + WEIGHT * detail, 0, 1)
    return tf.clip_by_value(images + mask * (sharp - images), 0, 1)


def gaussian() -> np.ndarray:
    """The Gaussian, float32 [51,51]."""
    size = RADIUS + 1 - RADIUS % 2
    sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8  # cv2.getGaussianKernel(size, 0)
    line = np.exp(-0.5 * ((np.arange(size) - size // 2) / sigma) ** 2)
    line /= line.sum()
    return np.outer(line, line).astype(np.float32)
