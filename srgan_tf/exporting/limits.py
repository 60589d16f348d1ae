"""Requests that are refused: INVALID_ARGUMENT with a sentence, and nothing else happens."""

import tensorflow as tf


def require(condition: tf.Tensor, message: tf.Tensor | str) -> tf.Operation:
    """An operation that fails with the message where the condition is false; others must wait for it."""
    return tf.debugging.Assert(condition, [tf.convert_to_tensor(message)])


def refuse_too_large(height: tf.Tensor, width: tf.Tensor, scale: int, max_megapixels: float) -> tf.Operation:
    """Requires an image of height and width, in LR pixels, that is not empty and whose upscaling keeps the limit."""
    height, width = tf.cast(height, tf.int64), tf.cast(width, tf.int64)
    sides = tf.strings.join([tf.strings.as_string(width), "x", tf.strings.as_string(height)])
    limit = f" pixels, which must be at least 1x1 and at most {max_megapixels:g} megapixels when upscaled x{scale}"
    most = int(max_megapixels * 1e6) // scale**2
    # Each side is bounded first: the product of two 32-bit numbers may not fit.
    fits = tf.logical_and(tf.maximum(height, width) <= most, height * width <= most)
    return require(tf.logical_and(tf.minimum(height, width) > 0, fits), tf.strings.join(["image of ", sides, limit]))
