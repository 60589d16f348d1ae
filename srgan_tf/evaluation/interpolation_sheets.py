"""Images between two networks, and a sheet that shows them side by side."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from srgan_tf.evaluation.sheets import busiest_crop
from srgan_tf.imaging import matlab_resize, to_levels, to_uint8, write_image
from srgan_tf.imaging.color import halve_depth
from srgan_tf.inference import Upscaler
from srgan_tf.models import Generator, interpolate

SIDE, GAP, CAPTION = 192, 6, 20


def mix(a: np.ndarray, b: np.ndarray, alpha: float, dtype: np.dtype) -> np.ndarray:
    """Pixel interpolation, (1 - alpha) A + alpha B: float [H,W,C] in 0..1, rounded once to uint8 or uint16."""
    return to_levels((1 - alpha) * a + alpha * b, dtype)


def write_images(folder: Path, images: Mapping[str, np.ndarray], ends: Sequence[Generator],
                   between: Mapping[float, Generator], mixed: bool, tiling: Mapping[str, int]) -> Iterator[Path]:
    """Upscales images by both networks and those between them, and draws a sheet of each.

    Args:
        folder: gets NAME_alpha_A.png for each alpha, NAME_pixels_A.png if `mixed`, and NAME_sheet.png.
        images: uint8 or uint16 [H,W,3] or [H,W,4] by name; the results are of the same type.
        ends: the networks at alpha 0 and 1.
        between: networks by alpha.
        mixed: whether images are interpolated too.
        tiling: tile and overlap in LR pixels, as in Upscaler.

    Yields:
        The path of each sheet.
    """
    stage = interpolate(*ends, 0)  # all networks upscale in its place, so that TensorFlow traces one
    upscaler = Upscaler(stage, **tiling)

    def upscale(generator: Generator, pixels: np.ndarray, dtype: np.dtype) -> np.ndarray:
        stage.set_weights(generator.get_weights())
        return upscaler(pixels, dtype=dtype)

    for name, pixels in images.items():
        dtype = pixels.dtype
        a, b = (upscale(end, pixels, np.float32) for end in ends)
        networks = {alpha: upscale(generator, pixels, dtype) for alpha, generator in sorted(between.items())}
        mixtures = {alpha: mix(a, b, alpha, dtype) for alpha in networks} if mixed else {}
        for kind, made in (("alpha", networks), ("pixels", mixtures)):
            for alpha, image in made.items():
                write_image(folder / f"{name}_{kind}_{alpha:g}.png", image)
        a, b = to_uint8(a), to_uint8(b)
        rgb, scale = halve_depth(pixels[..., :3]), stage.scale
        rows = [{"bicubic": matlab_resize(rgb, scale), **_row("network", a, networks, b)}]
        if mixed:
            repeated = rgb.repeat(scale, axis=0).repeat(scale, axis=1)
            rows.append({"LR, pixels repeated": repeated, **_row("pixels", a, mixtures, b)})
        path = folder / f"{name}_sheet.png"
        write_image(path, draw_alphas(rows, busiest_crop(b[..., :3], a[..., :3], SIDE, scale)))
        yield path


def _row(kind: str, a: np.ndarray, between: Mapping[float, np.ndarray], b: np.ndarray) -> dict[str, np.ndarray]:
    middle = {f"{kind}, alpha {alpha:g}": image for alpha, image in between.items()}
    return {"A (alpha 0)": a, **middle, "B (alpha 1)": b}


def draw_alphas(rows: Sequence[Mapping[str, np.ndarray]], corner: tuple[int, int]) -> np.ndarray:
    """A row of labelled crops for each mapping of images by label.

    Args:
        rows: uint8 or uint16 [H,W,C], of one size.
        corner: top and left of the crops, of SIDE pixels.

    Returns:
        uint8 [H,W,3].
    """
    size = GAP + len(rows[0]) * (SIDE + GAP), GAP + len(rows) * (SIDE + CAPTION + GAP)
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for line, row in enumerate(rows):
        for column, (label, image) in enumerate(row.items()):
            x, y = GAP + column * (SIDE + GAP), GAP + line * (SIDE + CAPTION + GAP)
            top, left = corner
            crop = halve_depth(image[top : top + SIDE, left : left + SIDE, :3])
            sheet.paste(Image.fromarray(crop), (x, y))
            draw.text((x, y + SIDE + 2), label, "black", font)
    return np.asarray(sheet)
