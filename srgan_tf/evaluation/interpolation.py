"""Pictures between two networks, and a sheet that shows them side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from srgan_tf.evaluation.sheets import busiest_crop
from srgan_tf.imaging import matlab_resize, to_uint8, write_picture
from srgan_tf.inference import Upscaler
from srgan_tf.models import Generator

SIDE, GAP, CAPTION = 192, 6, 20


def mix(a: np.ndarray, b: np.ndarray, alpha: float) -> np.ndarray:
    """Pixel interpolation, (1 - alpha) A + alpha B: uint8 [H,W,C], rounded half up."""
    return to_uint8(((1 - alpha) * a.astype(np.float64) + alpha * b) / 255)


def write_pictures(folder: Path, name: str, pixels: np.ndarray, ends: Sequence[Generator],
                   between: Mapping[float, Generator], mixed: bool, tile: int) -> Path:
    """Enlarges a picture by both networks and those between them, and draws the sheet.

    Args:
        folder: gets NAME_alpha_A.png for each alpha, NAME_pixels_A.png if `mixed`, and NAME_sheet.png.
        name: of the picture.
        pixels: uint8 [H,W,3] or [H,W,4].
        ends: the networks at alpha 0 and 1.
        between: networks by alpha.
        mixed: whether pictures are interpolated too.
        tile: side of the tiles in LR pixels.

    Returns:
        The path of the sheet.
    """
    overlap = min(16, max(tile // 4, 0)) if tile else 16
    a, b = (Upscaler(end, tile=tile, overlap=overlap)(pixels) for end in ends)
    networks, pictures = {"A": a}, {"A": a}
    for alpha, generator in sorted(between.items()):
        networks[f"network {alpha:g}"] = Upscaler(generator, tile=tile, overlap=overlap)(pixels)
        write_picture(folder / f"{name}_alpha_{alpha:g}.png", networks[f"network {alpha:g}"])
        if mixed:
            pictures[f"pixels {alpha:g}"] = mix(a, b, alpha)
            write_picture(folder / f"{name}_pixels_{alpha:g}.png", pictures[f"pixels {alpha:g}"])
    scale = ends[0].scale
    bicubic = matlab_resize(pixels[..., :3], scale)
    repeated = pixels[..., :3].repeat(scale, axis=0).repeat(scale, axis=1)
    rows = [{"bicubic": bicubic, **networks, "B": b}]
    if mixed:
        rows.append({"LR, pixels repeated": repeated, **pictures, "B": b})
    path = folder / f"{name}_sheet.png"
    write_picture(path, draw_alphas(rows, busiest_crop(b[..., :3], a[..., :3], SIDE, scale)))
    return path


def draw_alphas(rows: Sequence[Mapping[str, np.ndarray]], corner: tuple[int, int]) -> np.ndarray:
    """A row of labelled crops for each mapping of pictures by label.

    Args:
        rows: uint8 [H,W,C], of one size.
        corner: top and left of the crops, of SIDE pixels.

    Returns:
        uint8 [H,W,3].
    """
    size = GAP + len(rows[0]) * (SIDE + GAP), GAP + len(rows) * (SIDE + CAPTION + GAP)
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for line, row in enumerate(rows):
        for column, (label, picture) in enumerate(row.items()):
            x, y = GAP + column * (SIDE + GAP), GAP + line * (SIDE + CAPTION + GAP)
            top, left = corner
            sheet.paste(Image.fromarray(picture[top : top + SIDE, left : left + SIDE, :3]), (x, y))
            draw.text((x, y + SIDE + 2), label, "black", font)
    return np.asarray(sheet)
