"""`--dataset=motion:SOURCE`: windows that move over photographs, as clips without end.

A window is moved, turned and zoomed evenly; in half of the clips a part of another photograph, or of another place,
moves before it by a motion of its own. All is drawn from the seed and the clip's number.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

MOST_PAN = 6.0  # HR pixels a frame along each axis
MOST_TURN = 0.026  # radians a frame: 1.5 degrees
MOST_ZOOM = 0.02  # of the size, a frame
REACH = 48  # HR pixels around a window that are cut out for it; beyond them the edge is continued
PARALLAX = 0.5  # of the clips
_WAVES = 3  # that the outline of what is in front is made of


def moving_window(region: Callable[[tf.Tensor, int], tf.Tensor], side: int, frames: int, seed: tf.Tensor) -> tf.Tensor:
    """One clip.

    Args:
        region: called with a draw, an int64 scalar of at least 0, and a side, gives a photograph's part uint8
            [side,side,3].
        side: of the frames.
        frames: how many.
        seed: integer [2].

    Returns:
        float32 [T,side,side,3] in whole levels of 255, in 0..1.
    """
    seeds = tf.unstack(tf.random.split(seed, 4))
    places = tf.random.stateless_uniform([2], seeds[0], 0, tf.int64.max, tf.int64)
    layers = []
    for draw, layer_seed in zip(tf.unstack(places), seeds[1:3], strict=True):
        photo = tf.cast(region(draw, side + 2 * REACH), tf.float32) / 255
        y, x = _path(side, frames, layer_seed)
        layers.append((cubic_samples(photo, y + REACH, x + REACH), y, x))
    (behind, *_), (front, y, x) = layers
    share = _outline(y, x, side, seeds[3])[..., None]
    return tf.floor(tf.clip_by_value(share * front + (1 - share) * behind, 0, 1) * 255 + 0.5) / 255


def _path(side: int, frames: int, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Where in the photograph each pixel of each frame is, from the window's corner on: two of [T,side,side]."""
    draws = tf.random.stateless_uniform([4], seed, -1, 1)
    time = tf.reshape(tf.range(frames, dtype=tf.float32) - (frames - 1) / 2, [-1, 1, 1])
    middle = (side - 1) / 2
    rows = tf.reshape(tf.range(side, dtype=tf.float32) - middle, [1, -1, 1])
    columns = tf.reshape(tf.range(side, dtype=tf.float32) - middle, [1, 1, -1])
    angle, size = MOST_TURN * draws[2] * time, tf.exp(MOST_ZOOM * draws[3] * time)
    y = size * (tf.cos(angle) * rows + tf.sin(angle) * columns) + MOST_PAN * draws[0] * time + middle
    x = size * (tf.cos(angle) * columns - tf.sin(angle) * rows) + MOST_PAN * draws[1] * time + middle
    return y, x


def _outline(y: tf.Tensor, x: tf.Tensor, side: int, seed: tf.Tensor) -> tf.Tensor:
    """How much of each pixel is in front, [T,side,side] in 0..1: it moves with what is there."""
    draws = tf.random.stateless_uniform([3 * _WAVES + 1], seed)
    angles, lengths, phases = tf.unstack(tf.reshape(draws[1:], [3, _WAVES]))
    total = tf.zeros_like(y)
    for number in range(_WAVES):
        # From a whole side to a third of one, for a period.
        pace = 2 * np.pi * (1 + 2 * lengths[number]) / side
        across = y * tf.sin(2 * np.pi * angles[number]) + x * tf.cos(2 * np.pi * angles[number])
        total += tf.sin(pace * across + 2 * np.pi * phases[number])
    edge = tf.sigmoid(total * side / 12)  # two or three pixels wide
    return tf.where(draws[0] < PARALLAX, edge, tf.zeros_like(edge))


def cubic_samples(image: tf.Tensor, y: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Keys's interpolation, a = -1/2: float32 [H,W,C] at places [...] each -> [...,C]; edges are continued."""
    height, width, channels = image.shape
    flat, total = tf.reshape(image, [height * width, channels]), 0.0
    (rows, row_shares), (columns, column_shares) = _taps(y, height), _taps(x, width)
    for row, row_share in zip(rows, row_shares, strict=True):
        line = sum(share[..., None] * tf.gather(flat, row * width + column)
                   for column, share in zip(columns, column_shares, strict=True))
        total += row_share[..., None] * line
    return total


def _taps(place: tf.Tensor, size: int) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """The four pixels around each place on an axis, and their shares."""
    start = tf.floor(place)
    pixels, shares = [], []
    for shift in range(-1, 3):
        far = tf.abs(place - start - shift)
        near = ((1.5 * far - 2.5) * far) * far + 1
        away = ((-0.5 * far + 2.5) * far - 4) * far + 2
        shares.append(tf.where(far <= 1, near, away))
        pixels.append(tf.clip_by_value(tf.cast(start, tf.int32) + shift, 0, size - 1))
    return pixels, shares
