"""TIFF files of numbers that Pillow does not read: float and 32 bits, 16 bits in planes, CMYK with alpha, more samples.

The strips and tiles are read here. Where they are compressed by more than zlib, Pillow's libtiff unpacks each as a grey
image whose pixels are its bytes.
"""

import io
import zlib
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from srgan_tf.imaging import exif
from srgan_tf.imaging.tiff_files import Source

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIPS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES, _PLANAR, _PREDICTOR = 273, 277, 278, 279, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 322, 323, 324, 325, 338, 339

_KINDS = {1: "u", 2: "i", 3: "f"}  # SampleFormat
_NONE, _ZLIB = (1,), (8, 32946)
_BY_PILLOW = (5, 32773, 34925, 50000)  # LZW, PackBits, LZMA, Zstandard


class Samples(NamedTuple):
    """The numbers of an image.

    Attributes:
        values: [H,W,S], of the file's own type.
        photometric: TIFF's PhotometricInterpretation.
        extra: TIFF's ExtraSamples.
    """

    values: np.ndarray
    photometric: int
    extra: tuple[int, ...]


class _Layout(NamedTuple):
    """Where the numbers lie: `height` by `width` pixels in segments of `rows` by `columns`, `samples` in each."""

    width: int
    height: int
    columns: int
    rows: int
    samples: int
    planes: int
    kind: np.dtype
    compression: int
    predictor: int
    starts: tuple[int, ...]
    lengths: tuple[int, ...]


def size(file: BinaryIO, start: int) -> tuple[int, int]:
    """Width and height of the image whose directory is at a place. Raises ValueError."""
    source = Source(file, start)
    return _number(source, _WIDTH), _number(source, _HEIGHT)


def read(file: BinaryIO, start: int) -> Samples:
    """Reads the image whose directory is at a place.

    Raises:
        ValueError: it is of a kind that is not read here, or damaged; the text says which.
    """
    source = Source(file, start)
    layout = _layout(source)
    down, across = -(-layout.height // layout.rows), -(-layout.width // layout.columns)
    if len(layout.starts) < down * across * layout.planes or len(layout.lengths) < len(layout.starts):
        raise ValueError("its strips or tiles are missing")
    values = np.zeros((layout.height, layout.width, layout.samples * layout.planes), layout.kind.newbyteorder("="))
    for number in range(down * across * layout.planes):
        plane, place = divmod(number, down * across)
        top, left = place // across * layout.rows, place % across * layout.columns
        # A strip at the end is short; a tile is whole.
        rows = min(layout.rows, layout.height - top) if across == 1 and layout.columns == layout.width else layout.rows
        segment = _segment(source, layout, number, rows)
        target = values[top : top + rows, left : left + layout.columns, plane * layout.samples :][..., : layout.samples]
        target[:] = segment[: target.shape[0], : target.shape[1]]
    return Samples(values, _number(source, _PHOTOMETRIC), _numbers(source, _EXTRA_SAMPLES, ()))


def _layout(source: Source) -> _Layout:
    width, height, samples = (_number(source, tag, default) for tag, default in (
        (_WIDTH, None), (_HEIGHT, None), (_SAMPLES, 1)))
    bits, kinds = set(_numbers(source, _BITS, (1,))), set(_numbers(source, _SAMPLE_FORMAT, (1,)))
    kind = _KINDS.get(min(kinds), "")
    if len(bits) != 1 or len(kinds) != 1 or (*bits, kind) not in (
            (8, "u"), (16, "u"), (32, "u"), (16, "f"), (32, "f"), (64, "f")):
        raise ValueError(f"samples of {'/'.join(map(str, sorted(bits)))} bits, format {sorted(kinds)}")
    compression, predictor = _number(source, _COMPRESSION, 1), _number(source, _PREDICTOR, 1)
    if compression not in _NONE + _ZLIB + _BY_PILLOW or predictor not in (1, 2, 3):
        raise ValueError(f"compression {compression} with predictor {predictor}")
    if not 0 < width < 1 << 20 or not 0 < height < 1 << 20 or not 0 < samples < 64:
        raise ValueError(f"{width} x {height} pixels of {samples} samples")
    planes = samples if _number(source, _PLANAR, 1) == 2 else 1
    tiled = source.get(_TILES)
    rows = _number(source, _TILE_HEIGHT) if tiled else min(_number(source, _ROWS_PER_STRIP, height), height)
    columns = _number(source, _TILE_WIDTH) if tiled else width
    if rows < 1 or columns < 1:
        raise ValueError(f"strips or tiles of {columns} x {rows} pixels")
    (depth,) = bits
    return _Layout(width, height, columns, rows, samples // planes, planes,
                   np.dtype(f"{source.order}{kind}{depth // 8}"), compression, predictor,
                   _numbers(source, _TILES if tiled else _STRIPS),
                   _numbers(source, _TILE_BYTES if tiled else _STRIP_BYTES))


def _numbers(source: Source, tag: int, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
    entry = source.get(tag)
    if entry is None or entry.kind not in (1, exif.SHORT, exif.LONG):
        if default is None:
            raise ValueError(f"tag {tag} is missing")
        return default
    letter = {1: "B", exif.SHORT: "H", exif.LONG: "I"}[entry.kind]
    return source.unpack(f"{entry.count}{letter}", source.content(entry))


def _number(source: Source, tag: int, default: int | None = None) -> int:
    found = _numbers(source, tag, None if default is None else (default,))
    if not found:
        raise ValueError(f"tag {tag} is empty")
    return found[0]


def _segment(source: Source, layout: _Layout, number: int, rows: int) -> np.ndarray:
    """[rows,columns,samples] of one strip or tile."""
    start, length = layout.starts[number], layout.lengths[number]
    row = layout.columns * layout.samples * layout.kind.itemsize
    packed = source.bytes[start : start + length]
    if layout.compression in _ZLIB:
        try:
            content = zlib.decompressobj().decompress(packed, rows * row)
        except zlib.error as error:
            raise ValueError(str(error)) from None
    elif layout.compression in _BY_PILLOW:
        content = _by_pillow(packed, row, rows, layout.compression)
    else:
        content = packed[: rows * row]
    if len(content) < rows * row:
        raise ValueError(f"a strip or tile ends early: {len(content)} bytes, where {rows * row} were expected")
    shape = (rows, layout.columns, layout.samples)
    if layout.predictor == 3:
        return _from_float_differences(np.frombuffer(content, np.uint8).reshape(rows, row), layout).reshape(shape)
    values = np.frombuffer(content, layout.kind).reshape(shape)
    if layout.predictor == 2:
        whole = values.view(f"{layout.kind.byteorder}u{layout.kind.itemsize}").astype(f"=u{layout.kind.itemsize}")
        values = np.cumsum(whole, axis=1, dtype=whole.dtype).view(layout.kind.newbyteorder("="))
    return values


def _from_float_differences(content: np.ndarray, layout: _Layout) -> np.ndarray:
    """Adobe's floating point predictor (TIFF Technical Note 3): bytes by weight, each less the one before."""
    content = content.reshape(len(content), -1, layout.samples)
    content = np.cumsum(content, axis=1, dtype=np.uint8).reshape(len(content), layout.kind.itemsize, -1)
    return np.ascontiguousarray(content.transpose(0, 2, 1)).view(layout.kind.newbyteorder(">"))


def _by_pillow(packed: bytes, row: int, rows: int, compression: int) -> bytes:
    block = exif.Block(exif.EMPTY)
    for tag, value in ((_WIDTH, row), (_HEIGHT, rows), (_BITS, 8), (_COMPRESSION, compression), (_PHOTOMETRIC, 1),
                       (_SAMPLES, 1), (_ROWS_PER_STRIP, rows), (_STRIP_BYTES, len(packed))):
        block.set(tag, exif.LONG, 1, block.pack("I", value))
    block.set(_STRIPS, exif.LONG, 1, block.pack("I", block.append(packed)))
    with Image.open(io.BytesIO(block.finished()), formats=("TIFF",)) as image:
        return image.tobytes()
