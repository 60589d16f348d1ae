"""Sheets of crops: what the figures mean, to look at."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE, GAP, CAPTION = 224, 6, 34
# Side of the part of an image that is kept to be shown, on the sheet or on the page; a multiple of every scale.
CROP = 264


class Row(NamedTuple):
    """An image on the sheet: the upscaled images by method in the order shown, uint8 [H,W,3], HR last."""

    name: str
    lr: np.ndarray
    images: Mapping[str, np.ndarray]
    captions: Mapping[str, str]


def rgb(image: np.ndarray) -> np.ndarray:
    """[H,W,1] or [H,W,3] -> [H,W,3]."""
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image


def busiest_crop(reference: np.ndarray, other: np.ndarray, side: int, multiple: int) -> tuple[int, int]:
    """The top-left corner, a multiple of `multiple`, of the square where two images differ most.

    Args:
        reference: uint8 [H,W,C].
        other: uint8, of the same shape.
        side: of the square in pixels; cut to the image.
        multiple: of the corner.
    """
    error = np.square(reference.astype(np.float64) - other).sum(axis=2)
    height, width = error.shape
    sums = np.pad(error.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    rows, columns = min(side, height), min(side, width)
    totals = sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns] + sums[:-rows, :-columns]
    totals = totals[::multiple, ::multiple]
    top, left = np.unravel_index(totals.argmax(), totals.shape)
    return int(top) * multiple, int(left) * multiple


def draw_sheet(rows: Sequence[Row], scale: int) -> np.ndarray:
    """Draws a row an image: LR (upscaled by repeating pixels), then each method, then HR, with captions.

    Returns:
        uint8 [H,W,3].
    """
    columns = 1 + len(rows[0].images)
    width, height = GAP + columns * (SIDE + GAP), GAP + len(rows) * (SIDE + CAPTION + GAP)
    sheet = Image.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for line, row in enumerate(rows):
        *methods, hr = row.images.values()
        top, left = busiest_crop(hr, methods[0], SIDE, scale)
        lr = np.kron(row.lr[top // scale :, left // scale :][: SIDE // scale, : SIDE // scale],
                     np.ones((scale, scale, 1), np.uint8))
        cells = {"LR": lr, **{name: image[top : top + SIDE, left : left + SIDE]
                              for name, image in row.images.items()}}
        y = GAP + line * (SIDE + CAPTION + GAP)
        for column, (name, cell) in enumerate(cells.items()):
            x = GAP + column * (SIDE + GAP)
            sheet.paste(Image.fromarray(rgb(cell)), (x, y))
            caption = row.captions.get(name, row.name if name == "LR" else "")
            lines = "\n".join(fit_text(text, font, SIDE) for text in (name, caption))
            draw.text((x, y + SIDE + 2), lines, "black", font, spacing=2)
    return np.asarray(sheet)


def fit_text(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The text, or as much of its beginning as fits into `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."
