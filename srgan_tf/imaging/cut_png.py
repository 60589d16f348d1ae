"""PNG files without their end: whole but for the last chunk or a checksum, or cut."""

import contextlib
import struct
import zlib

from srgan_tf.imaging.png_chunks import SIGNATURE

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # Adam7
_KEPT = (b"PLTE", b"tRNS")
_STEP = 1 << 16  # packed bytes that are unpacked at a time


def mended(content: bytes) -> tuple[bytes, int | None]:
    """A cut file as a whole one, black where it was cut.

    Args:
        content: of a PNG that ends early.

    Returns:
        The bytes of a file with the same pixels and no metadata, and the first row that is not whole (0 of an
        interlaced one); None where no pixel is lacking.

    Raises:
        ValueError: there is no image yet.
    """
    header, kept, packed = b"", b"", b""
    place = 8
    while len(content) >= place + 8:
        length, name = struct.unpack_from(">I4s", content, place)
        body = content[place + 8 : place + 8 + length]
        if name == b"IHDR":
            header = body
        elif name == b"IDAT":
            packed += body
        elif name in _KEPT:
            kept += _chunk(name, body)
        place += length + 12
    if len(header) != 13 or header[9] not in _CHANNELS:
        raise ValueError("there is no header")
    rows = _rows(header)
    expected = sum(count * length for count, length in rows)
    raw = _unpacked(packed, expected)
    row = None if len(raw) == expected else 0 if header[12] else len(raw) // rows[0][1]
    idat = _chunk(b"IDAT", zlib.compress(raw.ljust(expected, b"\0"), 1))
    return SIGNATURE + _chunk(b"IHDR", header) + kept + idat + _chunk(b"IEND", b""), row


def _rows(header: bytes) -> list[tuple[int, int]]:
    """For each pass of an image the number of rows and the bytes of one, with its filter."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    sizes = [(-(-(width - left) // across), -(-(height - top) // down)) for left, top, across, down in passes]
    return [(rows, 1 + (columns * depth * _CHANNELS[colour] + 7) // 8) for columns, rows in sizes
            if columns > 0 and rows > 0]


def _unpacked(packed: bytes, most: int) -> bytes:
    """What can be unpacked before the end or an error, at most so many bytes."""
    unpacker, raw = zlib.decompressobj(), []
    left = most
    with contextlib.suppress(zlib.error):
        for start in range(0, len(packed), _STEP):
            part = packed[start : start + _STEP]
            while left and part:
                raw.append(unpacker.decompress(part, left))
                left -= len(raw[-1])
                part = unpacker.unconsumed_tail
    return b"".join(raw)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))
