"""Upscaling images by overlapping tiles inside the graph, so that memory is bounded by the tile and the output.

The rules are those of inference/tiling.py. What differs: images of one request that together are no larger than one
tile are upscaled at once; the others one by one, by tiles that are all made as small as their number allows.
"""

from typing import NamedTuple

import tensorflow as tf

from srgan_tf.exporting.freezing import Network

# A uint8 output is written as wider numbers of so many bytes, which are copied and never computed with.
_PACKED = {4: tf.float32, 2: tf.float16, 1: tf.uint8}


class Tiling(NamedTuple):
    """How large images are divided.

    Attributes:
        scale: of the network.
        tile: side in LR pixels, context included.
        overlap: context on each side in LR pixels, less than half of the tile.
        alignment: LR pixels at whose multiples tiles must begin.
    """

    scale: int
    tile: int
    overlap: int
    alignment: int = 1


def context(receptive_radius: int, tile: int) -> int:
    """The overlap: the network's receptive radius, with which tiles equal the whole image, or an eighth of the tile.

    The bound is for very deep networks (350 pixels for RRDB with 23 blocks): what they see so far away hardly counts,
    and tiles that cover it would be mostly context. At an eighth, tiles cost at most 1.8 times the image.
    """
    return min(receptive_radius, tile // 8)


def upscale_in_graph(network: Network, images: tf.Tensor, tiling: Tiling) -> tf.Tensor:
    """Upscales images of any size, within a graph.

    Args:
        network: float32 [n,h,w,3] in 0..1 -> float32 [n,sh,sw,3]; called at one place in the graph.
        images: uint8 or float32 [N,H,W,3] on 0..255, H and W at least 1.
        tiling: see there.

    Returns:
        [N,sH,sW,3] of the same type: uint8 rounded half up and clipped, float32 as it comes.
    """
    scale = tiling.scale
    number, height, width = tf.unstack(tf.shape(images)[:3])
    at_once = tf.cast(number, tf.int64) * tf.cast(height, tf.int64) * tf.cast(width, tf.int64) <= tiling.tile**2
    rows, columns = (_windows(size, at_once, tiling) for size in (height, width))
    batch, groups = tf.where(at_once, number, 1), tf.where(at_once, tf.minimum(number, 1), number)

    carrier = _carrier(images.dtype, scale)

    def upscale_tile(index: tf.Tensor, output: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        row, column = _window(index // columns.count % rows.count, rows), _window(index % columns.count, columns)
        image = index // (rows.count * columns.count)
        tile = tf.slice(images, tf.stack([image, row.start, column.start, 0]),
                        tf.stack([batch, row.side, column.side, 3]))
        upscaled = network(tf.cast(tile, tf.float32) / 255)
        kept = 255 * upscaled[:, row.trim * scale : (row.trim + row.kept) * scale,
                              column.trim * scale : (column.trim + column.kept) * scale]
        if images.dtype == tf.uint8:
            kept = to_levels(kept)
        lines = _pack(kept, batch * row.kept * scale, column.kept, carrier)
        corner = tf.stack([(image * height + row.start + row.trim) * scale,
                           (column.start + column.trim) * carrier.numbers])
        # In place, as nothing else holds the output.
        return index + 1, tf.raw_ops.TensorStridedSliceUpdate(
            input=output, begin=corner, end=corner + tf.shape(lines), strides=[1, 1], value=lines)

    output = tf.zeros(tf.stack([number * height * scale, width * carrier.numbers]), carrier.dtype)
    count = groups * rows.count * columns.count
    _, output = tf.while_loop(lambda index, _: index < count, upscale_tile, (0, output), parallel_iterations=1)
    return _unpack(output, tf.stack([number, height * scale, width * scale, 3]), carrier)


def to_levels(images: tf.Tensor) -> tf.Tensor:
    """float32 on 0..255 -> uint8, rounded half up and clipped."""
    return tf.cast(tf.clip_by_value(tf.floor(images + 0.5), 0, 255), tf.uint8)


class _Axis(NamedTuple):
    """How many windows an axis has, the length of each and from one start to the next."""

    size: tf.Tensor
    count: tf.Tensor
    side: tf.Tensor
    step: tf.Tensor
    overlap: int
    alignment: int


class _Window(NamedTuple):
    """Where a window starts, its length, how much of it is context before what is kept, and how much is kept."""

    start: tf.Tensor
    side: tf.Tensor
    trim: tf.Tensor
    kept: tf.Tensor


def _windows(size: tf.Tensor, at_once: tf.Tensor, tiling: Tiling) -> _Axis:
    """Divides an axis into windows of one length, at most the tile's."""
    tile, both = tiling.tile, 2 * tiling.overlap
    whole = tf.logical_or(at_once, size <= tile)
    longest = (tile - both) // tiling.alignment * tiling.alignment
    count = tf.where(whole, 1, -(-(size - both) // longest))
    step = _aligned(-(-(size + (count - 1) * both) // count) - both, tiling.alignment)
    return _Axis(size, count, step + both, step, tiling.overlap, tiling.alignment)


def _window(index: tf.Tensor, axis: _Axis) -> _Window:
    """The window of a number; the last ones are moved back so that they end where the image ends.

    Where that is no multiple of the alignment they are shorter, by less than it.
    """
    start = tf.minimum(index * axis.step, _aligned(axis.size - axis.side, axis.alignment))
    side = tf.minimum(axis.side, axis.size - start)
    first = tf.where(index == 0, 0, index * axis.step + axis.overlap)
    end = tf.where(index == axis.count - 1, axis.size, (index + 1) * axis.step + axis.overlap)
    first, end = tf.minimum(first, axis.size), tf.minimum(end, axis.size)
    return _Window(start, side, first - start, end - first)


def _aligned(length: tf.Tensor, alignment: int) -> tf.Tensor:
    """The next multiple that is not less."""
    return -(-length // alignment) * alignment


class _Carrier(NamedTuple):
    """The type that an output is written in: `packed` values in a number, `numbers` in an LR pixel's width."""

    dtype: tf.DType
    packed: int
    numbers: int


def _carrier(dtype: tf.DType, scale: int) -> _Carrier:
    """The widest type that divides the 3 x scale values of an LR pixel's width: copying goes by numbers, not bytes."""
    if dtype != tf.uint8:
        return _Carrier(dtype, 1, 3 * scale)
    packed = next(size for size in _PACKED if 3 * scale % size == 0)
    return _Carrier(_PACKED[packed], packed, 3 * scale // packed)


def _pack(pixels: tf.Tensor, lines: tf.Tensor, width: tf.Tensor, carrier: _Carrier) -> tf.Tensor:
    """[n,sh,sw,3] -> [n sh, numbers]: the same bytes, a line a row."""
    if carrier.packed == 1:
        return tf.reshape(pixels, tf.stack([lines, width * carrier.numbers]))
    return tf.bitcast(tf.reshape(pixels, tf.stack([lines, width * carrier.numbers, carrier.packed])), carrier.dtype)


def _unpack(output: tf.Tensor, shape: tf.Tensor, carrier: _Carrier) -> tf.Tensor:
    """[N sH, numbers] -> [N,sH,sW,3]: the same bytes."""
    output = output if carrier.packed == 1 else tf.bitcast(output, tf.uint8)
    return tf.reshape(output, shape)
