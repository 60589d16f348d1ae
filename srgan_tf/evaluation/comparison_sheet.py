"""The sheet of a comparison: a labelled grid of what each model made of the same place."""

import math
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from srgan_tf.evaluation.sheets import GAP, busiest_crop, fit_text, rgb

SIDE, CAPTION, COLUMNS = 320, 36, 4
LINE = 14  # height of a line of text


def draw_comparison(title: str, views: Mapping[str, np.ndarray], captions: Mapping[str, str]) -> np.ndarray:
    """Draws every view, or of large ones the place where they differ most.

    Args:
        title: at the top.
        views: uint8 [H,W,C] of one size, by name.
        captions: a second line under a view, by name.

    Returns:
        uint8 [H,W,3].
    """
    seen = {name: over_white(pixels) for name, pixels in views.items()}
    first, *others = seen.values()
    average = np.mean(others or [first], axis=0)
    top, left = busiest_crop(first, average, SIDE, 1)
    cells = {name: pixels[top : top + SIDE, left : left + SIDE] for name, pixels in seen.items()}
    columns = min(COLUMNS, math.ceil(math.sqrt(len(cells))))
    rows = math.ceil(len(cells) / columns)
    height, width = next(iter(cells.values())).shape[:2]
    width, height = max(SIDE // 2, width) + GAP, height + CAPTION + GAP  # of a cell, with room for its text
    sheet = Image.new("RGB", (GAP + columns * width, LINE + 2 * GAP + rows * height), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    draw.text((GAP, GAP), fit_text(title, font, sheet.width - 2 * GAP), "black", font)
    for number, (name, cell) in enumerate(cells.items()):
        x, y = GAP + number % columns * width, LINE + 2 * GAP + number // columns * height
        sheet.paste(Image.fromarray(cell), (x, y))
        lines = "\n".join(fit_text(text, font, width - GAP) for text in (name, captions.get(name, "")))
        draw.text((x, y + cell.shape[0] + 2), lines, "black", font, spacing=2)
    return np.asarray(sheet)


def over_white(pixels: np.ndarray) -> np.ndarray:
    """uint8 [H,W,C] with or without alpha -> [H,W,3]."""
    if pixels.shape[2] % 2:
        return rgb(pixels)
    alpha = pixels[..., -1:].astype(np.uint16)
    mixed = (pixels[..., :-1] * alpha + 255 * (255 - alpha) + 127) // 255
    return rgb(mixed.astype(np.uint8))
