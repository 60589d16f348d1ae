"""Resizing: MATLAB's reduction, by which test images are made, and the plain kinds that programs and websites use."""

import numpy as np
import tensorflow as tf

MODES = ("area", "bilinear", "bicubic")


def resize(images: tf.Tensor, height: tf.Tensor, width: tf.Tensor, mode: tf.Tensor) -> tf.Tensor:
    """Resizes without antialiasing, as Real-ESRGAN does (there by PyTorch's `interpolate`).

    area: means over the pixels' exact areas; bilinear; bicubic: Keys's kernel. They are TensorFlow's own, and differ
    from PyTorch's in two points: its "area" takes pixels whole that are covered in part, and its cubic kernel has
    a = -3/4 where this one has -1/2.

    Args:
        images: float32 [B,H,W,C].
        height: int scalar.
        width: int scalar.
        mode: int scalar, a place in MODES.

    Returns:
        float32 [B,height,width,C]; bicubic can overshoot.
    """
    size = tf.stack([height, width])
    branches = [lambda mode=mode: tf.image.resize(images, size, method=mode) for mode in MODES]
    resized = tf.switch_case(mode, branches)
    return tf.ensure_shape(resized, [images.shape[0], None, None, images.shape[3]])


def gaussian_downsample(hr: tf.Tensor, scale: int, sigma: float = 1.5) -> tf.Tensor:
    """A Gaussian blur, then every `scale`-th pixel from the first on, as TecoGAN's LR is made (arXiv 1811.09393).

    Args:
        hr: float32 [B,H,W,C]; H and W multiples of `scale`, and more than 3 sigma.
        scale: how many times smaller the result is.
        sigma: of the Gaussian, in HR pixels; it reaches floor(3 sigma) pixels to each side.

    Returns:
        float32 [B,H/scale,W/scale,C]. Edges are mirrored without the edge itself.
    """
    radius = int(3 * sigma)
    line = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = np.outer(line, line) / line.sum() ** 2
    kernel = tf.constant(np.repeat(kernel[:, :, None, None], hr.shape[-1], axis=2), tf.float32)
    padded = tf.pad(hr, [[0, 0], [radius, radius], [radius, radius], [0, 0]], mode="REFLECT")
    return tf.nn.depthwise_conv2d(padded, kernel, [1, scale, scale, 1], "VALID")


def bicubic_downsample(hr: tf.Tensor, scale: int) -> tf.Tensor:
    """MATLAB's antialiased bicubic reduction, `imresize(hr, 1/scale)`, without rounding.

    TensorFlow normalises its kernel over the pixels inside the image, MATLAB mirrors the image at its edges: with a
    mirrored margin as wide as the kernel, cut off again afterwards, the two agree.

    Args:
        hr: float32 [B,H,W,C]; H and W multiples of `scale` and at least `2 * scale`.
        scale: how many times smaller the result is.

    Returns:
        float32 [B,H/scale,W/scale,C]; it can overshoot the range of the input by a little.
    """
    margin = 2  # LR pixels: the kernel reaches 2 LR pixels to each side
    pad = [margin * scale, margin * scale]
    padded = tf.pad(hr, [[0, 0], pad, pad, [0, 0]], mode="SYMMETRIC")
    size = tf.shape(padded)[1:3] // scale
    small = tf.image.resize(padded, size, method="bicubic", antialias=True)
    return small[:, margin:-margin, margin:-margin]
