"""Training pairs made while training: HR from the store, LR by a degradation of it, crop by crop.

A crop is degraded together with what lies around it, and cut out afterwards at a random place, a multiple of the scale:
the authors of Real-ESRGAN degrade 400 pixels and train on 256 of them. So most crops have real surroundings, the grid
of JPEG's blocks lies anywhere, and the crop's own place stays what it is without degradation. Outside an image its
mirror image is taken, so that images need be no larger than for other training.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from srgan_tf.config import TrainConfig
from srgan_tf.data.augmentation import turn
from srgan_tf.data.degradation import Degrade, open_degradation, unsharp_mask
from srgan_tf.data.degradation.filtering import reflected
from srgan_tf.data.pairs import Pair

MARGIN = 144  # HR pixels: 400 - 256. A multiple of every scale.


class Synthesis(NamedTuple):
    """How pairs are made.

    Attributes:
        degrade: from HR to LR.
        sharpen: LR is made of sharpened HR, and this becomes channels 3 to 5 of the HR crops.
    """

    degrade: Degrade
    sharpen: bool


def open_synthesis(config: TrainConfig) -> Synthesis | None:
    """What the flags ask for; None where LR is the stored one.

    Raises:
        ValueError, OSError: as `open_degradation`.
    """
    degrade = open_degradation(config.degradation, config.scale, config.kernel_pool, config.noise_pool)
    if config.degradation == "bicubic" and not config.sharpen_targets:
        return None
    return Synthesis(degrade, config.sharpen_targets)


def synthesize(synthesis: Synthesis, region: Callable[[tf.Tensor, tf.Tensor, int], tf.Tensor], patch_size: int,
               scale: int, symmetry: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Makes one pair.

    Args:
        synthesis: how.
        region: called with how far above and left of the crop to begin, and a side, gives HR uint8 [side,side,3].
        patch_size: side of the crop, a multiple of the scale.
        scale: HR side over LR side.
        symmetry: how the crop is turned, for `augmentation.turn`.
        seed: integer [2].

    Returns:
        lr uint8 [P/s,P/s,3], hr uint8 [P,P,3] or, with its sharpened form behind it, [P,P,6].
    """
    seeds, side = tf.unstack(tf.random.split(seed, 2)), patch_size + MARGIN
    corner = tf.random.stateless_uniform([2], seeds[0], 0, MARGIN // scale + 1, tf.int32)
    hr = turn(region(*_unturned(corner * scale, symmetry), side), symmetry)
    hr = tf.ensure_shape(hr, [side, side, 3])
    source = tf.cast(hr, tf.float32)[None] / 255
    if synthesis.sharpen:
        source = unsharp_mask(source)
        hr = tf.concat([hr, _to_bytes(source[0])], -1)
    lr = _to_bytes(synthesis.degrade(source, seeds[1])[0][0])
    return _cut(lr, corner, patch_size // scale), _cut(hr, corner * scale, patch_size)


def degraded(synthesis: Synthesis, pair: Pair, number: int) -> Pair:
    """The pair with its LR made of the whole HR image; the same for the same number, whatever the run's seed."""
    with tf.device("CPU"):  # as in the data pipeline
        source = tf.constant(pair.hr[None], tf.float32) / 255
        if synthesis.sharpen:
            source = unsharp_mask(source)
        lr, _ = synthesis.degrade(source, tf.constant([-1, number], tf.int64))
        return Pair(_to_bytes(lr[0]).numpy(), pair.hr)


def _unturned(corner: tf.Tensor, symmetry: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Where in the image as it lies begins the crop that begins at `corner` of the turned region."""
    top, left = tf.unstack(tf.where(symmetry // 4 > 0, corner[::-1], corner))
    top = tf.where(symmetry // 2 % 2 > 0, MARGIN - top, top)
    return top, tf.where(symmetry % 2 > 0, MARGIN - left, left)


def _cut(image: tf.Tensor, corner: tf.Tensor, side: int) -> tf.Tensor:
    return tf.slice(image, [corner[0], corner[1], 0], [side, side, image.shape[2]])


def _to_bytes(image: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.floor(image * 255 + 0.5), tf.uint8)


def mirrored_places(first: tf.Tensor, count: int, length: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Places from `first` on, mirrored into [0, length).

    Returns:
        The least of them, how many lines from there on hold them all, and the places [count] counted from the least.
    """
    places = reflected(tf.cast(first, tf.int64) + tf.range(count, dtype=tf.int64), length)
    lowest = tf.reduce_min(places)
    return lowest, tf.reduce_max(places) - lowest + 1, places - lowest
