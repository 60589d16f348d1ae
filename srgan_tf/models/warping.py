"""Images moved by a motion field: backward warping, as spatial transformers sample (arXiv 1506.02025, section 3.3)."""

from keras import KerasTensor, ops


def warp(images: KerasTensor, flow: KerasTensor) -> KerasTensor:
    """Fetches each pixel from where the flow says that it comes from, by bilinear interpolation.

    Outside the image its edge continues, so that no black comes in.

    Args:
        images: [B,H,W,C].
        flow: [B,H,W,2], in pixels: to the right, then down. The result at (x, y) is the image at (x + flow_x,
            y + flow_y).

    Returns:
        float32 [B,H,W,C].
    """
    batch, height, width, channels = ops.shape(images)
    images, flow = ops.cast(images, "float32"), ops.cast(flow, "float32")
    rows = ops.reshape(ops.cast(ops.arange(height), "float32"), (1, -1, 1))
    columns = ops.reshape(ops.cast(ops.arange(width), "float32"), (1, 1, -1))
    y, above, below = _between(rows + flow[..., 1], height)
    x, left, right = _between(columns + flow[..., 0], width)
    first = ops.reshape(ops.arange(batch) * height, (-1, 1, 1))
    pixels = ops.reshape(images, (-1, channels))  # [B,H,W,C] -> [BHW,C]

    def taken(row: KerasTensor, column: KerasTensor) -> KerasTensor:
        return ops.take(pixels, (first + row) * width + column, axis=0)

    upper = (1 - x) * taken(above, left) + x * taken(above, right)
    lower = (1 - x) * taken(below, left) + x * taken(below, right)
    return (1 - y) * upper + y * lower


def _between(place: KerasTensor, size: int) -> tuple[KerasTensor, ...]:
    """The share [B,H,W,1] of the second of the two pixels around a place on an axis, and both [B,H,W]."""
    last = ops.cast(size - 1, "float32")
    place = ops.minimum(ops.maximum(place, 0), last)
    before = ops.floor(place)
    after = ops.minimum(before + 1, last)
    return ops.expand_dims(place - before, -1), ops.cast(before, "int32"), ops.cast(after, "int32")
