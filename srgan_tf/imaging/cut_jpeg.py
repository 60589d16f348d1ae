"""JPEG files without their end: whole but for the end mark, or cut."""

import io
import re

import numpy as np
from PIL import Image

_END = b"\xff\xd9"
# More image than none, and no marker: a decoder that still needs some takes it and shows something else.
_NOISE = bytes(range(1, 250, 2)) * 8
_SCAN = 0xDA
_HEADERS = (0xC0, 0xC1, 0xC2)  # frames that Pillow decodes


def mended(content: bytes) -> tuple[bytes, int | None]:
    """A cut file with an end mark, and where it was cut.

    Args:
        content: of a JPEG file that ends early.

    Returns:
        The file's bytes, and the first row that is not as it was; None where nothing is lacking but the mark.

    Raises:
        Exception: whatever Pillow raises where there is no image yet.
    """
    content = content.rstrip(b"\xff")
    zeros, noise = (np.asarray(_decoded(content + more + _END)) for more in (b"", _NOISE))
    differs = (zeros != noise).reshape(len(zeros), -1).any(axis=1)
    if differs.any():
        return content + _END, int(np.argmax(differs))
    return content + _END, None if _has_every_scan(content) else 0


def _decoded(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content), formats=("JPEG",))
    image.load()
    return image


def _has_every_scan(content: bytes) -> bool:
    """Whether each coefficient of each component comes in a scan, to its last bit (ITU-T T.81, B.2.3 and G.1)."""
    components, finished, place = b"", set(), 2
    while place + 4 <= len(content):
        if content[place + 1] == 0xFF:  # filling before a marker
            place += 1
            continue
        marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        body = content[place + 4 : place + 2 + length]
        place += 2 + length
        if marker in _HEADERS:
            components = body[6::3]
        elif marker == _SCAN:
            count = body[0]
            first, last, bits = body[1 + 2 * count : 4 + 2 * count]
            if not bits & 15:
                names = body[1 : 1 + 2 * count : 2]
                finished |= {(name, number) for name in names for number in range(first, last + 1)}
            # The scan's own bytes end at the next marker that is neither a stuffed 255 nor a restart.
            following = re.compile(rb"\xff[^\0\xd0-\xd7\xff]").search(content, place)
            place = following.start() if following else len(content)
    return all((name, number) in finished for name in components for number in range(64))
