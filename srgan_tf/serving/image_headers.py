"""How many pixels an image file makes a decoder write, told from its bytes without decoding: PNG, JPEG, GIF, BMP."""

import contextlib
import struct
from collections.abc import Iterator

from srgan_tf.errors import UserError

# A decoder goes through all pixels for each scan. Encoders write about ten; a thumbnail has some of its own.
JPEG_SCANS, FREE_SCANS = 64, 16
GIF_FRAMES = 10_000
# Frame headers of JPEG: SOF0 to SOF15, without DHT, JPG and DAC.
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a segment


def pixels_of(content: bytes) -> int:
    """The pixels that are written when a file is decoded; 0 for what is none of these formats, or is cut off.

    Raises:
        ValueError: a JPEG of more scans, or a GIF of more frames, than an image needs.
    """
    pixels = 0
    with contextlib.suppress(struct.error, IndexError):  # what was counted before the end counts
        for pixels in next((count(content) for magic, count in KINDS.items() if content.startswith(magic)), ()):  # noqa: B007
            pass
    return pixels


def _png(content: bytes) -> Iterator[int]:
    width, height = struct.unpack_from(">II", content, 16)
    yield width * height


def _bmp(content: bytes) -> Iterator[int]:
    width, height = struct.unpack_from("<ii", content, 18)
    yield abs(width) * abs(height)


def _jpeg(content: bytes) -> Iterator[int]:
    """Counts an image of many scans more than once."""
    scans = content.count(b"\xff\xda")
    if scans > JPEG_SCANS:
        raise UserError(f"a JPEG of {scans} scans; at most {JPEG_SCANS} are accepted: save it as a plain JPEG or PNG")
    pixels, place = 0, 2
    while True:
        place = content.find(b"\xff", place)
        while place >= 0 and content[place] == 0xFF:
            place += 1
        if place < 0 or content[place] in (0xD9, 0xDA):
            return
        marker, place = content[place], place + 1
        if marker in ALONE or not marker:
            continue
        if marker in FRAMES:
            height, width = struct.unpack_from(">HH", content, place + 3)
            pixels = max(pixels, width * height)
            yield pixels * max(1, scans // FREE_SCANS)
        place += max(2, struct.unpack_from(">H", content, place)[0])


def _gif(content: bytes) -> Iterator[int]:
    """The screen and every frame: TensorFlow decodes all, to return the first."""
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    pixels, place, frames = width * height, 13 + _colours(flags), 0
    yield pixels
    while place < len(content) and content[place] in (0x21, 0x2C):
        if content[place] == 0x2C:
            frames += 1
            if frames > GIF_FRAMES:
                raise UserError(f"a GIF of more than {GIF_FRAMES} frames: send a PNG or JPEG")
            width, height, flags = struct.unpack_from("<HHB", content, place + 5)
            pixels += width * height
            yield pixels
            place += 11 + _colours(flags)
        else:
            place += 2
        while size := content[place]:
            place += 1 + size
        place += 1


def _colours(flags: int) -> int:
    """Bytes of a colour table."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


KINDS = {b"\x89PNG\r\n\x1a\n": _png, b"\xff\xd8\xff": _jpeg, b"GIF8": _gif, b"BM": _bmp}
