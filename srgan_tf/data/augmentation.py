"""The eight symmetries of the square, which every recipe of the papers augments with."""

import tensorflow as tf

SYMMETRIES = 8


def turn(image: tf.Tensor, symmetry: tf.Tensor) -> tf.Tensor:
    """Applies one of the eight flips and 90-degree turns.

    Args:
        image: [P,P,C], any type.
        symmetry: int scalar in [0, 8): bit 0 mirrors the columns, bit 1 the rows, bit 2 transposes.

    Returns:
        The image [P,P,C].
    """
    image = tf.cond(symmetry % 2 > 0, lambda: tf.reverse(image, [1]), lambda: image)
    image = tf.cond(symmetry // 2 % 2 > 0, lambda: tf.reverse(image, [0]), lambda: image)
    return tf.cond(symmetry // 4 > 0, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
