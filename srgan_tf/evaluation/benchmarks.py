"""Benchmarks on disk: DIR/HR/* and, where somebody made them, DIR/LR_bicubic/X4/*."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from srgan_tf.imaging import Picture, crop_to_multiple, list_pictures, matlab_resize, read_picture, to_uint8
from srgan_tf.imaging.matching import match_names


class Case(NamedTuple):
    """A picture of a benchmark, not yet read.

    Attributes:
        name: of the HR file.
        hr_path: the reference.
        other_path: its LR picture or its finished enlargement; None: LR is made from HR.
        scale: HR side over LR side.
    """

    name: str
    hr_path: Path
    other_path: Path | None
    scale: int

    def load(self) -> tuple[np.ndarray, np.ndarray]:
        """Reads (LR, HR), uint8 [H,W,C] and [sH,sW,C]; C is 1 for a grey picture, which is measured as Y, else 3.

        Raises:
            ValueError: a file cannot be read, or LR and HR do not fit each other.
        """
        hr = read_picture(self.hr_path).colour
        if min(hr.shape[:2]) < self.scale:
            raise ValueError(f"{self.hr_path} is smaller than the scale {self.scale}: {_size(hr)}")
        hr = crop_to_multiple(hr, self.scale)
        if self.other_path is None:
            return matlab_resize(hr, 1 / self.scale), hr
        lr = _channels(read_picture(self.other_path), hr)
        if tuple(side * self.scale for side in lr.shape[:2]) != hr.shape[:2]:
            raise ValueError(f"{self.other_path} times {self.scale} is not {self.hr_path}: {_size(lr)}, {_size(hr)}")
        return lr, hr

    def load_finished(self) -> tuple[np.ndarray, np.ndarray]:
        """Reads (enlargement, HR), of one size: what the enlargement lacks of HR for its LR being whole is cut off.

        Raises:
            ValueError: a file cannot be read, the sizes differ by the scale or more, or the enlargement of a coloured
                picture is grey.
        """
        enlargement, hr = read_picture(self.other_path), read_picture(self.hr_path).colour
        if enlargement.grey and hr.shape[2] > 1:
            raise ValueError(f"{self.other_path} is grey and {self.hr_path} is not: save the enlargement in colour")
        sr = _channels(enlargement, hr)
        missing = [whole - part for whole, part in zip(hr.shape[:2], sr.shape[:2], strict=True)]
        if not all(0 <= difference < self.scale for difference in missing):
            raise ValueError(f"{self.other_path} and {self.hr_path} differ in size: {_size(sr)}, {_size(hr)}")
        return sr, hr[: sr.shape[0], : sr.shape[1]]


def _channels(picture: Picture, like: np.ndarray) -> np.ndarray:
    """The picture with the channels of another: grey three times over for colour, the mean of colours for grey."""
    if like.shape[2] > 1 or picture.grey:
        return picture.pixels[..., : like.shape[2]]
    return to_uint8(picture.colour.mean(axis=2, keepdims=True) / 255)


def _size(picture: np.ndarray) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"


def load_benchmark(folder: Path, scale: int) -> list[Case]:
    """The pictures of a benchmark.

    Raises:
        ValueError: there is no folder HR in it, it is empty, or a picture of LR_bicubic/X<scale> is missing.
    """
    hr_folder, lr_folder = folder / "HR", folder / "LR_bicubic" / f"X{scale}"
    if not hr_folder.is_dir():
        raise ValueError(f"--benchmark={folder}: no folder {hr_folder}; a benchmark is DIR/HR/* and optionally "
                         f"DIR/LR_bicubic/X{scale}/*")
    hr_paths = list_pictures(hr_folder)
    lr_paths: Sequence[Path | None] = [None] * len(hr_paths)
    if lr_folder.is_dir():
        lr_paths = match_names(hr_paths, list_pictures(lr_folder))
    return [Case(hr.name, hr, lr, scale) for hr, lr in zip(hr_paths, lr_paths, strict=True)]


def load_finished(sr_folder: Path, hr_folder: Path, scale: int) -> list[Case]:
    """Finished enlargements and their references, matched by name; references without one are an error."""
    hr_paths = list_pictures(hr_folder)
    found = match_names(hr_paths, list_pictures(sr_folder))
    make = partial(Case, scale=scale)
    return [make(hr.name, hr, sr) for hr, sr in zip(hr_paths, found, strict=True)]
