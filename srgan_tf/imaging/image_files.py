"""Image files <-> arrays, uint8 on 0..255 or uint16 on 0..65535, [H,W,3] RGB or [H,W,4] RGBA, upright.

Reads PNG, JPEG, WebP, TIFF, BMP and still GIF: palette, 1 bit, grey, CMYK and transparency are made into RGB(A) of 8
bits, and PNG and TIFF of 12 and 16 bits into 16 where the caller asks for it; what has to survive a round trip (grey,
the ICC profile, EXIF) is kept beside the pixels. A file that cannot give a right image raises an error of one line that
names it, never a guess.
"""

import contextlib
import dataclasses
import errno
import io
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import BinaryIO

import numpy as np
from PIL import Image

from srgan_tf.atomic import replacing
from srgan_tf.errors import UserError
from srgan_tf.imaging import colour_profiles, decoding, deep, signatures, tiff_files
from srgan_tf.imaging.color import halve_depth, is_opaque
from srgan_tf.imaging.metadata import Metadata, fitted, pillow_arguments
from srgan_tf.imaging.unreadable import RefusedError
from srgan_tf.imaging.written_formats import (
    BY_FORMAT,
    Encoding,
    Format,
    check_size,
    format_of,
    no_transparency,
    save_options,
)

# Half of what Pillow itself refuses as a decompression bomb.
MAX_PIXELS = 178_956_970

IMAGE_SUFFIXES = signatures.SUFFIXES


@dataclasses.dataclass(frozen=True, eq=False)
class DecodedImage:
    """An image read from a file: its pixels, and what has to survive beside them.

    Attributes:
        pixels: uint8 or uint16 [H,W,3] RGB or [H,W,4] RGBA (alpha not premultiplied), upright.
        grey: whether the file was grey; R, G and B are then equal.
        icc_profile: the embedded ICC profile of those pixels, if any.
        metadata: what else the file says: EXIF, XMP, IPTC, texts, dots per inch ...
        notes: what was done on reading that the user should know of, in words.
    """

    pixels: np.ndarray
    grey: bool = False
    icc_profile: bytes | None = None
    metadata: Metadata = dataclasses.field(default_factory=Metadata)
    notes: tuple[str, ...] = ()

    @property
    def colour(self) -> np.ndarray:
        """What metrics compare: [H,W,1] of a grey image, [H,W,3] of any other; without alpha."""
        return self.pixels[..., :1] if self.grey else self.pixels[..., :3]

    @property
    def channels(self) -> np.ndarray:
        """The pixels as the file has them: [H,W,1] grey, [H,W,2] grey and alpha, [H,W,3] RGB or [H,W,4] RGBA."""
        if self.alpha is None:
            return self.colour
        return self.pixels[..., 2:] if self.grey else self.pixels  # blue is as grey as red

    @property
    def alpha(self) -> np.ndarray | None:
        """[H,W,1], or None for an image without transparency."""
        return self.pixels[..., 3:] if self.pixels.shape[2] == 4 else None


def read_image(path: str | os.PathLike, max_pixels: int = MAX_PIXELS, *, keep_depth: bool = False, page: int = 0,
               accept_truncated: bool = False) -> DecodedImage:
    """Reads an image file.

    Args:
        path: a PNG, JPEG, WebP, TIFF, BMP, GIF, PPM, AVIF, HEIC or JPEG XL file; its content decides, not its name.
            HEIC and JPEG XL need the packages of `srgan_tf[formats]`.
        max_pixels: larger images are refused before they are decoded.
        keep_depth: whether PNG and TIFF files of more than 8 bits are given as uint16. Else they are rounded to uint8.
            16-bit RGB in the separate planes of a compressed TIFF is uint8 either way: Pillow has its high bytes alone.
        page: of a TIFF, or frame of an animated image, from 1; 0: the only one.
        accept_truncated: whether a JPEG or PNG that is cut is taken as far as it goes; `notes` then says so.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError: from the file system.
        ValueError: the file is empty, not an image, truncated, animated, too large, or of pixels that RGB cannot stand
            for (32-bit, Lab).
    """
    with _opened(path) as file:
        return DecodedImage(*decoding.decode(
            file, decoding.Wanted(max_pixels, keep_depth, page, accept_truncated)))


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A file that is read as an image in the block, whose errors become lines that name it."""
    path = Path(path)
    with _open_file(path) as file:
        try:
            yield file
        except RefusedError as error:
            raise UserError(f"{path}: {_reason(error)}") from None
        except MemoryError:
            raise
        except Exception as error:
            unknown = re.search(r"(?i)unsupported|not (supported|available|implemented)|cannot handle", str(error))
            what = "of a kind that is not read, or damaged" if unknown else "truncated or damaged"
            raise UserError(f"{path}: {what}: {_reason(error)}") from error


def write_image(path: str | os.PathLike, pixels: np.ndarray, like: DecodedImage | None = None,
                encoding: Encoding = BY_FORMAT, *, software: str = "") -> tuple[str, ...]:
    """Writes an image file, whole or not at all: an existing file is replaced only by a finished one.

    Args:
        path: ends in .png, .jpg or .jpeg (quality 95, 4:4:4), .webp (lossless), .tif or .tiff (uncompressed) or .bmp.
        pixels: uint8 or uint16 [H,W] or [H,W,1] grey, [H,W,2] grey and alpha, [H,W,3] RGB or [H,W,4] RGBA. uint16 is
            written with 16 bits to PNG and TIFF, and rounded for the others, which hold 8 (see `written_type`). Alpha
            that is opaque everywhere is left out where the format has none.
        like: the image it was made from. Grey is written as grey again; the ICC profile and the metadata are kept
            where the format can hold them, and colours of a profile that it cannot hold become sRGB.
        encoding: the quality that is asked for, where the format knows one (see `unknown_to`). The depth is that of the
            pixels.
        software: what made the image of `like`, for the metadata; empty: nothing is said.

    Returns:
        What of `like` the file does not hold, in words.

    Raises:
        ValueError: bad pixels, an unknown suffix, or an image that the format cannot hold (transparency in JPEG or BMP,
            too many pixels a side).
        OSError: from the file system (no such folder, no permission, disk full), naming `path`.
    """
    path = Path(path)
    format = format_of(path)
    pixels = _channels(pixels, grey=like is not None and like.grey, format=format)
    height, width, channels = pixels.shape
    if channels in (2, 4) and not format.alpha:
        if not is_opaque(pixels):
            raise no_transparency(path)
        pixels = pixels[..., :-1]
    check_size(path, width, height)
    like = like or DecodedImage(pixels)
    pixels, profile, lost = colour_profiles.fitted(pixels, like.icc_profile, format.profile)
    metadata, left_out = fitted(like.metadata, (width, height), software, format.name)
    try:
        encoded = _encode(pixels, format, save_options(format, encoding), metadata, profile)
    except Exception as error:
        raise UserError(f"{path}: cannot be written as {format.name}: {_reason(error)}") from error
    _replace_file(path, encoded.getbuffer())
    return (*lost, *left_out, *metadata.lost)


def read_header(path: str | os.PathLike, max_pixels: int = MAX_PIXELS, *, page: int = 0) -> decoding.Header:
    """What the header of an image file says, without decoding the pixels.

    The arguments are as in `read_image`, which raises the same.
    """
    with _opened(path) as file:
        return decoding.header(file, decoding.Wanted(max_pixels, page=page))


def list_images(folder: str | os.PathLike) -> list[Path]:
    """The image files of a folder, by suffix, in natural order (x2.png before x10.png), without hidden ones.

    Raises:
        FileNotFoundError, NotADirectoryError, PermissionError: from the file system.
        ValueError: no image in the folder.
    """
    folder = Path(folder)
    paths = [path for path in folder.iterdir()
             if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()]
    if not paths:
        raise UserError(f"{folder}: no image in this folder ({', '.join(IMAGE_SUFFIXES)})")
    return sorted(paths, key=natural_order)


def natural_order(path: PurePath) -> tuple:
    """What paths are sorted by: x2.png before x10.png."""
    parts = re.split(r"(\d+)", path.name.casefold())
    # Odd places hold the digits. The name itself settles 1.png against 01.png.
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], path.name


def _reason(error: Exception) -> str:
    """An exception in one line."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    # What Pillow says of all that libtiff does not unpack: damaged strips, and compressions that it was built without.
    known = {"decoder error -2": "its strips cannot be unpacked: damaged, or by a compression that is not read"}
    return known.get(reason, reason)


def _open_file(path: Path) -> BinaryIO:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise UserError(f"{path}: not a regular file")  # a pipe would wait for ever
        file = path.open("rb")
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    if status.st_size == 0:
        file.close()
        raise UserError(f"{path}: the file is empty")
    return file


def _channels(pixels: np.ndarray, grey: bool, format: Format) -> np.ndarray:
    """Checks the pixels and makes of them what is written, [H,W,C]: grey if asked for and if the format knows it."""
    pixels = np.asarray(pixels)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    shape_fits = pixels.ndim == 3 and pixels.shape[2] in (1, 2, 3, 4)
    if pixels.dtype not in (np.uint8, np.uint16) or not shape_fits or pixels.size == 0:
        raise UserError("pixels must be non-empty uint8 or uint16 [H,W] or [H,W,C] of 1 to 4 channels; "
                        f"got {pixels.dtype} {pixels.shape}")
    channels = pixels.shape[2]
    if not format.deep:
        pixels = halve_depth(pixels)
    if channels < 3 and not format.grey:
        return pixels[..., [0, 0, 0, 1][: channels + 2]]
    if channels > 2 and grey and format.grey:
        return np.concatenate([_luma(pixels[..., :3]), pixels[..., 3:]], axis=2)
    return pixels


def _luma(rgb: np.ndarray) -> np.ndarray:
    """[H,W,3] -> [H,W,1]: the grey of equal channels; else the luma by which Pillow makes grey (ITU-R BT.601)."""
    if rgb.dtype == np.uint8:
        return np.asarray(Image.fromarray(np.ascontiguousarray(rgb)).convert("L"))[..., None]
    return np.floor(rgb @ (0.299, 0.587, 0.114) + 0.5).astype(np.uint16)[..., None]


def _encode(pixels: np.ndarray, format: Format, options: dict, metadata: Metadata, profile: bytes | None
            ) -> io.BytesIO:
    if format.name == "TIFF":
        return tiff_files.encode(pixels, metadata, profile)
    extras = pillow_arguments(metadata, format.name) | ({"icc_profile": profile} if profile else {})
    if pixels.dtype == np.uint16:
        return deep.encode(pixels, extras)
    encoded = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels if pixels.shape[2] > 1 else pixels[..., 0]))
    image.save(encoded, format.name, **options, **extras)
    return encoded


def _replace_file(path: Path, content: memoryview) -> None:
    """Writes a file, whole or not at all; a folder is not replaced by it."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    with replacing(path) as temporary:
        temporary.write_bytes(content)
