"""Images of 16 bits a channel, which Pillow decodes but cannot hold, and writes only in grey without alpha.

Reading: as Pillow unpacks a decoded row, it keeps the first of the two bytes of each number. Unpacked once more under
the other byte order, the same file gives the second. So Pillow's decoders, with their filters, compressions and checks
of damaged files, serve for 16 bits too.

Writing: PNG over zlib; whatever stands beside the pixels is written by Pillow. TIFF is written by `tiff_files`.
"""

import io
import re
import struct
import sys
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, TiffImagePlugin

_NATIVE = "L" if sys.byteorder == "little" else "B"
_OTHER = {"L": "B", "B": "L"}

_EXTRA_SAMPLES, _PREMULTIPLIED, _STRAIGHT = 338, 1, 2

# Grey with alpha, which Pillow's table of TIFF files has with 8 bits alone. It has no decoder for these raw modes:
# Pillow by itself refuses the pixels, as it does today.
for _prefix, _order in ((TiffImagePlugin.II, "L"), (TiffImagePlugin.MM, "B")):
    for _kind in (_PREMULTIPLIED, _STRAIGHT):
        TiffImagePlugin.OPEN_INFO.setdefault((_prefix, 1, (1,), 1, (16, 16), (_kind,)), ("RGBA", f"LA;16{_order}"))

_ROWS = 1 << 22  # bytes of an image that are filtered at a time


class Layout(NamedTuple):
    """How the numbers of an image of 16 bits a channel lie in its decoded rows.

    Attributes:
        channels: LA (grey and alpha), RGB, RGBX (the fourth is of no use), RGBA or RGBa (premultiplied).
        order: L where the low byte comes first, else B.
    """

    channels: str
    order: str


def layout(image: Image.Image) -> Layout | None:
    """The layout of an image that is opened and not loaded, and that Pillow would cut to 8 bits.

    None for any other image, and for a TIFF in separate planes, of which Pillow can give the high bytes alone.
    """
    if image.format not in ("PNG", "TIFF") or not image.tile or getattr(image, "_planar_configuration", 1) == 2:
        return None
    found = re.fullmatch("(LA|RGB|RGBX|RGBA|RGBa);16([BLN])", _raw_mode(image))
    return Layout(found[1], _NATIVE if found[2] == "N" else found[2]) if found else None


def unpack(image: Image.Image, layout: Layout, low: bool) -> None:
    """Makes Pillow keep the high or the low bytes of an image; of grey with alpha all four."""
    # Premultiplied colour as if it were straight: Pillow would divide it by the high byte of alpha.
    order = _OTHER[layout.order] if low else layout.order
    mode = "RGBA" if layout.channels == "LA" else f"{layout.channels.upper()};16{order}"
    image.tile = [tile._replace(args=mode if isinstance(tile.args, str) else (mode, *tile.args[1:]))
                  for tile in image.tile]


def join(high: Image.Image, low: Image.Image, layout: Layout) -> np.ndarray:
    """The bytes of loaded images -> uint16 [H,W,2] grey and alpha, [H,W,3], or [H,W,4] with straight alpha."""
    if layout.channels == "LA":
        pixels = np.asarray(high).view(">u2" if layout.order == "B" else "<u2").astype(np.uint16)
    else:
        pixels = np.asarray(high).astype(np.uint16)
        pixels <<= 8
        pixels |= np.asarray(low)
    extra = getattr(high, "tag_v2", {}).get(_EXTRA_SAMPLES, ())
    return _divided(pixels) if extra[:1] == (_PREMULTIPLIED,) else pixels


def _raw_mode(image: Image.Image) -> str:
    arguments = image.tile[0].args
    return str(arguments if isinstance(arguments, str) else arguments[0])


def _divided(pixels: np.ndarray) -> np.ndarray:
    """Premultiplied uint16 -> straight, rounded half up."""
    alpha = np.maximum(pixels[..., -1:], 1).astype(np.uint64)
    pixels[..., :-1] = np.minimum((pixels[..., :-1] * np.uint64(65535) + alpha // 2) // alpha, 65535)
    return pixels


def encode(pixels: np.ndarray, extras: dict) -> io.BytesIO:
    """A PNG file of uint16 [H,W,1], [H,W,2], [H,W,3] or [H,W,4].

    Args:
        pixels: as said.
        extras: what Pillow's `save` takes for PNG, `exif` and `icc_profile` among them.
    """
    sample, file = io.BytesIO(), io.BytesIO()
    Image.new("L", (1, 1)).save(sample, "PNG", **extras)
    height, width, channels = pixels.shape
    file.write(sample.getvalue()[:8])
    for name, content in png_chunks_of(sample.getvalue()):
        if name == b"IHDR":
            write_png_chunk(file, name, struct.pack(">IIBBBBB", width, height, 16, (0, 4, 2, 6)[channels - 1], 0, 0, 0))
        elif name == b"IDAT":
            # As for 8 bits: runs of equal bytes alone.
            packer = zlib.compressobj(1, strategy=zlib.Z_RLE)
            for rows in _filtered(pixels):
                write_png_chunk(file, name, packer.compress(rows))
            write_png_chunk(file, name, packer.flush())
        else:
            write_png_chunk(file, name, content)
    return file


def png_chunks_of(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk of a PNG file."""
    start = 8
    while start < len(png):
        length = int.from_bytes(png[start : start + 4], "big")
        yield png[start + 4 : start + 8], png[start + 8 : start + 8 + length]
        start += length + 12


def write_png_chunk(file: BinaryIO, name: bytes, content: bytes) -> None:
    """Writes a chunk, but no empty IDAT."""
    if content or name != b"IDAT":
        file.write(struct.pack(">I", len(content)) + name + content)
        file.write(struct.pack(">I", zlib.crc32(content, zlib.crc32(name))))


def _filtered(pixels: np.ndarray) -> Iterator[bytes]:
    """Rows of PNG: differences to the left or to the row above, whichever are less in sum (PNG, section 12.8)."""
    height, width, channels = pixels.shape
    above = np.zeros((1, width * channels * 2), np.uint8)
    step = max(1, _ROWS // above.size)
    for start in range(0, height, step):
        rows = pixels[start : start + step].astype(">u2").reshape(-1, width * channels).view(np.uint8)
        left = rows.copy()
        left[:, 2 * channels :] -= rows[:, : -2 * channels]
        up = rows - np.concatenate([above, rows[:-1]])
        choice = _effort(up) < _effort(left)
        above = rows[-1:]
        kind = np.where(choice, 2, 1).astype(np.uint8)
        yield np.concatenate([kind[:, None], np.where(choice[:, None], up, left)], axis=1).tobytes()


def _effort(rows: np.ndarray) -> np.ndarray:
    return np.minimum(rows, -rows).sum(axis=1, dtype=np.int64)
