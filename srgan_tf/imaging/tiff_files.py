"""TIFF files: what their tags say beside the pixels, and how they are written, uncompressed, with that kept.

An EXIF block is a TIFF file without an image. So a file is written as the block as it stands, then the pixels, then
the first directory: whatever the block's makers point to stays in its place. Pillow's libtiff cannot write directories
of EXIF.
"""

import contextlib
import io
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image

from srgan_tf.imaging import exif, image_resources
from srgan_tf.imaging.metadata import Metadata

_XMP, _IPTC, _RESOURCES, _PROFILE = 700, 33723, 34377, 34675
_APART = (_XMP, _IPTC, _RESOURCES, _PROFILE, ExifTags.Base.ResolutionUnit)  # in fields of their own, or with others

# Of a TIFF's first directory, what describes the image whatever its size.
_DESCRIPTIVE = frozenset({
    269, 270, 271, 272, 282, 283, 285, 296, 305, 306, 315, 316, 18246, 18249, 33432, 36867, 36868, 37510,
    40091, 40092, 40093, 40094, 40095, 0x000B,
})
_DIRECTORIES = {ExifTags.IFD.Exif: 1, ExifTags.IFD.GPSInfo: 1, ExifTags.IFD.Interop: 2}  # and how deep they may be
_NEAR = 1 << 17  # a maker's note further from a file's beginning than this is moved
_STRIP = 1 << 18  # bytes of a strip, about
_MOST = (1 << 32) - 1  # bytes of a file: places have 4 bytes
_EXTRA_SAMPLES, _STRAIGHT = 338, 2


class _Bytes:
    """A file's bytes as Block reads them, without reading all of them."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self.length = file.seek(0, io.SEEK_END)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, part: slice) -> bytes:
        self.file.seek(part.start)
        return self.file.read(max(0, part.stop - part.start))


class Source(exif.Block):
    """A directory of a file, to be read and not written."""

    def __init__(self, file: BinaryIO, start: int):
        self.bytes = _Bytes(file)
        self.order = {b"II*\0": "<", b"MM\0*": ">"}.get(self.bytes[0:4], "")
        if not self.order:
            raise ValueError("not a TIFF file with places of 4 bytes")
        self.entries, self.next = self.directory(start)


def first_directory(file: BinaryIO) -> int | None:
    """Where the first image's directory is; None where it is no TIFF with places of 4 bytes."""
    file.seek(0)
    head = file.read(8)
    order = {b"II*\0": "little", b"MM\0*": "big"}.get(head[:4])
    return int.from_bytes(head[4:8], order) if order else None


def profile(file: BinaryIO, start: int) -> bytes | None:
    """The ICC profile of the image whose directory is at a place."""
    with contextlib.suppress(ValueError):
        source = Source(file, start)
        entry = source.get(_PROFILE)
        return source.content(entry) if entry else None
    return None


def collect(file: BinaryIO, image: Image.Image | None = None, start: int = 0) -> Metadata:
    """What the tags of an image say; what is broken is left out, and what has no meaning elsewhere is said.

    Args:
        file: a TIFF.
        image: as Pillow has opened it.
        start: where its directory is, without `image`.
    """
    try:
        source = Source(file, start or image.tag_v2._offset)
    except ValueError:
        return _from_pillow(image)
    found: dict = {}
    for name, tag in {"xmp": _XMP, "iptc": _IPTC, "resources": _RESOURCES}.items():
        with contextlib.suppress(ValueError):
            entry = source.get(tag)
            found[name] = source.content(entry) if entry else None
    iptc, found["resources"] = image_resources.split(found.get("resources") or b"")
    found["iptc"] = found.get("iptc") or iptc
    known = exif.LAYOUT_TAGS | _DESCRIPTIVE | set(_APART) | set(_DIRECTORIES) | {ExifTags.Base.Orientation}
    others = sorted({entry.tag for entry in source.entries} - known)
    found["lost"] = (f"TIFF tags {', '.join(map(str, others))}",) if others else ()
    block = exif.Block(exif.EMPTY if source.order == "<" else _BIG_ENDIAN)
    block.entries = _copied(source, source.entries, block, 0)
    packed = block.finished() if block.entries else None
    return Metadata(exif=packed, dpi=exif.resolution(packed), **found)


_BIG_ENDIAN = b"MM\0*\0\0\0\x08\0\0\0\0\0\0"


def _copied(source: Source, entries: list[exif.Entry], block: exif.Block, depth: int) -> list[exif.Entry]:
    """Entries for `block` of the values that those of `source` point to; broken ones are left out."""
    kept = []
    # Makers' notes first, while their own place is still free.
    for entry in sorted(entries, key=lambda entry: (entry.tag not in _DIRECTORIES, entry.tag != 37500)):
        with contextlib.suppress(ValueError):
            if entry.tag in _DIRECTORIES:
                if depth < _DIRECTORIES[entry.tag]:
                    kept.append(_copied_directory(source, entry, block, depth))
            elif depth or entry.tag in _DESCRIPTIVE | {ExifTags.Base.Orientation}:
                kept.append(_copied_entry(source, entry, block))
    return kept


def _copied_entry(source: Source, entry: exif.Entry, block: exif.Block) -> exif.Entry:
    content = source.content(entry)
    if len(content) <= 4:
        return entry
    if entry.tag == ExifTags.Base.MakerNote:
        (place,) = source.unpack("I", entry.value)
        if len(block.bytes) <= place < _NEAR:
            block.append(bytes(place - len(block.bytes)))
            block.bytes[place:] = b""
    return entry._replace(value=block.pack("I", block.append(content)))


def _copied_directory(source: Source, entry: exif.Entry, block: exif.Block, depth: int) -> exif.Entry:
    (start,) = source.unpack("I", source.content(entry)[:4])
    inner = sorted(_copied(source, source.directory(start)[0], block, depth + 1))
    packed = b"".join(block.pack("HHI4s", *one) for one in inner)
    place = block.append(block.pack("H", len(inner)) + packed + bytes(4))
    return exif.Entry(entry.tag, exif.LONG, 1, block.pack("I", place))


def _from_pillow(image: Image.Image) -> Metadata:
    """Of a BigTIFF: the same through Pillow, which writes the EXIF block anew."""
    tags, packed = image.tag_v2, None
    found = {name: tags[tag] if isinstance(tags.get(tag), bytes) else None
             for name, tag in {"xmp": _XMP, "iptc": _IPTC, "resources": _RESOURCES}.items()}
    with contextlib.suppress(Exception):  # an image whose EXIF is broken is still an image
        block = Image.Exif()
        block.load(image.getexif().tobytes())
        for tag in set(block) - _DESCRIPTIVE - set(_DIRECTORIES) - {ExifTags.Base.Orientation}:
            del block[tag]
        packed = block.tobytes().removeprefix(exif.PREFIX) if len(block) else None
    return Metadata(exif=packed, dpi=exif.resolution(packed), **found)


def encode(pixels: np.ndarray, metadata: Metadata, profile: bytes | None) -> io.BytesIO:
    """A file of uint8 or uint16 [H,W,1] grey, [H,W,2] grey and alpha, [H,W,3] RGB or [H,W,4] RGBA.

    Args:
        pixels: as said.
        metadata: as `metadata.fitted` gave it.
        profile: an ICC profile.

    Raises:
        ValueError: the file would be of more than 4 GiB.
    """
    block = exif.Block(metadata.exif or exif.EMPTY)
    block.entries = [entry for entry in block.entries if entry.tag not in exif.LAYOUT_TAGS]
    for tag, content in ((_XMP, metadata.xmp), (_IPTC, metadata.iptc), (_RESOURCES, metadata.resources),
                         (_PROFILE, profile)):
        if content:
            block.set(tag, 7 if tag in (_IPTC, _PROFILE) else 1, len(content), content)
    if metadata.comments and not block.get(ExifTags.Base.ImageDescription):
        comment = metadata.comments[0].rstrip(b"\0") + b"\0"
        block.set(ExifTags.Base.ImageDescription, exif.ASCII, len(comment), comment)
    if metadata.dpi:
        exif.set_resolution(block, metadata.dpi)
    _describe(block, pixels)
    file = io.BytesIO()
    _write(file, block, pixels)
    return file


def _describe(block: exif.Block, pixels: np.ndarray) -> None:
    """The tags of the pixels but for the places of their strips."""
    height, width, channels = pixels.shape
    base, bits = ExifTags.Base, 8 * pixels.itemsize
    block.set(base.ImageWidth, exif.LONG, 1, block.pack("I", width))
    block.set(base.ImageLength, exif.LONG, 1, block.pack("I", height))
    block.set(base.BitsPerSample, exif.SHORT, channels, block.pack(f"{channels}H", *[bits] * channels))
    for tag, value in ((base.Compression, 1), (base.PhotometricInterpretation, 1 if channels < 3 else 2),
                       (base.SamplesPerPixel, channels), (base.PlanarConfiguration, 1)):
        block.set(tag, exif.SHORT, 1, block.pack("H", value))
    if channels % 2 == 0:
        block.set(_EXTRA_SAMPLES, exif.SHORT, 1, block.pack("H", _STRAIGHT))


def _write(file: BinaryIO, block: exif.Block, pixels: np.ndarray) -> None:
    """What the block has, the pixels, the first directory, and its place in the header."""
    row = pixels[0].nbytes
    rows = max(1, _STRIP // row)
    lengths = [row * min(rows, len(pixels) - start) for start in range(0, len(pixels), rows)]
    place = len(block.bytes) + len(block.bytes) % 2 + 8 * len(lengths) * (len(lengths) > 1)
    if place + pixels.nbytes + 4096 > _MOST:
        raise ValueError(f"{pixels.nbytes:,} bytes of pixels; TIFF holds at most 4 GiB: write .png")
    starts = [place + rows * row * number for number in range(len(lengths))]
    block.set(ExifTags.Base.RowsPerStrip, exif.LONG, 1, block.pack("I", rows))
    block.set(ExifTags.Base.StripOffsets, exif.LONG, len(starts), block.pack(f"{len(starts)}I", *starts))
    block.set(ExifTags.Base.StripByteCounts, exif.LONG, len(lengths), block.pack(f"{len(lengths)}I", *lengths))
    block.append(b"")
    head = len(block.bytes)
    after = place + pixels.nbytes + pixels.nbytes % 2
    file.write(block.bytes)
    for strip in _strips(pixels, block.order, rows):
        file.write(strip)
    file.write(bytes(after - place - pixels.nbytes))
    whole = block.finished()
    file.write(whole[head:])
    file.seek(4)
    file.write(block.pack("I", after))


def _strips(pixels: np.ndarray, order: str, rows: int) -> Iterator[memoryview]:
    kind = pixels.dtype.newbyteorder(order)
    for start in range(0, len(pixels), rows):
        yield np.ascontiguousarray(pixels[start : start + rows], kind).data.cast("B")
