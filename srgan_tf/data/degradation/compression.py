"""JPEG in the graph: what libjpeg's encoder and decoder do to an image, without the bytes between them.

Baseline, 4:2:0, the standard's tables scaled by quality. Rounding is where libjpeg rounds: after the colour conversion,
the averaging of chroma (its dithered bias), the quantization, the inverse DCT, and the triangular ("fancy") upscaling
of chroma. Only the DCTs differ, which are exact here and of integers there.

Source: ITU-T T.81, annexes A and K; libjpeg's jcparam.c (quality), jcsample.c, jdsample.c, jccolor.c (JFIF YCbCr).
"""

import math

import numpy as np
import tensorflow as tf

# ITU-T T.81, tables K.1 and K.2.
_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99)
_CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, *[99] * 32)
_TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]],
                   np.float32)
_TO_YCC_OFFSET = np.array([0, 127.9999, 127.9999], np.float32)  # libjpeg rounds halves of chroma down


def jpeg(images: tf.Tensor, quality: tf.Tensor) -> tf.Tensor:
    """Compresses and decompresses.

    Args:
        images: float32 [B,H,W,3] RGB in [0, 1].
        quality: [B], 1..100, rounded to integers as files have them.

    Returns:
        float32 [B,H,W,3] in whole grey levels of 255.
    """
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    pixels = tf.clip_by_value(_half_up(images * 255), 0, 255)
    ycc = _half_up(tf.einsum("bhwc,dc->bhwd", pixels, _TO_YCC) + _TO_YCC_OFFSET)
    luma = _code(_fill(ycc[..., :1], 8, 8), _table(_LUMA, quality))
    chroma = _fill(_halve(_fill(ycc[..., 1:], 2, 16)), 8, 8)  # columns are filled before the averaging, rows after it
    chroma = _code(chroma, _table(_CHROMA, quality))
    # What libjpeg fills up to whole blocks takes no part in upscaling chroma.
    chroma = chroma[:, : (height + 1) // 2, : (width + 1) // 2]
    y = luma[:, :height, :width, 0]
    cb, cr = tf.unstack(_double(chroma)[:, :height, :width] - 128, 2, axis=-1)
    rgb = tf.stack([y + _half_up(1.402 * cr), y + _half_up(-0.344136286 * cb - 0.714136286 * cr),
                    y + _half_up(1.772 * cb)], -1)
    return tf.ensure_shape(tf.clip_by_value(rgb, 0, 255) / 255, images.shape)


def _half_up(values: tf.Tensor) -> tf.Tensor:
    return tf.floor(values + 0.5)


def _fill(planes: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
    """Repeats the last row and the last column up to multiples of `rows` and `columns`."""
    for axis, multiple in ((1, rows), (2, columns)):
        length = tf.shape(planes)[axis]
        filled = -(-length // multiple) * multiple
        planes = tf.gather(planes, tf.minimum(tf.range(filled), length - 1), axis=axis)
    return planes


def _halve(planes: tf.Tensor) -> tf.Tensor:
    """Means of 2 by 2, rounded by a bias that alternates from column to column: [B,H,W,C] -> [B,H/2,W/2,C]."""
    sums = 4 * tf.nn.avg_pool2d(planes, 2, 2, "VALID")
    bias = 1 + tf.cast(tf.range(tf.shape(sums)[2]) % 2, tf.float32)
    return tf.floor((sums + bias[:, None]) / 4)


def _double(planes: tf.Tensor) -> tf.Tensor:
    """Upscales by the triangle filter, 3/4 of the nearer and 1/4 of the farther: [B,H,W,C] -> [B,2H,2W,C]."""
    above, below = tf.concat([planes[:, :1], planes[:, :-1]], 1), tf.concat([planes[:, 1:], planes[:, -1:]], 1)
    rows = _alternate(3 * planes + above, 3 * planes + below, 1)
    left, right = tf.concat([rows[:, :, :1], rows[:, :, :-1]], 2), tf.concat([rows[:, :, 1:], rows[:, :, -1:]], 2)
    return tf.floor(_alternate(3 * rows + left + 8, 3 * rows + right + 7, 2) / 16)


def _alternate(even: tf.Tensor, odd: tf.Tensor, axis: int) -> tf.Tensor:
    shape = tf.shape(even)
    doubled = tf.where(tf.range(4) == axis, 2 * shape, shape)
    return tf.reshape(tf.stack([even, odd], axis + 1), doubled)


def _table(standard: tuple[int, ...], quality: tf.Tensor) -> tf.Tensor:
    """The standard's table at each quality, float32 [B,64]."""
    quality = tf.clip_by_value(tf.round(tf.cast(quality, tf.float32)), 1, 100)[:, None]
    percent = tf.where(quality < 50, tf.floor(5000 / quality), 200 - 2 * quality)
    return tf.clip_by_value(tf.floor((tf.constant(standard, tf.float32) * percent + 50) / 100), 1, 255)


def _code(planes: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
    """DCT, quantization and back of planes [B,H,W,C], H and W multiples of 8, by tables [B,64]; whole grey levels."""
    shape = tf.shape(planes)
    one_channel = tf.reshape(tf.transpose(planes, [0, 3, 1, 2]), [-1, shape[1], shape[2], 1])  # [BC,H,W,1]
    blocks = tf.nn.space_to_depth(one_channel - 128, 8)  # [BC,H/8,W/8,64]
    table = tf.repeat(table, shape[3], axis=0)[:, None, None]
    ratio = tf.tensordot(blocks, _dct(), 1) / table
    quantized = tf.sign(ratio) * _half_up(tf.abs(ratio)) * table
    decoded = tf.clip_by_value(_half_up(tf.tensordot(quantized, _dct().T, 1)) + 128, 0, 255)
    planes = tf.reshape(tf.nn.depth_to_space(decoded, 8), [shape[0], shape[3], shape[1], shape[2]])
    return tf.transpose(planes, [0, 2, 3, 1])


def _dct() -> np.ndarray:
    """The orthonormal DCT of 8 by 8 as a matrix float32 [64 places, 64 frequencies]."""
    place, frequency = np.arange(8)[:, None], np.arange(8)[None]
    line = np.cos((2 * place + 1) * frequency * math.pi / 16) / 2
    line[:, 0] /= math.sqrt(2)
    return np.kron(line, line).astype(np.float32)
