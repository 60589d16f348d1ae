"""A PNG in bands of rows that are compressed apart, on any machines and in any order, and then put together.

A band is raw deflate (RFC 1951) that ends at a byte and looks back at nothing before it, so that the bands in a row are
one stream; behind it stand its Adler-32 and how many bytes it was, of which the checksum of the whole is made.
"""

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from srgan_tf.atomic import replacing
from srgan_tf.imaging import colour_profiles
from srgan_tf.imaging.deep import png_chunks_of, write_png_chunk
from srgan_tf.imaging.image_files import DecodedImage
from srgan_tf.imaging.metadata import fitted, pillow_arguments

_NOTE = struct.Struct(">IQ")
_BASE = 65521  # of Adler-32
_LEFT = 1  # the filter of PNG that needs no row above
_HEADER, _END = b"\x78\x01", b"\x03\x00"  # of zlib; an empty last block
_COLOURS = (0, 4, 2, 6)  # PNG's colour types of 1 to 4 channels


def pack_band(pixels: np.ndarray, like: DecodedImage) -> bytes:
    """Compresses some rows.

    Args:
        pixels: uint8 or uint16 [H,W,C] with the channels of `like`.
        like: the image that it was made from.
    """
    pixels = colour_profiles.fitted(pixels, like.icc_profile, True)[0]
    height, width, channels = pixels.shape
    step = channels * pixels.dtype.itemsize
    raw = np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder(">"))).view(np.uint8).reshape(height, -1)
    rows = np.empty((height, 1 + width * step), np.uint8)
    rows[:, 0], rows[:, 1:] = _LEFT, raw
    rows[:, 1 + step :] -= raw[:, :-step]
    packer = zlib.compressobj(1, wbits=-15, strategy=zlib.Z_RLE)  # as other PNG files: runs of equal bytes alone
    packed = packer.compress(rows) + packer.flush(zlib.Z_FULL_FLUSH)
    return packed + _NOTE.pack(zlib.adler32(rows), rows.size)


def write_banded_png(path: Path, bands: Sequence[Path], size: tuple[int, int], like: DecodedImage,
                     software: str = "") -> tuple[str, ...]:
    """Puts bands together to a PNG file, whole or not at all; one band is in memory at a time.

    Args:
        path: of the file.
        bands: files of what `pack_band` made, from above.
        size: width and height of the whole.
        like: the image that it was made from.
        software: as in `write_image`.

    Returns:
        What of `like` the file does not hold, in words.
    """
    metadata, left_out = fitted(like.metadata, size, software, "PNG")
    one, profile, lost = colour_profiles.fitted(like.channels[:1, :1], like.icc_profile, True)
    extras = pillow_arguments(metadata, "PNG") | ({"icc_profile": profile} if profile else {})
    sample = io.BytesIO()
    Image.new("L", (1, 1)).save(sample, "PNG", **extras)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(sample.getvalue()[:8])
        for name, content in png_chunks_of(sample.getvalue()):
            if name == b"IHDR":
                kind = 8 * one.dtype.itemsize, _COLOURS[one.shape[2] - 1], 0, 0, 0
                write_png_chunk(file, name, struct.pack(">IIBBBBB", *size, *kind))
            elif name == b"IDAT":
                _write_bands(file, bands)
            else:
                write_png_chunk(file, name, content)
    return (*lost, *left_out, *metadata.lost)


def _write_bands(file: io.BufferedWriter, bands: Sequence[Path]) -> None:
    total = 1
    write_png_chunk(file, b"IDAT", _HEADER)
    for band in bands:
        content = band.read_bytes()
        checksum, length = _NOTE.unpack(content[-_NOTE.size :])
        total = _joined(total, checksum, length)
        write_png_chunk(file, b"IDAT", content[: -_NOTE.size])
    write_png_chunk(file, b"IDAT", _END + struct.pack(">I", total))


def _joined(first: int, second: int, length: int) -> int:
    """The Adler-32 of two stretches in a row, of those of each and the length of the second."""
    low, high = first & 0xFFFF, first >> 16
    other_low, other_high = second & 0xFFFF, second >> 16
    return ((high + other_high + length * (low - 1)) % _BASE) << 16 | (low + other_low - 1) % _BASE
