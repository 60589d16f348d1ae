"""Decoded pairs in one flat file, mapped into memory.

Pictures are decoded once. Their bytes follow one another in a file that the operating system pages in and out, so that
a set may be larger than memory, and TensorFlow reads crops from the mapping without a copy and without Python.
"""

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, NamedTuple

import numpy as np
import tensorflow as tf

from srgan_tf.data.catalog import Pair, Source


class Store(NamedTuple):
    """Decoded pairs.

    Attributes:
        pixels: uint8 [bytes], every picture's rows one after another, channels last.
        hr_start, lr_start: int64 [N], where a picture begins in `pixels`.
        lr_size: int64 [N,2], height and width of each LR picture.
        scale: HR side over LR side.
        names: of the pictures.
        skipped: (name, reason) of those that could not be used.
    """

    pixels: tf.Tensor
    hr_start: np.ndarray
    lr_start: np.ndarray
    lr_size: np.ndarray
    scale: int
    names: list[str]
    skipped: list[tuple[str, str]]

    def pair(self, index: int) -> Pair:
        """One pair as arrays."""
        height, width = (int(n) for n in self.lr_size[index])
        lr = self._picture(int(self.lr_start[index]), height, width)
        return Pair(lr, self._picture(int(self.hr_start[index]), height * self.scale, width * self.scale))

    def _picture(self, start: int, height: int, width: int) -> np.ndarray:
        return self.pixels[start : start + height * width * 3].numpy().reshape(height, width, 3)


def build_store(source: Source, scale: int, smallest_hr: int = 1, progress: Callable[[], None] | None = None) -> Store:
    """Decodes every picture of a source.

    A picture that cannot be read, or that is smaller than a crop, is left out and listed in `skipped`.

    Args:
        source: what to read.
        scale: HR side over LR side.
        smallest_hr: least HR side in pixels.
        progress: called after each picture.

    Raises:
        ValueError: no picture could be used; the message names the first and its reason.
        OSError: the temporary file cannot be written.
    """
    kept, skipped = [], []
    with tempfile.TemporaryFile(prefix="srgan_tf_") as file:
        for name, loaded in _load_in_parallel(source):
            reason = loaded if isinstance(loaded, str) else _unfit(loaded, smallest_hr)
            if reason:
                skipped.append((name, reason))
            else:
                kept.append((name, _append(file, loaded.lr), _append(file, loaded.hr), loaded.lr.shape[:2]))
            if progress:
                progress()
        if not kept:
            first = f": {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
            raise ValueError(f"no usable picture in {source.name} ({len(skipped)} skipped){first}")
        file.flush()
        pixels = _map(file)
    names, lr_start, hr_start, lr_size = zip(*kept, strict=True)
    return Store(pixels, np.array(hr_start, np.int64), np.array(lr_start, np.int64), np.array(lr_size, np.int64), scale,
                 list(names), skipped)


def _load_in_parallel(source: Source) -> Iterator[tuple[str, Pair | str]]:
    """Yields (name, pair or the reason why there is none), in order, a few pictures ahead of the reader."""
    pictures, workers = iter(source.pictures), os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        while group := list(itertools.islice(pictures, 2 * workers)):
            yield from zip((name for name, _ in group), pool.map(_load, (load for _, load in group)), strict=True)


def _load(load: Callable[[], Pair]) -> Pair | str:
    try:
        return load()
    except (ValueError, OSError) as error:
        return str(error)


def _unfit(pair: Pair, smallest_hr: int) -> str:
    height, width = pair.hr.shape[:2]
    return f"{width}x{height} is smaller than a crop of {smallest_hr}" if min(height, width) < smallest_hr else ""


def _append(file: BinaryIO, pixels: np.ndarray) -> int:
    start = file.tell()
    try:
        file.write(np.ascontiguousarray(pixels, np.uint8).data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"decoded pictures, in {tempfile.gettempdir()}") from error
    return start


def _map(file: BinaryIO) -> tf.Tensor:
    """The whole file as a uint8 tensor that shares its memory.

    The mapping is private (mode "c"): DLPack takes no read-only arrays, and nothing writes to it.
    """
    return tf.experimental.dlpack.from_dlpack(np.asarray(np.memmap(file, np.uint8, mode="c")).__dlpack__())
