"""The formats that are written: what each can hold, and how the user may ask for it."""

import dataclasses
import os
import zlib
from pathlib import Path

import numpy as np

from srgan_tf.errors import UserError

FINE = 90  # JPEG of at least this quality keeps colour at full resolution, as ImageMagick has it


@dataclasses.dataclass(frozen=True)
class Encoding:
    """What the user asks of the files written; 0 and False leave it to the format.

    Attributes:
        quality: 1 to 100, of JPEG and of lossy WebP.
        lossless: whether nothing may be lost.
        bit_depth: 8 or 16 bits a channel.
    """

    quality: int = 0
    lossless: bool = False
    bit_depth: int = 0


BY_FORMAT = Encoding()


@dataclasses.dataclass(frozen=True)
class Format:
    """How a format is written, and what it can hold.

    Attributes:
        name: Pillow's.
        options: of Pillow's `save`, where no quality is asked for.
        quality: whether it knows a quality.
        lossless: whether it can be lossless; without a quality it then is.
        alpha, grey, deep, profile: whether it holds transparency, a single channel, 16 bits a channel, an ICC profile.
        max_side: pixels.
    """

    name: str
    options: dict = dataclasses.field(default_factory=dict)
    quality: bool = False
    lossless: bool = True
    alpha: bool = True
    grey: bool = True
    deep: bool = False
    profile: bool = True
    max_side: int = (1 << 31) - 1


# libjpeg ends at 65,500 a side, short of the 65,535 of the format.
_JPEG = Format("JPEG", {"quality": 95, "subsampling": 0}, quality=True, lossless=False, alpha=False, max_side=65_500)
_TIFF = Format("TIFF", deep=True)
FORMATS = {
    # Runs of equal bytes alone: on photographs and their upscaled images five times as quick as Pillow's usual
    # search, for 2 to 5% more bytes.
    ".png": Format("PNG", {"compress_level": 1, "compress_type": zlib.Z_RLE}, deep=True),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".webp": Format("WEBP", {"lossless": True, "exact": True}, quality=True, grey=False, max_side=16_383),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    # BMP can hold alpha, but most readers (Pillow too) ignore it.
    ".bmp": Format("BMP", alpha=False, profile=False),
}
WRITABLE_SUFFIXES = tuple(FORMATS)


def format_of(path: str | os.PathLike) -> Format:
    """The format that a file's ending stands for.

    Raises:
        UserError: none that is written.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"{path}: the suffix must be one of {', '.join(WRITABLE_SUFFIXES)}; got {path.suffix!r}")
    return FORMATS[path.suffix.lower()]


def written_type(path: str | os.PathLike, dtype: np.dtype, bit_depth: int = 0) -> np.dtype:
    """The type of the pixels of which a file is written.

    Args:
        path: of the file.
        dtype: of the image that it is made from: uint8 or uint16.
        bit_depth: as in Encoding.

    Returns:
        uint16 only where the format holds it.
    """
    format = FORMATS.get(Path(path).suffix.lower())
    wanted = {0: dtype, 8: np.uint8, 16: np.uint16}[bit_depth]
    return np.dtype(wanted if format and format.deep else np.uint8)


def check_size(path: Path, width: int, height: int) -> None:
    """Raises a UserError where a format has no room for an image of so many pixels."""
    format = format_of(path)
    if max(width, height) > format.max_side:
        raise UserError(f"{path}: {width} x {height} pixels; {format.name} holds at most {format.max_side} a side: "
                        "write .png or .tif")


def no_transparency(path: Path) -> UserError:
    """What to say where a format cannot hold the transparency of an image."""
    return UserError(f"{path}: {format_of(path).name} has no transparency; write .png, .webp or .tif")


def unknown_to(path: Path, encoding: Encoding) -> dict[str, str]:
    """The flags of an Encoding that a file's format does not know, each with the reason."""
    format, found = format_of(path), {}
    if encoding.quality and not format.quality:
        found["quality"] = f"{format.name} is always lossless; JPEG and WebP have a quality"
    if encoding.lossless and not format.lossless:
        found["lossless"] = f"{format.name} is never lossless; PNG, WebP, TIFF and BMP are"
    if encoding.bit_depth == 16 and not format.deep:
        found["bit_depth"] = f"{format.name} holds 8 bits; PNG and TIFF hold 16"
    return found


def save_options(format: Format, encoding: Encoding) -> dict:
    """The arguments of Pillow's `save` for a format."""
    if not encoding.quality or not format.quality:
        return format.options
    if format.lossless:
        return {"quality": encoding.quality, "exact": True}
    return {"quality": encoding.quality, "subsampling": 0 if encoding.quality >= FINE else 2}
