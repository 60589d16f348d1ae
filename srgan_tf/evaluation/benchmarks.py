"""Benchmarks on disk: DIR/HR/* and, where somebody made them, DIR/LR_bicubic/X4/*."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.imaging import DecodedImage, crop_to_multiple, list_images, matlab_resize, read_image, to_uint8
from srgan_tf.imaging.name_matching import match_names


class Case(NamedTuple):
    """An image of a benchmark, not yet read.

    Attributes:
        name: of the HR file.
        hr_path: the reference.
        other_path: its LR image or its finished upscaling; None: LR is made from HR.
        scale: HR side over LR side.
    """

    name: str
    hr_path: Path
    other_path: Path | None
    scale: int

    def load(self) -> tuple[np.ndarray, np.ndarray]:
        """Reads (LR, HR), uint8 [H,W,C] and [sH,sW,C]; C is 1 for a grey image, which is measured as Y, else 3.

        Raises:
            ValueError: a file cannot be read or has transparency, or LR and HR do not fit each other.
        """
        hr = _opaque(self.hr_path).colour
        if min(hr.shape[:2]) < self.scale:
            raise UserError(f"{self.hr_path} is smaller than the scale {self.scale}: {_size(hr)}")
        hr = crop_to_multiple(hr, self.scale)
        if self.other_path is None:
            return matlab_resize(hr, 1 / self.scale), hr
        lr = _channels(_opaque(self.other_path), hr)
        if tuple(side * self.scale for side in lr.shape[:2]) != hr.shape[:2]:
            raise UserError(f"{self.hr_path} must be {self.scale} times as large as {self.other_path}; they are "
                            f"{_size(hr)} and {_size(lr)}")
        return lr, hr

    def load_finished(self) -> tuple[np.ndarray, np.ndarray]:
        """Reads (upscaling, HR), of one size: what the upscaling lacks of HR for its LR being whole is cut off.

        Raises:
            ValueError: a file cannot be read or has transparency, the sizes differ by the scale or more, or the
                upscaling of a coloured image is grey.
        """
        upscaled_image, hr = _opaque(self.other_path), _opaque(self.hr_path).colour
        if upscaled_image.grey and hr.shape[2] > 1:
            raise UserError(f"{self.other_path} is grey and {self.hr_path} is not: save the upscaled image in colour")
        sr = _channels(upscaled_image, hr)
        missing = [whole - part for whole, part in zip(hr.shape[:2], sr.shape[:2], strict=True)]
        if not all(0 <= difference < self.scale for difference in missing):
            raise UserError(f"{self.other_path} and {self.hr_path} differ in size: {_size(sr)}, {_size(hr)}")
        return sr, hr[: sr.shape[0], : sr.shape[1]]


def _opaque(path: Path) -> DecodedImage:
    """Reads an image without transparency: under it colours are hidden that nobody sees, and they would be compared."""
    image = read_image(path)
    if image.alpha is not None and (image.alpha < 255).any():
        raise UserError(f"{path} is transparent, and the colours beneath cannot be compared: put it on a background "
                        "first, and "
                        "the images to compare it with on the same one")
    return image


def _channels(image: DecodedImage, like: np.ndarray) -> np.ndarray:
    """The image with the channels of another: grey three times over for colour, the mean of colours for grey."""
    if like.shape[2] > 1 or image.grey:
        return image.pixels[..., : like.shape[2]]
    return to_uint8(image.colour.mean(axis=2, keepdims=True) / 255)


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"


def load_benchmark(folder: Path, scale: int) -> list[Case]:
    """The images of a benchmark.

    Raises:
        ValueError: there is no folder HR in it, it is empty, or an image of LR_bicubic/X<scale> is missing.
    """
    hr_folder, lr_folder = folder / "HR", find_lr_folder(folder, scale)
    if not hr_folder.is_dir():
        raise UserError(f"--benchmark={folder}: no folder {hr_folder}; a benchmark is DIR/HR/* and optionally "
                        f"DIR/LR_bicubic/X{scale}/* (docs/evaluation.md says where to download them)")
    hr_paths = list_images(hr_folder)
    lr_paths: Sequence[Path | None] = [None] * len(hr_paths)
    if lr_folder:
        lr_paths = match_names(hr_paths, list_images(lr_folder))
    return [Case(hr.name, hr, lr, scale) for hr, lr in zip(hr_paths, lr_paths, strict=True)]


def find_lr_folder(folder: Path, scale: int) -> Path | None:
    """DIR/LR_bicubic/X4, in capitals or not; None where there is none.

    Raises:
        ValueError: there are two that differ by capitals alone.
    """
    outer = _named(folder, "LR_bicubic")
    return _named(outer, f"X{scale}") if outer else None


def lr_note(folder: Path, scale: int) -> str:
    """What to say where there is a folder LR_bicubic that is of no use; empty: nothing."""
    outer = _named(folder, "LR_bicubic")
    if not outer or find_lr_folder(folder, scale):
        return ""
    return f"{outer} holds no folder X{scale}: LR is made of HR by MATLAB's bicubic reduction"


def _named(folder: Path, name: str) -> Path | None:
    """The folder of that name within another, whatever its capitals."""
    found = sorted(child for child in folder.iterdir() if child.name.lower() == name.lower() and child.is_dir()
                   ) if folder.is_dir() else []
    if len(found) > 1:
        raise UserError(f"{' and '.join(map(str, found))} differ only in upper and lower case: rename one of them")
    return found[0] if found else None


def load_finished(sr_folder: Path, hr_folder: Path, scale: int, pattern: str = "") -> list[Case]:
    """Finished upscaled images and their references, matched by name; references without one are an error.

    Args:
        sr_folder: of the upscaled images.
        hr_folder: of the references.
        scale: as in Case.
        pattern: of the upscaled images' names, as in `match_names`.
    """
    hr_paths = list_images(hr_folder)
    hint = f" by --sr_pattern={pattern}" if pattern else "; --sr_pattern={name}_x4* gives the pattern of their names"
    found = match_names(hr_paths, list_images(sr_folder), pattern, hint)
    make = partial(Case, scale=scale)
    return [make(hr.name, hr, sr) for hr, sr in zip(hr_paths, found, strict=True)]
