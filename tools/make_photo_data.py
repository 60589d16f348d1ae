#!/usr/bin/env python3
"""Makes data as photo_x4 and photo_x2 were trained on: photographs and graphics, and LR as phones and the web have it.

    python tools/make_photo_data.py --photographs fidelity/hr --clean fidelity/lr --graphics graphics --output wide

Writes OUTPUT/hr (links), OUTPUT/lr, a quarter as large, and OUTPUT/half, HR reduced by two, for x2: for each photograph
two LR, of which one in ten is the clean one, and for every other a third, strongly compressed; for each image that
make_graphics.py drew two. With --scale=1 it writes what clean_x1 was trained on: OUTPUT/hr and OUTPUT/lr of the same
size, one for each image, with noise and compression alone; one in ten is as it was.
"""

import argparse
import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageFilter
from tqdm import tqdm

from srgan_tf.imaging import matlab_resize

SEED, CLEAN = 11, 0.1
FILTERS = Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.BOX, Image.Resampling.LANCZOS


class Degradation(NamedTuple):
    """What happens to an image on its way to LR.

    Attributes:
        blur: greatest sigma, of six in ten; none of the others.
        noisy: share of those that are given noise; four in ten of it is grey.
        noise: greatest deviation, in grey levels.
        compressed: share of those that are compressed.
        quality: lowest and highest, of JPEG.
        twice: share of those that are compressed before, too.
    """

    blur: float
    noisy: float
    noise: float
    compressed: float
    quality: tuple[int, int]
    twice: float


USUAL = Degradation(2.5, 0.6, 12, 0.95, (30, 95), 0)
STRONG = Degradation(2, 0.5, 6, 0.9, (10, 44), 0.2)
GRAPHIC = Degradation(2, 0.5, 9, 0.9, (15, 95), 0.2)
SAME_SIZE = Degradation(0, 0.35, 15, 0.95, (8, 95), 0.25)


def degrade(random: Generator, image: Image.Image, how: Degradation, scale: int) -> Image.Image:
    """Blur, reduction by one of the filters, noise and JPEG, each drawn anew."""
    if how.blur and random.random() < 0.6:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.3, how.blur)))
    lr = image
    if scale > 1:
        lr = image.resize((image.width // scale, image.height // scale), FILTERS[random.integers(len(FILTERS))])
    if random.random() < how.noisy:
        channels = 1 if random.random() < 0.4 else 3
        noise = random.normal(0, random.uniform(0, how.noise), (lr.height, lr.width, channels))
        lr = Image.fromarray(np.uint8(np.clip(np.round(np.asarray(lr) + noise), 0, 255)))
    if random.random() < how.twice:
        lr = compress(random, lr, (50, 95))
    return compress(random, lr, how.quality) if random.random() < how.compressed else lr


def compress(random: Generator, image: Image.Image, quality: tuple[int, int]) -> Image.Image:
    """By JPEG, with chroma of half the resolution for seven in ten."""
    file, chroma = io.BytesIO(), 0 if random.random() < 0.3 else 2
    image.save(file, "JPEG", quality=int(random.integers(quality[0], quality[1] + 1)), subsampling=chroma)
    return Image.open(file)


def versions(photographs: Path, graphics: Path) -> Iterator[tuple[Path, str, Degradation]]:
    """Each HR, with a letter and what makes its LR."""
    for number, path in enumerate(sorted(photographs.iterdir())):
        yield path, "a", USUAL
        yield path, "b", USUAL
        if number % 2 == 0:
            yield path, "c", STRONG
    for path in sorted(graphics.iterdir()):
        yield path, "a", GRAPHIC
        yield path, "b", GRAPHIC


def write_same_size(options: argparse.Namespace, random: Generator) -> None:
    """The folders of --scale=1."""
    for path in tqdm(sorted([*options.photographs.iterdir(), *options.graphics.iterdir()]), unit="image"):
        (options.output / "hr" / f"{path.stem}.png").symlink_to(path.resolve())
        hr = Image.open(path).convert("RGB")
        lr = hr if random.random() < CLEAN else degrade(random, hr, SAME_SIZE, 1)
        lr.convert("RGB").save(options.output / "lr" / f"{path.stem}.png")


def write_reduced(options: argparse.Namespace, random: Generator) -> None:
    """The folders of --scale=4."""
    for path, letter, how in tqdm(list(versions(options.photographs, options.graphics)), unit="image"):
        name = f"{path.stem}_{letter}.png"
        (options.output / "hr" / name).symlink_to(path.resolve())
        hr, half = Image.open(path).convert("RGB"), options.output / "half" / f"{path.stem}_a.png"
        if letter == "a":
            Image.fromarray(matlab_resize(np.asarray(hr), Fraction(1, 2))).save(half)
        else:
            half.with_name(name).symlink_to(half.name)
        is_clean = how is USUAL and random.random() < CLEAN
        lr = Image.open(options.clean / path.name) if is_clean else degrade(random, hr, how, 4)
        lr.convert("RGB").save(options.output / "lr" / name)


def main() -> None:
    """Writes the folders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, required=True, help="folder of HR, whose sides are multiples of 4")
    parser.add_argument("--clean", type=Path, help="folder of their LR by MATLAB's bicubic reduction; for --scale=4")
    parser.add_argument("--graphics", type=Path, required=True, help="folder of what make_graphics.py drew")
    parser.add_argument("--output", type=Path, required=True, help="folder for hr, lr and half")
    parser.add_argument("--scale", type=int, choices=(1, 4), default=4, help="1: LR as large as HR (%(default)s)")
    options = parser.parse_args()
    for name in ("photographs", "graphics", *(["clean"] if options.scale == 4 else [])):
        folder = getattr(options, name)
        if folder is None or not folder.is_dir():
            parser.error(f"--{name}={folder}: no such folder")
    for path in options.photographs.iterdir() if options.scale == 4 else ():
        if not (options.clean / path.name).is_file():
            parser.error(f"--clean={options.clean} has no {path.name}, and LR of each photograph is needed there")
    if options.output.exists():
        parser.error(f"--output={options.output} exists: name a new folder")
    for folder in ("hr", "lr", *(["half"] if options.scale == 4 else [])):
        (options.output / folder).mkdir(parents=True)
    write = write_same_size if options.scale == 1 else write_reduced
    write(options, np.random.default_rng(SEED))


if __name__ == "__main__":
    main()
