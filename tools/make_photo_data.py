#!/usr/bin/env python3
"""Makes data as photo_x4 and photo_x2 were trained on: photographs and graphics, and LR as phones and the web have it.

    python tools/make_photo_data.py --photographs fidelity/hr --clean fidelity/lr --graphics graphics --output wide

Writes OUTPUT/hr (links), OUTPUT/lr, a quarter as large, and OUTPUT/half, HR reduced by two, for x2: for each photograph
two LR, of which one in ten is the clean one, and for every other a third, strongly compressed; for each image that
make_graphics.py drew two.
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

SCALE, SEED, CLEAN = 4, 11, 0.1
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


def degrade(random: Generator, image: Image.Image, how: Degradation) -> Image.Image:
    """Blur, reduction by one of the filters, noise and JPEG, each drawn anew."""
    if random.random() < 0.6:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.3, how.blur)))
    lr = image.resize((image.width // SCALE, image.height // SCALE), FILTERS[random.integers(len(FILTERS))])
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


def main() -> None:
    """Writes the folders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, required=True, help="folder of HR, whose sides are multiples of 4")
    parser.add_argument("--clean", type=Path, required=True, help="folder of their LR by MATLAB's bicubic reduction")
    parser.add_argument("--graphics", type=Path, required=True, help="folder of what make_graphics.py drew")
    parser.add_argument("--output", type=Path, required=True, help="folder for hr, lr and half")
    options = parser.parse_args()
    for name in ("photographs", "clean", "graphics"):
        if not (folder := getattr(options, name)).is_dir():
            parser.error(f"--{name}={folder}: no such folder")
    for path in options.photographs.iterdir():
        if not (options.clean / path.name).is_file():
            parser.error(f"--clean={options.clean} has no {path.name}, and LR of each photograph is needed there")
    if options.output.exists():
        parser.error(f"--output={options.output} exists: name a new folder")
    for folder in ("hr", "lr", "half"):
        (options.output / folder).mkdir(parents=True)
    random = np.random.default_rng(SEED)
    for path, letter, how in tqdm(list(versions(options.photographs, options.graphics)), unit="image"):
        name = f"{path.stem}_{letter}.png"
        (options.output / "hr" / name).symlink_to(path.resolve())
        hr, half = Image.open(path).convert("RGB"), options.output / "half" / f"{path.stem}_a.png"
        if letter == "a":
            Image.fromarray(matlab_resize(np.asarray(hr), Fraction(1, 2))).save(half)
        else:
            half.with_name(name).symlink_to(half.name)
        is_clean = how is USUAL and random.random() < CLEAN
        lr = Image.open(options.clean / path.name) if is_clean else degrade(random, hr, how)
        lr.convert("RGB").save(options.output / "lr" / name)


if __name__ == "__main__":
    main()
