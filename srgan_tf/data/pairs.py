"""HR images with their LR images, and sources of them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from srgan_tf.data.records import Shard
from srgan_tf.errors import UserError
from srgan_tf.imaging import matlab_resize, read_image


class Pair(NamedTuple):
    """A low-resolution image uint8 [H,W,3] and the one it was made from, uint8 [sH,sW,3].

    `taught` is what a teacher makes of LR, uint8 [sH,sW,3], where there is one.
    """

    lr: np.ndarray
    hr: np.ndarray
    taught: np.ndarray | None = None
    frames = 1


class ClipPair(NamedTuple):
    """A clip as a pair: its `frames`, T of them, below each other, uint8 [T H,W,3] and [T sH,sW,3]."""

    lr: np.ndarray
    hr: np.ndarray
    frames: int
    taught = None


class Source(NamedTuple):
    """Images not yet read.

    Attributes:
        name: for people.
        count: of the images.
        images: yields (name, load), and `load()` returns the Pair or raises; a slice of it yields some of them.
        shards: prepared images: the files that hold them, and what is where in each.
        files: what each image is read from, by its name: HR, or HR and LR; empty where there are no such files.
        version: what the images depend on where they are not files.
        is_taught: whether the shards hold a teacher's images.
        moving: for networks over time: "clips", whose pairs are clips, or "motion", photographs to move over.
    """

    name: str
    count: int
    images: Sequence[tuple[str, Callable[[], Pair]]]
    shards: Sequence[tuple[Path, Shard]] = ()
    files: Mapping[str, tuple[Path, ...]] = {}
    version: str = ""
    is_taught: bool = False
    moving: str = ""


def require_still(source: Source, flag: str = "dataset") -> None:
    """Raises a UserError where a source, that of the flag, is one of clips, and images are needed."""
    if source.moving:
        raise UserError(f"--{flag}={source.name} is of clips, and images are needed here")


def pair_from_hr(hr: np.ndarray, scale: int) -> Pair:
    """Crops HR to a multiple of the scale and makes LR with MATLAB's bicubic reduction."""
    hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
    if not hr.size:
        raise UserError(f"smaller than the scale {scale}")
    return Pair(matlab_resize(hr, 1 / scale), hr)


def checked_pair(lr: np.ndarray, hr: np.ndarray, scale: int) -> Pair:
    """A pair that somebody else made: HR is cropped to the LR size times the scale, if that is all that is amiss."""
    height, width = lr.shape[0] * scale, lr.shape[1] * scale
    if not (0 <= hr.shape[0] - height < scale and 0 <= hr.shape[1] - width < scale):
        raise UserError(f"HR must be {scale} times as large as LR; LR is {lr.shape[1]}x{lr.shape[0]}, HR is "
                        f"{hr.shape[1]}x{hr.shape[0]}")
    return Pair(lr, hr[:height, :width])


def load_hr(path: Path, scale: int) -> Pair:
    """Reads HR and makes LR."""
    return pair_from_hr(_rgb(path), scale)


def load_both(lr: Path, hr: Path, scale: int) -> Pair:
    """Reads both."""
    return checked_pair(_rgb(lr), _rgb(hr), scale)


def _rgb(path: Path) -> np.ndarray:
    return read_image(path).pixels[..., :3]
