"""A sheet that shows a degradation: photographs, what became of them in several draws, and what was drawn."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from srgan_tf.config import PrepareConfig
from srgan_tf.data.catalog import open_source
from srgan_tf.data.contact_sheet import Cell, lay_out
from srgan_tf.data.degradation import Degrade, open_degradation, unsharp_mask
from srgan_tf.data.degradation.chains import GAUSSIAN
from srgan_tf.data.degradation.kernels import KINDS, NONE, SINC
from srgan_tf.data.degradation.resizing import MODES
from srgan_tf.data.early_checks import SHEET
from srgan_tf.imaging import write_image
from srgan_tf.text import expand

IMAGES, DRAWS = 4, 4
SIDE, MARGIN = 240, 72  # pixels; the margin is degraded too, and cut off
Values = Mapping[str, float]


def write_preview(config: PrepareConfig) -> Path:
    """Draws IMAGES of the dataset in DRAWS each, LR upscaled by repeating pixels, and writes the sheet.

    Returns:
        Its path.

    Raises:
        ValueError: the dataset or the degradation cannot be had.
        OSError: a file cannot be read or written.
    """
    degrade = open_degradation(config.drawn, config.scale, config.kernel_pool, config.noise_pool)
    with tf.device("CPU"):  # as in the data pipeline
        rows = [_row(config, degrade, number, *crop) for number, crop in enumerate(_crops(config))]
    path = expand(config.output or SHEET)
    write_image(path, lay_out(rows, SIDE))
    return path


def _row(config: PrepareConfig, degrade: Degrade, number: int, name: str, hr: tf.Tensor, mirrored: str) -> list[Cell]:
    """HR, then the draws."""
    source = unsharp_mask(hr) if config.sharpen_targets else hr
    what = ("sharpened HR" if config.sharpen_targets else "HR") + mirrored
    cells = [(_shown(source, 1), [Path(name).name[:36], what])]
    for draw in range(DRAWS):
        lr, drawn = degrade(source, tf.constant([config.seed, number * DRAWS + draw]))
        cells.append((_shown(lr, config.scale), captions(drawn) or [f"x{config.scale} smaller"]))
    return cells


def _crops(config: PrepareConfig) -> list[tuple[str, tf.Tensor, str]]:
    """Names and middles, float32 [1,P,P,3], of images from all over the dataset.

    Images that are smaller are continued by their mirror image; where that is seen, the third element says so.
    """
    source, side, crops = open_source(config.dataset or "samples", config.scale), SIDE + 2 * MARGIN, []
    count = min(IMAGES, source.count)
    for number in range(count):
        # From the end: scikit-image's photographs of things come last.
        place = source.count - 1 - number * source.count // count
        for name, load in source.images[place : place + 1]:
            hr = load().hr
            height, width = hr.shape[:2]
            mirrored = f", {width}x{height}, mirrored at its edges" if min(height, width) < SIDE else ""
            hr = np.pad(hr, [(0, max(0, side - length)) for length in hr.shape[:2]] + [(0, 0)], mode="symmetric")
            top, left = ((length - side) // 2 for length in hr.shape[:2])
            crop = tf.constant(hr[None, top : top + side, left : left + side], tf.float32) / 255
            crops.append((name, crop, mirrored))
    return crops


def _shown(images: tf.Tensor, scale: int) -> np.ndarray:
    """The first image without its margin, each pixel `scale` wide: uint8 [SIDE,SIDE,3]."""
    margin = MARGIN // scale
    cut = images[0, margin : margin + SIDE // scale, margin : margin + SIDE // scale].numpy()
    return np.kron(np.floor(cut * 255 + 0.5).astype(np.uint8), np.ones((scale, scale, 1), np.uint8))


def captions(drawn: Mapping[str, Mapping[str, tf.Tensor]]) -> list[str]:
    """A line for each step of what was drawn for the first image of a batch."""
    lines = []
    for step, values in drawn.items():
        values = {name: float(np.ravel(value)[0]) for name, value in values.items()}
        lines.append(f"{step}: {_WORDS[step.split()[0]](values)}")
    return lines


def _blur(values: Values) -> str:
    kind = int(values["kind"])
    if kind == NONE:
        return "none"
    size = f"{values['size']:.0f} px"
    if kind == SINC:
        return f"sinc {size}, {values['cutoff'] / math.pi:.2f} pi"
    text = f"{KINDS[kind].replace('isotropic', 'iso').replace('generalised', 'gen.')} {size}, {values['sigma_x']:.1f}"
    if kind % 2:
        text += f"/{values['sigma_y']:.1f} at {math.degrees(values['angle']):.0f}"
    return text + (f", b {values['beta']:.1f}" if kind > 1 else "")


def _resize(values: Values) -> str:
    return f"x{values['factor']:.2f} {MODES[int(values['mode'])]}"


def _noise(values: Values) -> str:
    kind = f"Gauss {values['sigma']:.0f}" if values["kind"] == GAUSSIAN else f"Poisson {values['strength']:.1f}"
    return f"{kind}, {'grey' if values['grey'] else 'colour'}"


def _last(values: Values) -> str:
    return f"{MODES[int(values['mode'])]}, {_blur(values)}"


def _jpeg(values: Values) -> str:
    order = "" if "after" not in values else ", after it" if values["after"] else ", before it"
    return f"quality {values['quality']:.0f}{order}"


_WORDS: dict[str, Callable[[Values], str]] = {
    "blur": _blur,
    "resize": _resize,
    "noise": _noise,
    "jpeg": _jpeg,
    "last": _last,
    "degradation": lambda values: f"number {values['number']:.0f} of those named",
    "kernel": lambda values: f"number {values['number']:.0f}",
    "patch": lambda values: f"number {values['number']:.0f}",
}
