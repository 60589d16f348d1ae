"""Decoded pairs in flat files, mapped into memory.

Images are decoded once: by `prepare` into records that are mapped as they lie, or into one temporary file of the same
layout (`records.py`). The operating system pages it in and out, so that a set may be larger than memory, and TensorFlow
reads crops from the mapping without a copy and without Python.
"""

import tempfile
from collections.abc import Callable, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np
import tensorflow as tf

from srgan_tf.data.likeness import Looks
from srgan_tf.data.mapping import map_files
from srgan_tf.data.pairs import Pair, Source
from srgan_tf.data.parallel_loading import load_in_parallel
from srgan_tf.data.records import append_pair, pixels_of, row_bytes
from srgan_tf.errors import UserError


class Store(NamedTuple):
    """Decoded pairs.

    Attributes:
        pixels: uint8 [bytes], every image's rows one after another, each filled up to `row_bytes`, channels last.
        hr_start, lr_start: int64 [N], where an image begins in `pixels`.
        lr_size: int64 [N,2], height and width of each LR image.
        scale: HR side over LR side.
        names: of the images.
        skipped: (name, reason) of those that could not be used.
        doubtful: a line for each LR image that does not look like its HR image.
        is_taught: whether a teacher's image follows each HR image.
        frames: int64 [N], how many frames lie below each other in each image; None: they are images.
        moving: as in Source.
    """

    pixels: tf.Tensor
    hr_start: np.ndarray
    lr_start: np.ndarray
    lr_size: np.ndarray
    scale: int
    names: list[str]
    skipped: list[tuple[str, str]]
    doubtful: Sequence[str] = ()
    is_taught: bool = False
    frames: np.ndarray | None = None
    moving: str = ""

    def pair(self, index: int) -> Pair:
        """One pair as arrays."""
        height, width = (int(n) for n in self.lr_size[index])
        lr = self._image(int(self.lr_start[index]), height, width)
        return Pair(lr, self._image(int(self.hr_start[index]), height * self.scale, width * self.scale))

    def _image(self, start: int, height: int, width: int) -> np.ndarray:
        rows = tf.slice(self.pixels, [start], [height * row_bytes(width)]).numpy()
        return np.ascontiguousarray(pixels_of(rows, height, width))


def build_store(source: Source, scale: int, smallest_hr: int = 1, progress: Callable[[], None] | None = None,
                most: int | None = None) -> Store:
    """Decodes every image of a source, or maps a source that has been prepared.

    An image that cannot be read, or that is smaller than a crop, is left out and listed in `skipped`.

    Args:
        source: what to read.
        scale: HR side over LR side.
        smallest_hr: least HR side in pixels.
        progress: called after each image that is decoded.
        most: stop after that many that can be used; all that are prepared are mapped nevertheless.

    Raises:
        ValueError: no image could be used; the message names the first and its reason.
        OSError: the temporary file cannot be written, or a file cannot be mapped.
    """
    if source.shards:
        return _map_records(source, scale, smallest_hr)
    kept, skipped, looks, end, frames = [], [], Looks.none(), 0, []
    with tempfile.TemporaryFile(prefix="srgan_tf_") as file:
        for name, loaded in load_in_parallel(source.images):
            reason = loaded if isinstance(loaded, str) else _unfit(
                loaded.hr.shape[0] // loaded.frames, loaded.hr.shape[1], smallest_hr)
            if reason:
                skipped.append((name, reason))
            else:
                kept.append((name, end, *loaded.lr.shape[:2]))
                end += _append(file, loaded)
                frames.append(loaded.frames)
                if len(source.files.get(name, ())) > 1 and not source.moving:
                    looks.add(name, loaded)
            if progress:
                progress()
            if len(kept) == most:
                break
        file.flush()
        store = _store(source, map_files([file.fileno()])[0] if kept else None, kept, skipped, scale)
        return _moving(store._replace(doubtful=looks.doubtful(source.files)), source, frames)


def _map_records(source: Source, scale: int, smallest_hr: int) -> Store:
    pixels, starts = map_files([path for path, _ in source.shards])
    kept, skipped, frames = [], [], []
    for start, (_, shard) in zip(starts, source.shards, strict=True):
        skipped += shard.skipped
        for entry in shard.pairs:
            if reason := _unfit(entry.height * scale // entry.frames, entry.width * scale, smallest_hr):
                skipped.append((entry.name, reason))
            else:
                kept.append((entry.name, start + entry.offset, entry.height, entry.width))
                frames.append(entry.frames)
    return _moving(_store(source, pixels, kept, skipped, scale)._replace(is_taught=source.is_taught), source, frames)


def _moving(store: Store, source: Source, frames: list[int]) -> Store:
    """A store that knows the frames of each image where the source is one of clips."""
    return store._replace(moving=source.moving,
                          frames=np.array(frames, np.int64) if source.moving == "clips" else None)


def _store(source: Source, pixels: tf.Tensor, kept: list, skipped: list, scale: int) -> Store:
    """From what was kept: (name, where the pair begins, height and width of LR)."""
    if not kept:
        first = f": {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
        raise UserError(f"no usable image in {source.name} ({len(skipped)} skipped){first}")
    names, starts, heights, widths = zip(*kept, strict=True)
    lr_start, lr_size = np.array(starts, np.int64), np.stack([heights, widths], 1).astype(np.int64)
    return Store(pixels, lr_start + lr_size[:, 0] * row_bytes(lr_size[:, 1]), lr_start, lr_size, scale, list(names),
                 skipped)


def _unfit(height: int, width: int, smallest_hr: int) -> str:
    return f"{width}x{height} is smaller than a crop of {smallest_hr}" if min(height, width) < smallest_hr else ""


def _append(file: BinaryIO, pair: Pair) -> int:
    try:
        return append_pair(file.write, pair.lr, pair.hr)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"decoded images, in {tempfile.gettempdir()}") from error
