"""Colours against the formulas of ITU-R BT.601, BT.709 and BT.2020, written out here a second time."""

from fractions import Fraction

import numpy as np
import pytest

from srgan_tf.errors import UserError
from srgan_tf.video.yuv import MATRICES, Colour, FrameMaker, FrameReader, colour_of

av = pytest.importorskip("av")  # it needs Python 3.11

BASE = Fraction(1, 25)
MIDDLE = (slice(16, None, 32), slice(16, None, 32))


def codes_of(rgb: np.ndarray, matrix: int, full: bool, depth: int) -> np.ndarray:
    """Y'CbCr in codes, not rounded."""
    red, blue = MATRICES[matrix]
    r, g, b = np.moveaxis(rgb, -1, 0)
    y = red * r + (1 - red - blue) * g + blue * b
    cb, cr = (b - y) / (2 - 2 * blue), (r - y) / (2 - 2 * red)
    most, step = 2**depth - 1, 2 ** (depth - 8)
    if full:
        return np.stack([y * most, cb * most + 128 * step, cr * most + 128 * step], axis=-1)
    return np.stack([(16 + 219 * y) * step, (128 + 224 * cb) * step, (128 + 224 * cr) * step], axis=-1)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", sorted(MATRICES))
@pytest.mark.parametrize(("depth", "pixel_format"), [(8, "yuv420p"), (8, "yuv444p"), (10, "yuv420p10le"),
                                                     (10, "yuv422p10le")])
def test_both_ways(matrix, full, depth, pixel_format):
    dtype, white = (np.uint8, 255) if depth == 8 else (np.uint16, 65535)
    chart = np.random.default_rng(matrix).integers(0, white + 1, (4, 4, 3)).repeat(32, 0).repeat(32, 1).astype(dtype)
    colour = Colour(matrix, 1, 1, full)
    frame = FrameMaker(pixel_format, colour)(chart, 3, BASE)
    wanted = codes_of(chart[MIDDLE] / white, matrix, full, depth)
    for number, plane in enumerate(frame.planes):
        codes = np.frombuffer(plane, dtype).reshape(plane.height, -1)[:, : plane.width]
        across, down = 128 // plane.width, 128 // plane.height
        found = codes[16 // down :: 32 // down, 16 // across :: 32 // across]
        assert np.abs(found - wanted[..., number]).max() <= (1.1 if depth == 8 else 0.6)
    read = FrameReader(128, 128, colour, depth == 10, "h264")(frame)
    assert read.dtype == dtype
    # Of 8 bits the codes' own steps; of 10 bits less than half a level of 255.
    assert np.abs(read[MIDDLE].astype(float) - chart[MIDDLE]).max() <= (2 if depth == 8 else 0.45 * 257)
    assert (frame.pts, frame.time_base, frame.color_range) == (3, BASE, 2 if full else 1)


def test_chroma_lies_left():
    """Its sample 8 lies on luma 16: where colour changes between 15 and 16, it has the right side's share, not half."""
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, 16:] = 0, 0, 255
    for pixel_format, dtype in (("yuv420p", np.uint8), ("yuv420p10le", np.uint16)):
        pixels = image if dtype == np.uint8 else image.astype(np.uint16) * 257
        plane = FrameMaker(pixel_format, Colour(1, 1, 1, False))(pixels, 0, BASE).planes[1]
        row = np.frombuffer(plane, dtype).reshape(16, -1)[8, :16].astype(float)
        before, on = (row[7] - row[0]) / (row[15] - row[0]), (row[8] - row[0]) / (row[15] - row[0])
        assert abs(before) < 0.1, row
        assert 0.6 < on < 0.9, row


@pytest.mark.parametrize(("size", "matrix", "primaries"), [
    ((320, 180), 6, 1), ((720, 480), 6, 6), ((720, 576), 5, 5), ((1280, 720), 1, 1), ((1920, 1080), 1, 1)])
def test_what_is_not_said_is_guessed_by_size(size, matrix, primaries):
    assert colour_of(2, 2, 2, 0, *size, rgb=False) == (matrix, primaries, 1, False)
    assert colour_of(9, 9, 16, 2, *size, rgb=False) == (9, 9, 16, True)
    assert colour_of(0, 2, 2, 2, *size, rgb=True).matrix == 1


def test_other_matrices_are_refused_by_name():
    with pytest.raises(UserError, match="ICtCp"):
        colour_of(14, 9, 16, 0, 1920, 1080, rgb=False)


def test_deep_rgb():
    codes = np.arange(1024, dtype=np.uint16).reshape(32, 32, 1).repeat(3, axis=2)
    frame = av.VideoFrame.from_ndarray(codes, format="gbrp10le")
    read = FrameReader(32, 32, Colour(1, 1, 1, False), True, "ffv1")(frame)
    np.testing.assert_allclose(read / 65535, codes / 1023, atol=1e-3)
