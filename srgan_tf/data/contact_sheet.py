"""A sheet to look at: images with lines of text below them."""

from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP, LINE = 8, 13  # pixels
Cell = tuple[np.ndarray, list[str]]  # an image uint8 [S,S,3] and the lines below it


def lay_out(rows: list[list[Cell]], side: int) -> np.ndarray:
    """Lays images of one side out in rows, their lines of text below: uint8 [H,W,3]. The first row is the longest."""
    text = 4 + LINE * max(len(lines) for cells in rows for _, lines in cells)
    width, height = GAP + len(rows[0]) * (side + GAP), GAP + len(rows) * (side + text + GAP)
    sheet = Image.new("RGB", (width, height), "white")
    write = partial(ImageDraw.Draw(sheet).text, fill="black", font=ImageFont.load_default(11))
    for row, cells in enumerate(rows):
        top = GAP + row * (side + text + GAP)
        for column, (image, lines) in enumerate(cells):
            left = GAP + column * (side + GAP)
            sheet.paste(Image.fromarray(image), (left, top))
            for number, line in enumerate(lines):
                write((left, top + side + 3 + number * LINE), line)
    return np.asarray(sheet)
