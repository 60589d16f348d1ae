"""Random short clips as a tf.data pipeline, whose every draw is a function of the seed and the clip's number."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from srgan_tf.data.augmentation import SYMMETRIES, turn
from srgan_tf.data.degradation import Degrade
from srgan_tf.data.moving_windows import moving_window
from srgan_tf.data.pipeline import cut, cut_mirrored
from srgan_tf.data.records import row_bytes
from srgan_tf.data.store import Store
from srgan_tf.errors import UserError

MARGIN = 16  # HR pixels around a clip that its LR is made of; a multiple of every scale
REDUCTIONS = ("bicubic", "gaussian")  # --degradation's that suit clips

Sample = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def clip_crops(store: Store, frames: int, patch_size: int, batch_size: int, seed: int, first_step: int, steps: int,
               shard: tuple[int, int] = (0, 1), degrade: Degrade | None = None) -> tf.data.Dataset:
    """Batches of short clips for the steps `first_step` to `steps`.

    Args:
        store: of clips, or of photographs to move over, as `store.moving` says.
        frames: T, of each.
        patch_size: side of the HR frames, a multiple of the scale.
        batch_size: clips in a batch.
        seed: of all draws.
        first_step: steps already taken.
        steps: where the data ends.
        shard: (i, n) takes the i-th of n equal parts of each batch.
        degrade: makes LR; None: of clips, the stored one. Photographs always need it.

    Returns:
        A dataset of (lr uint8 [B/n,T,P/s,P/s,3], hr uint8 [B/n,T,P,P,3]).

    Raises:
        UserError: no clip has so many frames.
    """
    options = tf.data.Options()
    options.deterministic = True  # as in pipeline.crops
    index, share = shard[0], batch_size // shard[1]
    sample = {"clips": _of_clips, "motion": _over_photos}[store.moving](store, frames, patch_size, seed, degrade)

    def load(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return sample(number // share * batch_size + index * share + number % share)

    dataset = tf.data.Dataset.range(first_step * share, steps * share)
    dataset = dataset.map(tf.autograph.experimental.do_not_convert(load), num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.batch(share, drop_remainder=True).with_options(options).prefetch(2)


def _of_clips(store: Store, frames: int, patch_size: int, seed: int, degrade: Degrade | None) -> Sample:
    """Every position and every first frame of every clip is equally likely; half of them run backwards."""
    scale, lr_patch = store.scale, patch_size // store.scale
    heights, widths = store.lr_size[:, 0] // store.frames, store.lr_size[:, 1]
    areas = (heights - lr_patch + 1) * (widths - lr_patch + 1)
    starts = np.maximum(store.frames - frames + 1, 0)
    if not (areas * starts).sum():
        raise UserError(f"no clip has --frames={frames} frames; the longest has {store.frames.max()}")
    cumulative = tf.constant(np.cumsum(areas * starts))
    areas, columns, heights = (tf.constant(values) for values in (areas, widths - lr_patch + 1, heights))
    lr_start, hr_start, lr_row, hr_row = (tf.constant(values) for values in (
        store.lr_start, store.hr_start, row_bytes(widths), row_bytes(widths * scale)))
    hr_width = tf.constant(widths * scale)

    def sample(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        clip_seed = tf.stack([tf.cast(seed, tf.int64), number])
        draws = tf.random.stateless_uniform([2], clip_seed, 0, tf.int64.max, tf.int64)
        index, place = _chosen(cumulative, draws[0])
        first, place = place // areas[index], place % areas[index]
        top, left = place // columns[index], place % columns[index]
        symmetry, backwards = draws[1] % SYMMETRIES, draws[1] // SYMMETRIES % 2 > 0
        height = heights[index]

        def lr_frame(time: tf.Tensor) -> tf.Tensor:
            return cut(store.pixels, lr_start[index], lr_row[index], (first + time) * height + top, left, lr_patch)

        def hr_frame(time: tf.Tensor) -> tf.Tensor:
            start = hr_start[index] + (first + time) * height * scale * hr_row[index]
            if degrade is None:
                return cut(store.pixels, start, hr_row[index], top * scale, left * scale, patch_size)
            corner, size = (top * scale - MARGIN, left * scale - MARGIN), (height * scale, hr_width[index])
            return cut_mirrored(store.pixels, start, hr_row[index], size, corner, patch_size + 2 * MARGIN)

        def clip(frame: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
            times = tf.range(frames, dtype=tf.int64)
            times = tf.unstack(tf.where(backwards, times[::-1], times))
            joined = turn(tf.concat([frame(time) for time in times], -1), symmetry)
            return tf.stack(tf.split(joined, frames, axis=-1))  # [P,P,3T] -> [T,P,P,3]

        if degrade is None:
            return clip(lr_frame), clip(hr_frame)
        return _reduced(tf.cast(clip(hr_frame), tf.float32) / 255, degrade, clip_seed, scale)

    return sample


def _over_photos(store: Store, frames: int, patch_size: int, seed: int, degrade: Degrade) -> Sample:
    """Windows that move over photographs, which begin anywhere in them."""
    scale, side = store.scale, patch_size + 2 * MARGIN
    hr_size = store.lr_size * scale
    cumulative = tf.constant(np.cumsum(hr_size[:, 0] * hr_size[:, 1]))
    hr_start, hr_row, hr_size = (tf.constant(values) for values in (
        store.hr_start, row_bytes(hr_size[:, 1]), hr_size))

    def region(draw: tf.Tensor, side: int) -> tf.Tensor:
        index, place = _chosen(cumulative, draw)
        corner = place // hr_size[index, 1] - side // 2, place % hr_size[index, 1] - side // 2
        return cut_mirrored(store.pixels, hr_start[index], hr_row[index], tf.unstack(hr_size[index]), corner, side)

    def sample(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        clip_seed = tf.stack([tf.cast(seed, tf.int64), number])
        hr = moving_window(lambda draw, size: tf.ensure_shape(region(draw, size), [size, size, 3]), side, frames,
                           clip_seed)
        return _reduced(hr, degrade, clip_seed, scale)

    return sample


def _chosen(cumulative: tf.Tensor, draw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Which of those whose sizes add up to `cumulative` a draw falls into, and where in it."""
    place = draw % cumulative[-1]
    index = tf.searchsorted(cumulative, place[None], side="right")[0]
    return index, place - tf.where(index > 0, cumulative[tf.maximum(index - 1, 0)], 0)


def _reduced(hr: tf.Tensor, degrade: Degrade, seed: tf.Tensor, scale: int) -> tuple[tf.Tensor, tf.Tensor]:
    """LR and HR uint8 of HR frames float32 [T,P+2M,P+2M,3] in 0..1, the margin cut off."""
    lr, _ = degrade(hr, seed)
    return tuple(tf.cast(images[:, margin:-margin, margin:-margin] * 255 + 0.5, tf.uint8)
                 for images, margin in ((lr, MARGIN // scale), (hr, MARGIN)))
