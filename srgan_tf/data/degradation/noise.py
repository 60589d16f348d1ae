"""Gaussian and Poisson noise, the same in R, G and B (grey) or not, each image with its own strength.

Source: Real-ESRGAN, section 3.2. Images are float32 [B,H,W,3] in [0, 1], and stay so: results are clipped.
"""

import tensorflow as tf

from srgan_tf.data.degradation.counting import stateless_counts

_LUMA = (0.299, 0.587, 0.114)


def gaussian_noise(images: tf.Tensor, sigma: tf.Tensor, grey: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Adds Gaussian noise.

    Args:
        images: float32 [B,H,W,3].
        sigma: float32 [B], standard deviation in grey levels of 255.
        grey: bool [B], whether the channels share one noise.
        seed: integer [2].
    """
    noise = _shared(tf.random.stateless_normal(tf.shape(images), seed), grey)
    return tf.clip_by_value(images + noise * _each(sigma) / 255, 0, 1)


def poisson_noise(images: tf.Tensor, strength: tf.Tensor, grey: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Adds the noise of counted photons, times a factor.

    White is as many photons as the image has values, rounded up to a power of two (256 in most photographs): what
    is left of an image of few values is coarser.

    Args:
        images: float32 [B,H,W,3].
        strength: float32 [B], the factor.
        grey: bool [B], whether the noise is that of the luma, shared by the channels.
        seed: integer [2].
    """
    luma = tf.reduce_sum(images * _LUMA, -1, keepdims=True)
    levels = tf.cast(tf.round(tf.clip_by_value(tf.where(_each(grey), luma, images), 0, 1) * 255), tf.int32)
    power = _photons(levels)
    counted = stateless_counts(levels, power, seed) / _each(2 ** tf.cast(power, tf.float32))
    noise = _shared(counted - tf.cast(levels, tf.float32) / 255, grey)
    return tf.clip_by_value(images + noise * _each(strength), 0, 1)


def _photons(levels: tf.Tensor) -> tf.Tensor:
    """Of white: the exponent of the number of values in each image, rounded up to a power of two; int32 [B]."""
    seen = tf.math.bincount(tf.reshape(levels, [tf.shape(levels)[0], -1]), minlength=256, maxlength=256, axis=-1,
                            binary_output=True)
    count = tf.reduce_sum(seen, -1, keepdims=True)
    return tf.reduce_sum(tf.cast(2 ** tf.range(8) < count, tf.int32), -1)


def _shared(noise: tf.Tensor, grey: tf.Tensor) -> tf.Tensor:
    return tf.where(_each(grey), noise[..., :1], noise)


def _each(values: tf.Tensor) -> tf.Tensor:
    """[B] -> [B,1,1,1]."""
    return values[:, None, None, None]
