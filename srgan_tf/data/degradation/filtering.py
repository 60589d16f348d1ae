"""Filtering images [B,H,W,C], each by a kernel of its own, with mirrored borders."""

import tensorflow as tf

_FFT_MULTIPLE = 16  # sides are filled up to it: lengths with large prime factors transform slowly


def reflected(index: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Places inside [0, length) for places anywhere, by mirrors at both ends that do not repeat the edge."""
    period = tf.maximum(2 * length - 2, 1)
    index %= period
    return tf.minimum(index, period - index)


def reflect_pad(images: tf.Tensor, margin: int) -> tf.Tensor:
    """Adds a mirrored margin, which may be wider than the image (tf.pad's may not).

    Args:
        images: [B,H,W,C].
        margin: in pixels.

    Returns:
        [B,H+2m,W+2m,C].
    """
    for axis in (1, 2):
        length = tf.shape(images)[axis]
        images = tf.gather(images, reflected(tf.range(-margin, length + margin), length), axis=axis)
    return images


def filter_images(images: tf.Tensor, kernels: tf.Tensor) -> tf.Tensor:
    """Correlates each image with its kernel, through Fourier transforms: batched, and quick for any kernel.

    Args:
        images: float32 [B,H,W,C].
        kernels: float32 [B,K,K] or [1,K,K], K odd and static.

    Returns:
        float32 [B,H,W,C]; borders are mirrored without the edge itself, as OpenCV does.
    """
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    planes = tf.transpose(reflect_pad(images, kernels.shape[1] // 2), [0, 3, 1, 2])  # [B,C,H+K-1,W+K-1]
    size = -(-tf.shape(planes)[2:] // _FFT_MULTIPLE) * _FFT_MULTIPLE
    spectra = tf.signal.rfft2d(planes, size) * tf.math.conj(tf.signal.rfft2d(kernels, size))[:, None]
    filtered = tf.signal.irfft2d(spectra, size)[:, :, :height, :width]
    return tf.ensure_shape(tf.transpose(filtered, [0, 2, 3, 1]), images.shape)
