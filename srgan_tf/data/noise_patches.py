"""Noise patches out of images, for RealSR's noise pool.

Source: Ji et al., "Real-World Super-Resolution via Kernel Estimation and Noise Injection", CVPR Workshops 2020,
section 3.2: where an image is smooth, what varies is its noise. The authors' code takes squares of 256 pixels whose
grey has a variance below 20 and, for phones' images, a mean above 50.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from srgan_tf.atomic import locked
from srgan_tf.config import PrepareConfig
from srgan_tf.data.catalog import open_source
from srgan_tf.data.pairs import Source, require_still
from srgan_tf.data.parallel_loading import load_in_parallel
from srgan_tf.errors import UserError
from srgan_tf.imaging import write_image
from srgan_tf.text import expand, printable


class Collection(NamedTuple):
    """What was found: numbers of patches, of images that had any, and of images; (name, reason) of the unread."""

    patches: int
    used: int
    images: int
    skipped: list[tuple[str, str]]


def collect(config: PrepareConfig) -> Collection:
    """Writes the smooth patches of a dataset to a new folder, as PNG.

    Raises:
        ValueError: the dataset cannot be read or has no smooth patch, or the folder is not empty.
        OSError: a file cannot be written.
    """
    source, folder = open_source(config.dataset, config.scale), expand(config.output)
    require_still(source)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, "--output"):
        if any(not path.name.startswith(".") for path in folder.iterdir()):
            raise UserError(f"--output={folder} is not empty: name a new or an empty folder")
        return _collect(config, source, folder)


def _collect(config: PrepareConfig, source: Source, folder: Path) -> Collection:
    patches, used, skipped = 0, 0, []
    name = printable(source.name)
    loaded = tqdm(load_in_parallel(source.images), desc=f"looking through {name}", total=source.count,
                  unit="image", leave=False, disable=None)
    for number, (name, pair) in enumerate(loaded):
        if isinstance(pair, str):
            skipped.append((name, pair))
            continue
        found = 0
        for top, left, patch in smooth_patches(
                pair.hr, config.noise_patch, config.noise_variance, config.noise_mean):
            write_image(folder / f"{number:05}_{top}_{left}.png", patch)
            found += 1
        patches, used = patches + found, used + bool(found)
    if not patches:
        raise UserError(f"no smooth patch in the {source.count} images of {source.name}: raise --noise_variance="
                        f"{config.noise_variance:g} or lower --noise_patch={config.noise_patch}")
    return Collection(patches, used, source.count, skipped)


def smooth_patches(image: np.ndarray, side: int, most_variance: float,
                   least_mean: float) -> Iterator[tuple[int, int, np.ndarray]]:
    """Squares side by side whose grey varies little.

    Args:
        image: uint8 [H,W,3].
        side: of the squares in pixels.
        most_variance: of the grey, in levels squared.
        least_mean: of the grey, in levels.

    Yields:
        (top, left, uint8 [side,side,3]).
    """
    grey = image @ np.array([0.299, 0.587, 0.114])
    for top in range(0, image.shape[0] - side + 1, side):
        for left in range(0, image.shape[1] - side + 1, side):
            place = np.s_[top : top + side, left : left + side]
            if grey[place].var() < most_variance and grey[place].mean() >= least_mean:
                yield top, left, image[place]
