"""Random aligned crops as a tf.data pipeline whose every draw is a function of the seed and the sample's number.

A run that starts again at step n therefore sees what it would have seen, with nothing to save but n.
"""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from srgan_tf.data.augmentation import SYMMETRIES, turn
from srgan_tf.data.mixing import mixed
from srgan_tf.data.records import row_bytes
from srgan_tf.data.store import Store
from srgan_tf.data.synthesis import Synthesis, mirrored_places, synthesize


def crops(store: Store, patch_size: int, batch_size: int, seed: int, first_step: int, steps: int,
          shard: tuple[int, int] = (0, 1), synthesis: Synthesis | None = None, taught: bool = False,
          mixes: Mapping[str, float] = {}) -> tf.data.Dataset:
    """Batches of crops for the steps `first_step` to `steps`.

    Every position of every image is equally likely; crops are flipped and turned by multiples of 90 degrees.

    Args:
        store: decoded pairs.
        patch_size: side of the HR crops in pixels, a multiple of the scale.
        batch_size: crops in a batch.
        seed: of all draws.
        first_step: steps already taken.
        steps: where the data ends.
        shard: (i, n) takes the i-th of n equal parts of each batch, for the i-th of n machines.
        synthesis: makes LR of each HR crop; None: LR is the stored one.
        taught: whether to give the teacher's images that the store holds, without `synthesis`.
        mixes: which crops are mixed with others, as `mixing.parse_mixes` returns it.

    Returns:
        A dataset of (lr uint8 [B/n,P/s,P/s,3], hr uint8 [B/n,P,P,3]); hr has 6 channels where `synthesis` sharpens,
        and with `taught`, whose last three are the teacher's.
    """
    # Read by AUTOTUNE'd threads; deterministic order is tf.data's default and is stated because resuming rests on it.
    options = tf.data.Options()
    options.deterministic = True
    index, share = shard[0], batch_size // shard[1]
    sample = _sampler(store, patch_size, seed, synthesis, taught)
    if mixes:
        sample = mixed(sample, mixes, seed)

    def load(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return sample(number // share * batch_size + index * share + number % share)

    dataset = tf.data.Dataset.range(first_step * share, steps * share)
    load = tf.autograph.experimental.do_not_convert(load)  # there is nothing to convert, and much to read
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.batch(share, drop_remainder=True).with_options(options).prefetch(4)


def _sampler(store: Store, patch_size: int, seed: int, synthesis: Synthesis | None,
             taught: bool) -> Callable[[tf.Tensor], tuple[tf.Tensor, ...]]:
    """Returns a function from a sample's number to its (lr, hr) crops."""
    scale, lr_patch = store.scale, patch_size // store.scale
    places = store.lr_size - lr_patch + 1  # top-left corners in each image, [N,2]
    cumulative = tf.constant(np.cumsum(places[:, 0] * places[:, 1]))
    places, lr_row, hr_row, hr_size = (tf.constant(values) for values in (
        places, row_bytes(store.lr_size[:, 1]), row_bytes(store.lr_size[:, 1] * scale), store.lr_size * scale))
    lr_start, hr_start = tf.constant(store.lr_start), tf.constant(store.hr_start)

    def sample(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        sample_seed = tf.stack([tf.cast(seed, tf.int64), number])
        draws = tf.random.stateless_uniform([2], sample_seed, 0, tf.int64.max, tf.int64)
        place, symmetry = draws[0] % cumulative[-1], draws[1] % SYMMETRIES
        index = tf.searchsorted(cumulative, place[None], side="right")[0]
        place -= tf.where(index > 0, cumulative[tf.maximum(index - 1, 0)], 0)
        top, left = place // places[index, 1], place % places[index, 1]

        def region(above: tf.Tensor, before: tf.Tensor, side: int) -> tf.Tensor:
            corner = top * scale - tf.cast(above, tf.int64), left * scale - tf.cast(before, tf.int64)
            return cut_mirrored(store.pixels, hr_start[index], hr_row[index], hr_size[index], corner, side)

        if synthesis:
            return synthesize(synthesis, region, patch_size, scale, symmetry, sample_seed)
        lr = cut(store.pixels, lr_start[index], lr_row[index], top, left, lr_patch)
        starts = [hr_start[index]]
        if taught:
            starts.append(starts[0] + hr_size[index, 0] * hr_row[index])
        hr = tf.concat([cut(store.pixels, start, hr_row[index], top * scale, left * scale, patch_size)
                        for start in starts], -1)
        return turn(lr, symmetry), turn(hr, symmetry)

    return sample


def cut_mirrored(pixels: tf.Tensor, start: tf.Tensor, row: tf.Tensor, size: tf.Tensor,
                   corner: tuple[tf.Tensor, tf.Tensor], side: int) -> tf.Tensor:
    """Cuts uint8 [side,side,3] out of an image of a size (height, width), and out of its mirror image around it."""
    top, height, rows = mirrored_places(corner[0], side, size[0])
    left, width, columns = mirrored_places(corner[1], side, size[1])
    lines = tf.reshape(tf.slice(pixels, [start + top * row], [height * row]), [height, row])
    piece = tf.reshape(tf.slice(lines, [0, left * 3], [height, width * 3]), [height, width, 3])
    return tf.gather(tf.gather(piece, rows, axis=0), columns, axis=1)


def cut(pixels: tf.Tensor, start: tf.Tensor, row: tf.Tensor, top: tf.Tensor, left: tf.Tensor,
          side: int) -> tf.Tensor:
    """Cuts uint8 [side,side,3] out of an image that begins at `start` and has `row` bytes in a row."""
    # No copy: both ends are multiples of records.ROW_ALIGNMENT.
    rows = tf.reshape(tf.slice(pixels, [start + top * row], [side * row]), [side, -1])
    crop = tf.slice(rows, [0, left * 3], [side, side * 3])
    return tf.reshape(crop, [side, side, 3])
