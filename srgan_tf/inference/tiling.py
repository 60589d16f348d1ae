"""Upscaling an image tile by tile, so that memory is bounded by the tile.

All tiles of an image have one size, the smallest that their number allows. Each is upscaled with `overlap` pixels of
context on the sides where the image continues, and the context is cut off again; at the image's own edges a tile ends
where the image ends, so that the network pads there just as it would pad the whole image. Where the context covers
the network's receptive radius, the result is that of the whole image.
"""

import contextlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from srgan_tf.config import OVERLAP, TILE
from srgan_tf.errors import UserError
from srgan_tf.inference.channels import REACH, upscale_tile
from srgan_tf.inference.in_flight import mapped
from srgan_tf.inference.reducing import Reducer
from srgan_tf.inference.result_size import Target
from srgan_tf.runtimes import Runtime

DTYPES = (np.uint8, np.uint16, np.float32)


class Window(NamedTuple):
    """A stretch [start, stop) of one axis, of which [keep_start, keep_stop) is kept, in LR pixels."""

    start: int
    stop: int
    keep_start: int
    keep_stop: int


def windows(size: int, tile: int, overlap: int, alignment: int = 1) -> list[Window]:
    """Divides an axis into windows of `tile` pixels (or one of `size`) whose kept parts follow one another.

    Windows begin at multiples of `alignment`. For this the last one may have up to `alignment - 1` pixels less.

    Raises:
        ValueError: the overlap leaves nothing of the tile.
    """
    if tile == 0 or size <= tile:
        return [Window(0, size, 0, size)]
    if overlap < 0 or tile < 2 * overlap + alignment:
        more = f" by the alignment of {alignment}" if alignment > 1 else ""
        raise UserError(f"tile must be greater than twice the overlap of {overlap}{more}; got {tile}")
    last = -(-(size - tile) // alignment) * alignment
    found, kept = [], 0
    while kept < size:
        start = min(max(kept - overlap, 0) // alignment * alignment, last)
        stop = min(start + tile, size)
        keep_stop = size if stop == size else stop - overlap
        found.append(Window(start, stop, kept, keep_stop))
        kept = keep_stop
    return found


def smallest_tile(size: int, tile: int, overlap: int, alignment: int = 1) -> int:
    """The smallest tile that divides an axis into no more windows than `tile` does: what they share is computed twice.

    Raises:
        ValueError: the overlap leaves nothing of the tile.
    """
    count, shared = len(windows(size, tile, overlap, alignment)), 2 * overlap
    step = -(-(size + (count - 1) * shared) // count) - shared
    return min(-(-step // alignment) * alignment + shared, tile) if count > 1 else tile


def upscale_tiled(runtime: Runtime, image: np.ndarray, tile: int = TILE, overlap: int = OVERLAP,
                  progress: Callable[[int, int], None] | None = None,
                  dtype: np.typing.DTypeLike | None = None, target: Target | None = None) -> np.ndarray:
    """Upscales one image. Only a tile of it is in floating point at a time, or with a target a row of tiles.

    Args:
        runtime: what upscales a tile. Where it has a fixed tile of its own, that one is used.
        image: uint8, uint16 or float32 in 0..1, [H,W,C]: grey, grey and alpha, RGB or RGBA.
        tile: greatest side of the tiles in LR pixels, context included; 0: the whole image at once.
        overlap: context on each side, in LR pixels.
        progress: called with the number of tiles done and of all tiles.
        dtype: of the result; None: that of the image. Integers are rounded once and clipped, floating point is neither.
        target: the size to which the upscaled image is reduced, with its scale over the upscaled image; None: neither.

    Returns:
        [sH,sW,C], or of the target's size.

    Raises:
        ValueError: the image is not as said, or the overlap leaves nothing of the tile.
    """
    if image.dtype not in DTYPES or image.ndim != 3 or not 1 <= image.shape[2] <= 4 or not image.size:
        raise UserError("image must be uint8, uint16 or float32 [H,W,C] of 1 to 4 channels and not empty; "
                        f"got {image.dtype} {image.shape}")
    dtype = np.dtype(dtype or image.dtype)
    height, width = image.shape[:2]
    rows, columns = tile_windows(runtime, image.shape, tile, overlap)
    shape = height * runtime.scale, width * runtime.scale, image.shape[2]
    reducer = Reducer(shape, target, dtype) if target else None
    upscaled = None if reducer else np.empty(shape, dtype)
    places = [(row, column) for row in rows for column in columns]
    made = mapped(lambda place: _run(runtime, _seen(image, *place), np.dtype(np.float32) if reducer else dtype), places,
                  runtime.side_by_side)
    with contextlib.closing(made):
        for place, row in enumerate(rows):
            band = (upscaled[_kept(row, 0, runtime.scale)] if reducer is None else
                    np.empty(((row.keep_stop - row.keep_start) * runtime.scale, *shape[1:]), np.float32))
            for number, column in enumerate(columns, place * len(columns) + 1):
                part = next(made)
                band[:, _kept(column, 0, runtime.scale)] = (
                    part[_kept(row, row.start, runtime.scale), _kept(column, column.start, runtime.scale)])
                if progress:
                    progress(number, len(places))
            if reducer:
                reducer.add(band)
    return reducer.result if reducer else upscaled


def tile_windows(runtime: Runtime, shape: tuple[int, ...], tile: int, overlap: int
                 ) -> tuple[list[Window], list[Window]]:
    """The rows and columns of the tiles of an image [H,W,C]; the other arguments are those of `upscale_tiled`."""
    if runtime.receptive_radius is not None:
        reach = max(runtime.receptive_radius, REACH if shape[2] % 2 == 0 else 0)
        overlap = min(overlap, reach)  # more context changes nothing
    if runtime.fixed_tile:
        rows, columns = (windows(size, side, min(overlap, (side - runtime.alignment) // 2), runtime.alignment)
                         for size, side in zip(shape[:2], runtime.fixed_tile, strict=True))
    else:
        rows, columns = (windows(size, smallest_tile(size, tile, overlap, runtime.alignment), overlap,
                                 runtime.alignment) for size in shape[:2])
    return rows, columns


def _seen(image: np.ndarray, row: Window, column: Window) -> np.ndarray:
    return image[row.start : row.stop, column.start : column.stop]


def _kept(window: Window, origin: int, scale: int) -> slice:
    return slice((window.keep_start - origin) * scale, (window.keep_stop - origin) * scale)


def _run(runtime: Runtime, part: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """One tile, mirrored at its right and bottom edges where a runtime of fixed size asks for more than there is."""
    height, width = part.shape[:2]
    if runtime.fixed_tile and (height, width) != runtime.fixed_tile:
        more = [(0, side - size) for side, size in zip(runtime.fixed_tile, (height, width), strict=True)]
        part = np.pad(part, (*more, (0, 0)), mode="symmetric")
    return upscale_tile(runtime, part, dtype)[: height * runtime.scale, : width * runtime.scale]
