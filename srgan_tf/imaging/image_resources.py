"""Photoshop's image resources, in which JPEG and TIFF keep IPTC (Adobe, Photoshop File Formats; IPTC-NAA IIM 4)."""

import struct
from collections.abc import Iterator

IPTC = 1028
_THUMBNAILS = (1033, 1036)  # they would show the image of before
_SIGNATURES = (b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR")


def split(resources: bytes) -> tuple[bytes | None, bytes | None]:
    """The IPTC records among resources, and the other resources without thumbnails; None for what is not there."""
    iptc, others = None, []
    for code, whole, content in _each(resources):
        if code == IPTC:
            iptc = content
        elif code not in _THUMBNAILS:
            others.append(whole)
    return iptc, b"".join(others) or None


def joined(iptc: bytes | None, others: bytes | None) -> bytes:
    """Undoes `split`."""
    if iptc is None:
        return others or b""
    return b"8BIM" + struct.pack(">HHI", IPTC, 0, len(iptc)) + iptc + bytes(len(iptc) % 2) + (others or b"")


def _each(resources: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Code, the whole resource and its content, up to the first that is broken."""
    start = 0
    while resources[start : start + 4] in _SIGNATURES and len(resources) >= start + 7:
        (code,) = struct.unpack_from(">H", resources, start + 4)
        name = 1 + resources[start + 6]  # with its length before it, and made even
        length_at = start + 6 + name + name % 2
        if len(resources) < length_at + 4:
            return
        (length,) = struct.unpack_from(">I", resources, length_at)
        content = resources[length_at + 4 : length_at + 4 + length]
        if len(content) < length:
            return
        end = length_at + 4 + length + length % 2
        yield code, resources[start:end].ljust(end - start, b"\0"), content
        start = end
