"""BMP files whose pixels Pillow gets wrong or refuses: run lengths, of which it loses odd ones, and other bit fields.

The layouts are those of Windows' BITMAPINFOHEADER and its successors (BI_RLE8, BI_RLE4, BI_BITFIELDS).
"""

import io
import struct
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

_BIT_FIELDS = (3, 6)  # compression: masks of red, green and blue; and of alpha
_HEADERS = (40, 52, 56, 108, 124)  # bytes


class BitFields(NamedTuple):
    """A BMP of pixels that masks divide into channels.

    Attributes:
        width, height: in pixels.
        bottom_up: whether the last row comes first.
        bits: of a pixel, 16 or 32.
        masks: of red, green, blue and alpha, which is 0 where there is none.
        start: of the pixels in the file.
    """

    width: int
    height: int
    bottom_up: bool
    bits: int
    masks: tuple[int, int, int, int]
    start: int


def bit_fields(file: BinaryIO) -> BitFields | None:
    """The layout of a file of bit fields; None for any other, and for headers that Pillow should refuse or read."""
    file.seek(0)
    head = file.read(70).ljust(70, b"\0")
    start, size, width, height, _, bits, compression = struct.unpack("<IIiiHHI", head[10:34])
    if size not in _HEADERS or compression not in _BIT_FIELDS or bits not in (16, 32) or width < 1 or not height:
        return None
    red, green, blue, alpha = struct.unpack("<4I", head[54:70])
    has_alpha = size >= 56 or compression == 6
    if not (red and green and blue):
        return None
    return BitFields(width, abs(height), height > 0, bits, (red, green, blue, alpha if has_alpha else 0), start)


def read_fields(file: BinaryIO, fields: BitFields) -> Image.Image:
    """The image of a file of bit fields. Alpha that is 0 everywhere is none: many programs leave it empty.

    Raises:
        ValueError: the file ends early.
    """
    row = (fields.width * fields.bits + 31) // 32 * 4
    file.seek(fields.start)
    content = file.read(row * fields.height)
    if len(content) < row * fields.height:
        raise ValueError(f"the file ends in row {len(content) // row} of {fields.height}")
    rows = np.frombuffer(content, np.uint8).reshape(fields.height, row)
    values = rows.view("<u2" if fields.bits == 16 else "<u4")[:, : fields.width]
    if fields.bottom_up:
        values = values[::-1]
    channels = [_field(values, mask) for mask in fields.masks if mask]
    if len(channels) == 4 and not channels[3].any():
        del channels[3]
    image = Image.fromarray(np.dstack(channels))
    image.format = "BMP"
    file.seek(38)
    image.info["dpi"] = tuple(per_metre * 0.0254 for per_metre in struct.unpack("<ii", file.read(8)))
    return image


def _field(values: np.ndarray, mask: int) -> np.ndarray:
    """One channel, of as many bits as its mask has, as uint8 on 0..255."""
    shift = (mask & -mask).bit_length() - 1
    peak = mask >> shift
    # In 64 bits, for a mask may have all 32.
    levels = (values.astype(np.uint64) & np.uint64(mask)) >> np.uint64(shift)
    return ((levels * np.uint64(255) + np.uint64(peak // 2)) // np.uint64(peak)).astype(np.uint8)


def unpack_runs(image: Image.Image) -> None:
    """Gives Pillow the pixels of an opened BMP instead of its runs; any other image stays as it is.

    Raises:
        ValueError: the file ends before its runs.
    """
    if image.format != "BMP" or not getattr(image, "tile", ()) or image.tile[0].codec_name != "bmp_rle":
        return
    tile = image.tile[0]
    image.fp.seek(tile.offset)
    rows = _rows(image.fp.read(), image.size, four_bits=bool(tile.args[1]))
    image.fp = io.BytesIO(rows)
    image.tile = [tile._replace(codec_name="raw", offset=0, args=(image.mode, 0, tile.args[-1]))]


def _rows(runs: bytes, size: tuple[int, int], four_bits: bool) -> bytes:
    """Rows of indices, one byte each, in the file's order; what no run reaches is 0."""
    width, height = size
    pixels, x, y, place = bytearray(width * height), 0, 0, 0
    while y < height:
        if place + 2 > len(runs):
            raise ValueError(f"the file ends in row {y} of {height}")
        count, value = runs[place], runs[place + 1]
        place += 2
        if count:
            content = bytes((value >> 4, value & 15)) * ((count + 1) // 2) if four_bits else bytes((value,)) * count
        elif value == 0:  # end of row
            x, y = 0, y + 1
            continue
        elif value == 1:  # end of image
            break
        elif value == 2:  # on to another place
            x, y = x + (runs[place] if place < len(runs) else 0), y + (runs[place + 1] if place + 1 < len(runs) else 0)
            place += 2
            continue
        else:
            count, length = value, (value + 1) // 2 if four_bits else value
            content = runs[place : place + length]
            content = b"".join(bytes((one >> 4, one & 15)) for one in content) if four_bits else content
            place += length + length % 2
        content = content[: max(0, min(count, width - x))]
        pixels[y * width + x : y * width + x + len(content)] = content
        x += count
    return bytes(pixels)
