"""PNG's chunks beside the pixels (PNG, third edition): texts, profiles, EXIF and colour, without Pillow's limits.

Pillow refuses a file whose profile or text is more than 1 MB when it is unpacked, keeps one text of each name, and does
not know cICP.
"""

import binascii
import io
import re
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXTS = (b"tEXt", b"zTXt", b"iTXt")

# Chunks that Pillow need not see: it reads them only to be able to refuse them.
_NOT_FOR_PILLOW = (*TEXTS, b"iCCP", b"eXIf")
_PILLOWS_MOST = 1 << 20  # unpacked bytes of a chunk, PngImagePlugin.MAX_TEXT_CHUNK
_MOST = 256 << 20  # unpacked bytes of a chunk that are taken here
_XMP = b"XML:com.adobe.xmp"


class Chunk(NamedTuple):
    """A chunk's name and content."""

    name: bytes
    content: bytes


def read(file: BinaryIO) -> list[Chunk]:
    """The chunks beside the pixels, up to the first that is broken. The file's place is moved."""
    return [Chunk(name, file.read(length)) for name, length in _headers(file) if name not in (b"IDAT", b"fdAT")]


def without(file: BinaryIO) -> BinaryIO:
    """The file without what Pillow would refuse it for."""
    kept = io.BytesIO()
    kept.write(SIGNATURE)
    for name, length in _headers(file):
        if name not in _NOT_FOR_PILLOW:
            kept.write(struct.pack(">I", length) + name + file.read(length + 4))
    kept.seek(0)
    return kept


def is_beyond_pillow(chunk: Chunk) -> bool:
    """Whether Pillow refuses a file for a chunk: it is large, unpacked, or broken."""
    if chunk.name not in (b"iCCP", b"zTXt", b"iTXt"):
        return False
    try:
        packed = _packed(chunk)
        return packed is not None and len(zlib.decompressobj().decompress(packed, _PILLOWS_MOST + 1)) > _PILLOWS_MOST
    except (zlib.error, ValueError):
        return True


def text(chunk: Chunk) -> tuple[bytes, bytes]:
    """A text's keyword and its content, unpacked: Latin-1 of tEXt and zTXt, UTF-8 of iTXt.

    Raises:
        ValueError: it is broken.
    """
    keyword, _, rest = chunk.content.partition(b"\0")
    packed = _packed(chunk)
    if packed is not None:
        return keyword, unpacked(packed)
    return keyword, _plain(chunk, rest)


def _plain(chunk: Chunk, rest: bytes) -> bytes:
    if chunk.name == b"tEXt":
        return rest
    parts = rest[2:].split(b"\0", 2)  # language, translated keyword, text
    if len(parts) < 3:
        raise ValueError("an iTXt chunk ends early")
    return parts[2]


def _packed(chunk: Chunk) -> bytes | None:
    """The zlib stream of iCCP, zTXt or a packed iTXt."""
    _, _, rest = chunk.content.partition(b"\0")
    if chunk.name in (b"iCCP", b"zTXt"):
        if rest[:1] != b"\0":
            raise ValueError("packed by an unknown method")
        return rest[1:]
    if chunk.name == b"iTXt" and rest[:1] == b"\1":
        return _plain(chunk, rest)
    return None


def unpacked(packed: bytes) -> bytes:
    """What a zlib stream holds. Raises ValueError where it is broken or too large."""
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(packed, _MOST)
    except zlib.error as error:
        raise ValueError(f"a packed text or profile is broken: {error}") from None
    if not unpacker.eof:
        raise ValueError(f"a packed text or profile ends early, or is of more than {_MOST} bytes")
    return content


def profile(chunk: Chunk) -> bytes:
    """The ICC profile of an iCCP chunk. Raises ValueError where it is broken."""
    return unpacked(_packed(chunk) or b"")


def raw_profile(content: bytes) -> bytes:
    r"""ImageMagick's "Raw profile type" texts: "\nname\n  length\nhexadecimal". Raises ValueError for any other."""
    found = re.match(rb"\s*\S+\s+(\d+)\s", content)
    if not found:
        raise ValueError("no raw profile")
    return binascii.unhexlify(b"".join(content[found.end():].split()))[: int(found[1])]


def make_raw_profile(kind: str, content: bytes) -> Chunk:
    """A "Raw profile type" text as ImageMagick and ExifTool write and read it."""
    digits = content.hex()
    lines = "\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    body = f"\n{kind}\n{len(content):8d}\n{lines}\n".encode()
    return Chunk(b"zTXt", f"Raw profile type {kind}".encode() + b"\0\0" + zlib.compress(body))


def make_text(keyword: str, content: str) -> Chunk:
    """A text: Latin-1 where that holds it, else UTF-8."""
    try:
        return Chunk(b"tEXt", keyword.encode() + b"\0" + content.encode("latin-1"))
    except UnicodeEncodeError:
        return Chunk(b"iTXt", keyword.encode() + b"\0\0\0\0\0" + content.encode())


def make_xmp(xmp: bytes) -> Chunk:
    """XMP in the place that Adobe's specification gives it."""
    return Chunk(b"iTXt", _XMP + b"\0\0\0\0\0" + xmp)


def is_xmp(keyword: bytes) -> bool:
    """Whether a text of this keyword is XMP."""
    return keyword == _XMP


def _headers(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Name and length of each chunk, with the file at its content."""
    file.seek(0)
    if file.read(8) != SIGNATURE:
        return
    place = 8
    while len(header := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", header)
        yield name, length
        place += length + 12
        if name == b"IEND":
            return
        file.seek(place)
