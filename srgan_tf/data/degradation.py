"""Degradations from HR to LR, in the TensorFlow graph."""

import tensorflow as tf


def bicubic_downsample(hr: tf.Tensor, scale: int) -> tf.Tensor:
    """MATLAB's antialiased bicubic reduction, `imresize(hr, 1/scale)`, without rounding.

    TensorFlow normalises its kernel over the pixels inside the picture, MATLAB mirrors the picture at its edges: with a
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
