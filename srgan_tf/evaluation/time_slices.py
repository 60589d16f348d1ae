"""Space-time slices: a row of pixels of each frame of a clip, below each other. What is steady is smooth there."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from srgan_tf.evaluation.sheets import GAP, fit_text

WIDTH, HEIGHT, CAPTION = 720, 168, 18  # of a slice, about, and of the line above it


def draw_slices(clips: Mapping[str, Sequence[np.ndarray]], captions: Mapping[str, str]) -> np.ndarray:
    """Draws a slice for each method, from the row in the middle of the frames, time going down.

    Args:
        clips: frames uint8 [H,W,3] by method, of one number and size.
        captions: what is said of each method.

    Returns:
        uint8 [H,W,3].
    """
    slices = {name: time_slice(frames) for name, frames in clips.items()}
    height, width = next(iter(slices.values())).shape[:2]
    sheet = Image.new("RGB", (width + 2 * GAP, GAP + len(slices) * (CAPTION + height + GAP)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for line, (name, image) in enumerate(slices.items()):
        top = GAP + line * (CAPTION + height + GAP)
        draw.text((GAP, top), fit_text(f"{name}  {captions.get(name, '')}", font, width), "black", font)
        sheet.paste(Image.fromarray(image), (GAP, top + CAPTION))
    return np.asarray(sheet)


def time_slice(frames: Sequence[np.ndarray]) -> np.ndarray:
    """The row in the middle of each frame, at most WIDTH pixels of it, each repeated until they fill HEIGHT."""
    height, width = frames[0].shape[:2]
    left = max(0, (width - WIDTH) // 2)
    rows = np.stack([frame[height // 2, left : left + WIDTH] for frame in frames])
    return rows.repeat(max(1, HEIGHT // len(rows)), axis=0)
