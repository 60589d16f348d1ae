"""EXIF blocks, changed where they stand: what a camera's maker wrote points into the block and must not be moved.

A block is a small TIFF file (TIFF 6.0; CIPA DC-008, Exif 3.0): a header, directories of entries of 12 bytes, and values
that entries point to by their place in the block. Values of a fixed size are overwritten; the first directory, which
may grow, is written anew at the end of the block, and the header points to it. Every other byte stays in its place.
"""

import contextlib
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from PIL import ExifTags

PREFIX = b"Exif\0\0"  # before the block in JPEG, and in the other formats by habit
EMPTY = b"II*\0\x08\0\0\0\0\0\0\0\0\0"  # a first directory without entries

# Of a first directory, what describes the lines and strips of a TIFF file itself, its thumbnails and its colours.
LAYOUT_TAGS = frozenset({
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291, 292,
    293, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332, 333, 334, 336, 337, 338, 339, 340, 341, 342,
    347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532})

ASCII, SHORT, LONG, RATIONAL = 2, 3, 4, 5
_BYTES = {1: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}
_MOST_ENTRIES = 4096  # of a directory; broken blocks claim more

_SIZE_TAGS = {ExifTags.Base.ImageWidth: 0, ExifTags.Base.ImageLength: 1, ExifTags.Base.ExifImageWidth: 0,
              ExifTags.Base.ExifImageHeight: 1, ExifTags.Base.RelatedImageWidth: 0,
              ExifTags.Base.RelatedImageLength: 1}
_INCHES = {2: 1.0, 3: 2.54}  # ResolutionUnit: per inch, per centimetre
_FOCAL_PLANE = (ExifTags.Base.FocalPlaneXResolution, ExifTags.Base.FocalPlaneYResolution)


class Entry(NamedTuple):
    """An entry of a directory: its value, or the place of a value of more than 4 bytes, in the last 4 bytes."""

    tag: int
    kind: int
    count: int
    value: bytes

    def size(self) -> int:
        """Bytes of the value. Raises ValueError for a type that TIFF does not know."""
        if self.kind not in _BYTES:
            raise ValueError(f"tag {self.tag} is of the unknown type {self.kind}")
        return _BYTES[self.kind] * self.count


class Block:
    """A block that is being changed. Raises ValueError where it is no block, or broken in its first directory."""

    def __init__(self, block: bytes):
        self.bytes = bytearray(block.removeprefix(PREFIX))
        self.order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(self.bytes[:4]), "")
        if not self.order:
            raise ValueError("no EXIF header")
        (first,) = self.unpack("I", self.bytes[4:8])
        self.entries, self.next = self.directory(first)

    def unpack(self, format: str, content: bytes) -> tuple:
        """`struct.unpack` in the block's byte order."""
        try:
            return struct.unpack(self.order + format, content)
        except struct.error as error:
            raise ValueError(f"EXIF ends early: {error}") from None

    def pack(self, format: str, *values: int) -> bytes:
        """`struct.pack` in the block's byte order."""
        return struct.pack(self.order + format, *values)

    def directory(self, start: int) -> tuple[list[Entry], int]:
        """The entries of the directory at a place, and where the next one is."""
        (count,) = self.unpack("H", self.bytes[start : start + 2])
        end = start + 2 + 12 * count
        if count > _MOST_ENTRIES or end > len(self.bytes):
            raise ValueError(f"a directory of {count} entries does not fit into {len(self.bytes)} bytes of EXIF")
        entries = [Entry(*self.unpack("HHI4s", self.bytes[place : place + 12])) for place in range(start + 2, end, 12)]
        # The last directory's end is missing in files of some cameras.
        following = self.bytes[end : end + 4]
        return entries, self.unpack("I", following)[0] if len(following) == 4 else 0

    def content(self, entry: Entry) -> bytes:
        """The bytes of an entry's value."""
        size = entry.size()
        if size <= 4:
            return entry.value[:size]
        (place,) = self.unpack("I", entry.value)
        content = bytes(self.bytes[place : place + size])
        if len(content) < size:
            raise ValueError(f"the value of tag {entry.tag} lies outside the EXIF block")
        return content

    def get(self, tag: int) -> Entry | None:
        """The first directory's entry of a tag."""
        return next((entry for entry in self.entries if entry.tag == tag), None)

    def set(self, tag: int, kind: int, count: int, content: bytes) -> None:
        """Sets an entry of the first directory, and appends its value to the block if that has more than 4 bytes."""
        if len(content) > 4:
            content = self.pack("I", self.append(content))
        self.entries = [entry for entry in self.entries if entry.tag != tag]
        self.entries.append(Entry(tag, kind, count, content.ljust(4, b"\0")))

    def append(self, content: bytes) -> int:
        """Adds bytes at the end, and says where: at an even place, as TIFF asks."""
        self.bytes += bytes(len(self.bytes) % 2)
        place = len(self.bytes)
        self.bytes += content
        return place

    def finished(self) -> bytes:
        """The block, with its first directory anew at the end."""
        entries = sorted(self.entries)  # by tag, as TIFF asks
        packed = b"".join(self.pack("HHI4s", *entry) for entry in entries)
        place = self.append(self.pack("H", len(entries)) + packed + self.pack("I", self.next))
        self.bytes[4:8] = self.pack("I", place)
        return bytes(self.bytes)


def orientation(block: bytes | None) -> int:
    """How an image lies, 1 (upright) to 8; 1 where nothing right is said."""
    with contextlib.suppress(ValueError):
        parsed = Block(block or b"")
        entry = parsed.get(ExifTags.Base.Orientation)
        if entry and entry.kind in (SHORT, LONG):
            value = parsed.unpack("H" if entry.kind == SHORT else "I", parsed.content(entry)[: _BYTES[entry.kind]])[0]
            return value if value in range(1, 9) else 1
    return 1


def resolution(block: bytes | None) -> tuple[float, float] | None:
    """Pixels per inch as a block says, if it does."""
    with contextlib.suppress(ValueError):
        return _resolution(Block(block or b""))
    return None


def _resolution(block: Block) -> tuple[float, float] | None:
    unit = block.get(ExifTags.Base.ResolutionUnit)
    unit = block.unpack("H", block.content(unit)[:2])[0] if unit else 2
    entries = [block.get(tag) for tag in (ExifTags.Base.XResolution, ExifTags.Base.YResolution)]
    if not all(entries) or unit not in _INCHES:
        return None
    ratios = [block.unpack("II", block.content(entry)[:8]) for entry in entries]
    if not all(numerator and denominator for numerator, denominator in ratios):
        return None
    across, down = (numerator / denominator * _INCHES[unit] for numerator, denominator in ratios)
    return across, down


def rewritten(block: bytes | None, size: tuple[int, int], software: str = "",
              dpi: tuple[float, float] | None = None) -> bytes:
    """The block for an image that was made from the block's own: upright, of another size, and without its thumbnail.

    Args:
        block: with or without `PREFIX`; None: one is made.
        size: width and height of the new image, in pixels.
        software: what made it; added to what the block says of that. Empty: nothing is added.
        dpi: its pixels per inch; None: as the block says.

    Raises:
        ValueError: the block is broken.
    """
    parsed = Block(block or EMPTY)
    _drop_thumbnail(parsed)
    if parsed.get(ExifTags.Base.Orientation):
        parsed.set(ExifTags.Base.Orientation, SHORT, 1, parsed.pack("H", 1))
    for entry in list(parsed.entries):
        if entry.tag in _SIZE_TAGS:
            parsed.set(entry.tag, LONG, 1, parsed.pack("I", size[_SIZE_TAGS[entry.tag]]))
    with contextlib.suppress(ValueError):  # what is broken below the first directory stays as it is
        _resize_details(parsed, size)
    if software:
        add_software(parsed, software)
    if dpi:
        set_resolution(parsed, dpi)
    return parsed.finished()


def add_software(block: Block, software: str) -> None:
    """Adds what made the image to what the block says of that already."""
    earlier, entry = "", block.get(ExifTags.Base.Software)
    with contextlib.suppress(ValueError):
        earlier = block.content(entry).split(b"\0")[0].decode("utf-8", "replace").strip() if entry else ""
    content = joined_software(earlier, software).encode() + b"\0"
    block.set(ExifTags.Base.Software, ASCII, len(content), content)


def joined_software(earlier: str, software: str) -> str:
    """What made an image, and then what made another of it."""
    return f"{earlier}; {software}" if earlier and not earlier.endswith(software) else software


def set_resolution(block: Block, dpi: tuple[float, float]) -> None:
    """Pixels per inch; the block's own numbers stay where they say the same."""
    said = None
    with contextlib.suppress(ValueError):
        said = _resolution(block)
    if said and all(abs(one - other) < 0.01 for one, other in zip(said, dpi, strict=True)):
        return
    for tag, value in zip((ExifTags.Base.XResolution, ExifTags.Base.YResolution), dpi, strict=True):
        block.set(tag, RATIONAL, 1, block.pack("II", min(round(value * 1000), 2**32 - 1), 1000))
    block.set(ExifTags.Base.ResolutionUnit, SHORT, 1, block.pack("H", 2))


def _drop_thumbnail(block: Block) -> None:
    """Unlinks the second directory; its thumbnail is cut off where it ends the block, as it does in most."""
    with contextlib.suppress(ValueError):
        entries, _ = block.directory(block.next) if block.next else ([], 0)
        places = {entry.tag: block.unpack("I", entry.value)[0] for entry in entries if entry.kind == LONG}
        start, length = places.get(513, 0), places.get(514, 0)  # JPEGInterchangeFormat and its length
        if start and start > block.next and len(block.bytes) - 4 <= start + length <= len(block.bytes):
            del block.bytes[start:]
    block.next = 0


def _resize_details(block: Block, size: tuple[int, int]) -> None:
    """Sets the size in the EXIF and interoperability directories, and the focal plane's pixels per unit to match."""
    def resized(entry: Entry) -> bytes | None:
        place = _SIZE_TAGS.get(entry.tag)
        return None if place is None else block.pack("HHII", entry.tag, LONG, 1, size[place])

    for start in _inner(block, block.entries, ExifTags.IFD.Exif):
        entries, _ = block.directory(start)
        old = [_size_of(block, entries, place) for place in (0, 1)]
        if all(old):
            # Sensors do not turn with the image: the longer side stays the longer side.
            for entry in entries:
                if entry.tag in _FOCAL_PLANE and entry.kind == RATIONAL and entry.count == 1:
                    _scale(block, entry, max(size) / max(old))
        for place in (start, *_inner(block, entries, ExifTags.IFD.Interop)):
            _overwrite(block, place, resized)


def _scale(block: Block, entry: Entry, factor: float) -> None:
    """Multiplies a rational number where it stands."""
    numerator, denominator = block.unpack("II", block.content(entry))
    (place,) = block.unpack("I", entry.value)
    block.bytes[place : place + 8] = block.pack("II", *_scaled(numerator, denominator, factor))


def _scaled(numerator: int, denominator: int, factor: float) -> tuple[int, int]:
    while numerator * factor >= 2**32 and denominator > 1:
        numerator, denominator = numerator // 2, denominator // 2
    return min(round(numerator * factor), 2**32 - 1), denominator


def _size_of(block: Block, entries: Iterable[Entry], place: int) -> int:
    tag = (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight)[place]
    for entry in entries:
        if entry.tag == tag and entry.count == 1 and entry.kind in (SHORT, LONG):
            return block.unpack("H" if entry.kind == SHORT else "I", block.content(entry))[0]
    return 0


def _inner(block: Block, entries: Iterable[Entry], tag: int) -> Iterator[int]:
    """Where the directory begins that a tag points to, if there is one."""
    for entry in entries:
        if entry.tag == tag and entry.kind in (LONG, 13):
            yield block.unpack("I", entry.value)[0]


def _overwrite(block: Block, start: int, change: Callable[[Entry], bytes | None]) -> None:
    """Puts other entries in the place of those that `change` gives 12 bytes for."""
    entries, _ = block.directory(start)
    for number, entry in enumerate(entries):
        if (content := change(entry)) is not None:
            place = start + 2 + 12 * number
            block.bytes[place : place + 12] = content
