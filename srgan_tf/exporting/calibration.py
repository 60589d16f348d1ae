"""Photographs for exports: those that int8 is calibrated on, and those that its loss is measured on."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from srgan_tf.config import ExportConfig
from srgan_tf.data.catalog import Pair, open_source
from srgan_tf.errors import UserError
from srgan_tf.imaging import list_images
from srgan_tf.inference.tiling import upscale_tiled
from srgan_tf.metrics import psnr
from srgan_tf.models import Generator
from srgan_tf.runtimes.keras import open_network
from srgan_tf.runtimes.litert import litert_runtime
from srgan_tf.text import expand

CALIBRATED = ("dynamic", "int8")  # whose kernels are rounded by photographs; int8 has its ranges from them, too
MOST_IMAGES = 64
MOST_PIXELS = 100 * 64 * 64  # LR pixels calibrated on: enough for ranges to settle, a minute for a large network
MEASURED_SIDE = 96
FREE_TILE = (64, 64)
OVERLAP = 16
MOST_DB = 100  # of an image that comes out as it is, as even ones do at x1: infinity has no average


class Photographs(NamedTuple):
    """Low-resolution images uint8 [H,W,3] to calibrate on, and pairs to measure on; either may be empty."""

    calibration: list[np.ndarray]
    held_out: list[Pair]
    source: str


NO_PHOTOGRAPHS = Photographs([], [], "")


def open_photographs(config: ExportConfig, scale: int) -> Photographs:
    """The photographs of --representative, or scikit-image's; none where they are not installed and not needed.

    Raises:
        ValueError: int8 is asked for and there are none, or the folder cannot be used.
    """
    if config.representative:
        _require_two(expand(config.representative))
    spec = f"folder:{expand(config.representative)}" if config.representative else "samples"
    try:
        held_out = [load() for _, load in open_source(spec, scale, "validation").images]
        source = open_source(spec, scale, "train") if config.quantize in CALIBRATED else None
    except (UserError, OSError) as error:
        if config.representative:
            raise UserError(f"--representative={config.representative}: {error}") from error
        if config.quantize == "int8":
            raise UserError("--quantize=int8 is calibrated on photographs: install scikit-image, which brings some "
                            "(pip install 'srgan_tf[samples]'), or give --representative=DIR") from error
        return NO_PHOTOGRAPHS
    images = [load().lr for _, load in list(source.images)[:MOST_IMAGES]] if source else []
    # The card goes wherever the file goes: it names the folder, not where on this machine it lies.
    name = expand(config.representative).name if config.representative else "scikit-image"
    return Photographs(images, held_out, name)


def _require_two(folder: Path) -> None:
    """Raises a ValueError where a folder does not hold photographs to calibrate on and others to measure on."""
    try:
        count = len(list_images(folder))
    except OSError as error:
        raise UserError(f"--representative={folder}: {error.strerror}") from error
    except UserError as error:
        raise UserError(f"--representative={error}") from error
    if count < 2:
        raise UserError(f"--representative={folder} holds one photograph, and two at least are needed: int8 is "
                        "calibrated on some, and what it loses is measured on others")


def calibration_tiles(images: list[np.ndarray], tile: tuple[int, int] | None) -> list[np.ndarray]:
    """Crops uint8 [H,W,3] of the images in turn, always the same ones, and a black and a white one.

    They lie in turn on each side, for what is up is nothing to a user's image. The last two make 0 and 1 the exact
    ends of the input's range.
    """
    height, width = tile or FREE_TILE
    random = np.random.default_rng(0)
    tiles = [np.full((height, width, 3), level, np.uint8) for level in (0, 255)]
    for number in range(int(np.clip(MOST_PIXELS // (height * width), 8, 100))):
        image = images[number % len(images)]
        short = [(0, max(0, side - size)) for side, size in zip((height, width), image.shape, strict=False)]
        image = np.pad(image, (*short, (0, 0)), mode="symmetric")
        top, left = (random.integers(size - side + 1) for size, side in zip(image.shape, (height, width),
                                                                             strict=False))
        turns = number % 4 if height == width else number % 2 * 2
        tiles.append(np.ascontiguousarray(np.rot90(image[top : top + height, left : left + width], turns)))
    return tiles


def measure_loss(generator: Generator, path: Path, photographs: Photographs) -> dict | None:
    """How far a .tflite file falls behind its source model on the held-out photographs.

    Args:
        generator: the source model.
        path: of the file.
        photographs: crops from the middle of the held-out ones are taken.

    Returns:
        PSNR on Y of both and their difference, in dB, and what was measured; None where there are no photographs.
    """
    if not photographs.held_out:
        return None
    exported = litert_runtime(path)
    # The same tiles for both, so that tiling is no part of the difference.
    source = open_network(generator)._replace(fixed_tile=exported.fixed_tile, alignment=exported.alignment)
    pairs = [_middle(pair, generator.scale) for pair in photographs.held_out]
    overlap = min(OVERLAP, generator.receptive_radius, min(exported.fixed_tile or FREE_TILE) // 4)
    means = []
    for runtime in (source, exported):
        means.append(float(np.mean([min(MOST_DB, psnr(upscale_tiled(runtime, pair.lr, 0, overlap), pair.hr,
                                                      crop=generator.scale)) for pair in pairs])))
    return {"photographs": photographs.source, "count": len(pairs), "psnr_y_source": round(means[0], 4),
            "psnr_y": round(means[1], 4), "loss_db": round(means[0] - means[1], 4) + 0.0}  # no -0.0


def _middle(pair: Pair, scale: int) -> Pair:
    top, left = (max(0, size - MEASURED_SIDE) // 2 for size in pair.lr.shape[:2])
    rows, columns = slice(top, top + MEASURED_SIDE), slice(left, left + MEASURED_SIDE)
    large = [slice(part.start * scale, part.stop * scale) for part in (rows, columns)]
    return Pair(pair.lr[rows, columns], pair.hr[large[0], large[1]])
