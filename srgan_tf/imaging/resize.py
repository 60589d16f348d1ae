"""MATLAB's `imresize(..., 'bicubic')` in numpy: the reduction by which super-resolution makes its test images.

Arrays are HW or HWC with any number of channels, uint8 on 0..255 or floating point on any scale. The rule is that of
MATLAB's imresize.m: Keys's cubic kernel (a = -1/2), stretched by 1/scale when reducing (antialiasing), its weights
normalised for each output pixel; the axis with the smaller scale first, rows first when both are equal; uint8 rounded
after each axis. Pillow, OpenCV and tf.image.resize differ from it in one or more of these points.
"""

import math
from fractions import Fraction

import numpy as np

EDGES = ("symmetric", "replicate")

# Elements of one float64 working strip: 1 MiB, so that the sum over the taps stays within a core's cache.
_STRIP = 1 << 17
# Elements of the rows that a BandResizer resizes at a time.
_BAND = 1 << 21


def matlab_resize(
    image: np.ndarray,
    scale: float | Fraction | None = None,
    edge: str = "symmetric",
    *,
    output_size: tuple[int, int] | None = None,
) -> np.ndarray:
    """Resizes as MATLAB's `imresize(image, scale, 'bicubic')` does.

    Args:
        image: [H,W] or [H,W,C], uint8 or floating point.
        scale: output over input, as in MATLAB: 1/4 (or `Fraction(1, 4)`) reduces four times, 4 upscales. The output is
            ceil(scale * H) by ceil(scale * W).
        edge: what lies outside the image. "symmetric": its mirror image, edge pixel repeated (today's MATLAB);
            "replicate": the edge pixel for ever (the MATLAB that made Set5's, Set14's and BSD100's files).
        output_size: (rows, columns) instead of `scale`, as in MATLAB's `imresize(image, [rows columns])`.

    Returns:
        An array of the same type. uint8 is rounded half up and clipped after each axis; floating point is computed in
        float64 and neither rounded nor clipped.

    Raises:
        ValueError: a bad shape, type, scale, output size or edge.
    """
    image = np.asarray(image)
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"image must be a non-empty [H,W] or [H,W,C] array; got shape {image.shape}")
    if image.dtype != np.uint8 and not np.issubdtype(image.dtype, np.floating):
        raise ValueError(f"image must be uint8 or floating point; got {image.dtype}")
    if edge not in EDGES:
        raise ValueError(f"edge must be one of {', '.join(EDGES)}; got {edge!r}")
    sizes, scales = _target(image.shape[:2], scale, output_size)

    result = image if image.dtype == np.uint8 else image.astype(np.float64)
    for axis in sorted((0, 1), key=scales.__getitem__):
        lines = np.moveaxis(result, axis, 0)
        indices, weights = _contributions(lines.shape[0], sizes[axis], scales[axis], edge)
        result = np.moveaxis(_weighted_lines(lines, indices, weights), 0, axis)
    return np.ascontiguousarray(result, dtype=image.dtype)


class BandResizer:
    """`matlab_resize` of an image that comes from the top in bands of rows, of which only what is still needed is kept.

    Attributes:
        size: (rows, columns) of the result.
    """

    def __init__(self, shape: tuple[int, int], scale: float | Fraction | None = None, edge: str = "symmetric", *,
                 output_size: tuple[int, int] | None = None):
        """Takes the (rows, columns) of the whole image; the rest is as in `matlab_resize`, which raises the same."""
        self.size, scales = _target(shape, scale, output_size)
        self._rows, self._columns = (
            _contributions(length, size, one, edge) for length, size, one in zip(shape, self.size, scales, strict=True))
        # Of each row of the result, the last and the first input row that it or a later one needs.
        self._last = np.maximum.accumulate(self._rows[0].max(axis=1))
        self._first = np.minimum.accumulate(self._rows[0].min(axis=1)[::-1])[::-1]
        self._kept, self._start, self._done = None, 0, 0

    def add(self, band: np.ndarray) -> np.ndarray:
        """Takes the next rows, floating point [h,W,C], and gives those of the result that they complete, in its type.

        Rows are resized first, and then columns: as `matlab_resize` does, but where the columns' scale is the smaller
        one, where the last digits may differ.
        """
        self._kept = band if self._kept is None else np.concatenate([self._kept, band])
        end = self._start + len(self._kept)
        done = int(np.searchsorted(self._last, end))
        finished = np.empty((done - self._done, self.size[1], band.shape[2]), band.dtype)
        step = max(1, _BAND // band[0].size)
        for start in range(self._done, done, step):
            stop = min(start + step, done)
            finished[start - self._done : stop - self._done] = self._resized(start, stop)
        first = int(self._first[done]) if done < self.size[0] else end
        self._kept, self._start, self._done = self._kept[first - self._start :].copy(), first, done
        return finished

    def _resized(self, start: int, stop: int) -> np.ndarray:
        """Some rows of the result, float64."""
        indices, weights = (part[start:stop] for part in self._rows)
        first, last = indices.min(), indices.max()
        lines = self._kept[first - self._start : last + 1 - self._start].astype(np.float64)
        rows = _weighted_lines(lines, indices - first, weights)
        return np.moveaxis(_weighted_lines(np.moveaxis(rows, 1, 0), *self._columns), 0, 1)


def crop_to_multiple(image: np.ndarray, multiple: int) -> np.ndarray:
    """Cuts the bottom and the right of [H,W,...] to multiples of `multiple`, as MATLAB's `modcrop` scripts do."""
    height, width = image.shape[:2]
    if multiple < 1 or height < multiple or width < multiple:
        raise ValueError(f"cannot crop an image of {width} x {height} pixels to a multiple of {multiple}")
    return image[: height - height % multiple, : width - width % multiple]


def _target(
    shape: tuple[int, int], scale: float | Fraction | None, output_size: tuple[int, int] | None
) -> tuple[tuple[int, int], tuple[float, float]]:
    """Output size and scale, each as (rows, columns)."""
    if (scale is None) == (output_size is None):
        raise ValueError("give either scale or output_size")
    if scale is None:
        if len(output_size) != 2 or any(size != int(size) or size < 1 for size in output_size):
            raise ValueError(f"output_size must be two positive integers (rows, columns); got {output_size}")
        rows, columns = map(int, output_size)
        return (rows, columns), (rows / shape[0], columns / shape[1])
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"scale must be a positive number; got {scale}")
    rows, columns = (math.ceil(scale * size) for size in shape)
    return (rows, columns), (float(scale), float(scale))


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys's kernel, in the order of operations of imresize.m."""
    x = np.abs(x)
    square, cube = x**2, x**3
    return (1.5 * cube - 2.5 * square + 1) * (x <= 1) + (-0.5 * cube + 2.5 * square - 4 * x + 2) * ((x > 1) & (x <= 2))


def _contributions(length: int, output_length: int, scale: float, edge: str) -> tuple[np.ndarray, np.ndarray]:
    """imresize.m's `contributions`: which input lines make an output line, and with what weights.

    Returns:
        indices: [output_length, taps], int, from 0. weights: the same shape, float64; each row sums to one.
    """
    shrink = min(scale, 1.0)
    kernel_width = 4 / shrink
    # Centres and taps count from 1 here, as in MATLAB.
    centres = np.arange(1, output_length + 1) / scale + 0.5 * (1 - 1 / scale)
    first = np.floor(centres - kernel_width / 2)
    taps = first[:, None] + np.arange(math.ceil(kernel_width) + 2)  # [output_length, taps]
    weights = shrink * _cubic(shrink * (centres[:, None] - taps))
    weights /= weights.sum(axis=1, keepdims=True)

    indices = taps.astype(np.int64) - 1
    if edge == "replicate":
        indices = np.clip(indices, 0, length - 1)
    else:
        indices %= 2 * length
        indices = np.minimum(indices, 2 * length - 1 - indices)
    used = weights.any(axis=0)
    return indices[:, used], weights[:, used]


def _weighted_lines(lines: np.ndarray, indices: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sums weighted lines: [L,...] -> [output_length,...]; uint8 is rounded, float64 is not.

    The taps are added one after another in float64, and not by a matrix product, whose order of summation (and so the
    rounding of a tie, where the weights are no binary fractions) would depend on the machine.
    """
    lines = np.ascontiguousarray(lines)
    output = np.empty((len(indices), *lines.shape[1:]), lines.dtype)
    step = max(1, _STRIP // lines[0].size)
    for start in range(0, len(indices), step):
        strip = slice(start, start + step)
        total = 0.0
        for index, weight in zip(indices[strip].T, weights[strip].T, strict=True):
            total = total + lines[index] * weight.reshape(-1, *[1] * (lines.ndim - 1))
        if output.dtype == np.uint8:
            # For values clipped to 0..255, cutting off the decimals of x + 1/2 rounds half up.
            total = np.clip(total, 0, 255) + 0.5
        output[strip] = total
    return output
