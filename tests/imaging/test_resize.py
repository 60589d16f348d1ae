"""matlab_resize against MATLAB's documented formula in exact rational arithmetic.

tools/check_matlab_resize.py holds it against images that MATLAB itself reduced.
"""

import hashlib
import math
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from skimage import data

from srgan_tf.imaging import crop_to_multiple, matlab_resize
from srgan_tf.imaging.resize import BandResizer


def keys_cubic(x: Fraction) -> Fraction:
    x = abs(x)
    if x <= 1:
        return Fraction(3, 2) * x**3 - Fraction(5, 2) * x**2 + 1
    if x <= 2:
        return Fraction(-1, 2) * x**3 + Fraction(5, 2) * x**2 - 4 * x + 2
    return Fraction(0)


def exact_matrix(length: int, scale: Fraction, edge: str) -> np.ndarray:
    """The whole resize of one axis as a matrix of Fractions, [output, input]."""
    output_length = math.ceil(scale * length)
    shrink = min(scale, Fraction(1))
    reach = math.ceil(2 / shrink) + 1
    matrix = np.full((output_length, length), Fraction(0))
    for row in range(output_length):
        centre = (row + Fraction(1, 2)) / scale - Fraction(1, 2)
        for position in range(math.floor(centre) - reach, math.ceil(centre) + reach + 1):
            source = min(max(position, 0), length - 1)
            if edge == "symmetric":
                line = [*range(length), *reversed(range(length))]
                source = line[position % len(line)]
            matrix[row, source] += shrink * keys_cubic(shrink * (centre - position))
    return matrix / matrix.sum(axis=1, keepdims=True)


def exact_lines(pixels: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The first axis of uint8 resized, without any floating point: Fractions, not yet rounded."""
    return np.tensordot(matrix, pixels.astype(object), axes=1)


def rounded(values: np.ndarray) -> np.ndarray:
    """Fractions to uint8: half up, clipped."""
    half_up = np.vectorize(lambda value: min(max(math.floor(value + Fraction(1, 2)), 0), 255))
    return half_up(values).astype(np.uint8)


def exact_uint8(image: np.ndarray, matrices: list[np.ndarray], order: tuple[int, int] = (0, 1)) -> np.ndarray:
    """Both axes, rounded after each."""
    for axis in order:
        image = np.moveaxis(rounded(exact_lines(np.moveaxis(image, axis, 0), matrices[axis])), 0, axis)
    return image


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return data.astronaut()


@pytest.mark.parametrize("edge", ["symmetric", "replicate"])
@pytest.mark.parametrize("scale", ["1/8", "1/4", "1/2", "1", "2", "4"])
def test_uint8_equals_exact_arithmetic(astronaut, scale, edge):
    """At these scales every weight is a binary fraction: float64 makes no error, and ties are real ties."""
    scale = Fraction(scale)
    image = astronaut[100:121, 180:197]  # odd sizes, around an eye
    if scale > 1:
        image = image[:9, :7]  # Fractions are slow
    expected = exact_uint8(image, [exact_matrix(length, scale, edge) for length in image.shape[:2]])
    np.testing.assert_array_equal(matlab_resize(image, scale, edge), expected)
    np.testing.assert_array_equal(matlab_resize(image, float(scale), edge), expected)


@pytest.mark.parametrize("edge", ["symmetric", "replicate"])
@pytest.mark.parametrize("scale", ["1/3", "2/3", "4/3", "3", "2/7"])
def test_uint8_at_other_scales_differs_at_most_at_exact_ties(astronaut, scale, edge):
    """There float64 rounds the weights, in MATLAB as here, and a tie may go either way."""
    scale = Fraction(scale)
    image = astronaut[100:121, 180:201]
    values = exact_lines(image, exact_matrix(21, scale, edge))
    result = matlab_resize(image, edge=edge, output_size=(len(values), 21))
    differs = result != rounded(values)
    assert differs.mean() < 0.01
    assert all(value % 1 == Fraction(1, 2) for value in values[differs])


@pytest.mark.parametrize("edge", ["symmetric", "replicate"])
@pytest.mark.parametrize("scale", ["1/8", "1/3", "4"])
def test_float_equals_exact_arithmetic(astronaut, scale, edge):
    image = astronaut[:19, :23].astype(np.float64) / 255
    scale = Fraction(scale)
    rows, columns = (exact_matrix(length, scale, edge).astype(np.float64) for length in (19, 23))
    expected = np.einsum("ij,jkc,lk->ilc", rows, image, columns)
    result = matlab_resize(image, scale, edge)
    np.testing.assert_allclose(result, expected, atol=1e-14)
    single = matlab_resize(image.astype(np.float32), scale, edge)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, atol=1e-7)


def test_weights_of_a_quarter_by_hand():
    """Keys's kernel at 1/8, 3/8, ... 15/8 on either side, in 4096ths: its sum, 4, times 1024."""
    half = [987, 745, 399, 93, -49, -75, -45, -7]
    response = matlab_resize(np.eye(64) * 4096, output_size=(16, 64))
    np.testing.assert_array_equal(response[7, 22:38], [*reversed(half), *half])
    assert not response[7, :22].any()
    assert not response[7, 38:].any()


@pytest.mark.parametrize(("output_size", "order"), [((12, 6), (1, 0)), ((6, 12), (0, 1)), ((12, 12), (0, 1))])
def test_uint8_is_rounded_after_each_axis_smaller_scale_first(astronaut, output_size, order):
    image = astronaut[100:124, 180:204]
    matrices = [exact_matrix(24, Fraction(size, 24), "symmetric") for size in output_size]
    expected = exact_uint8(image, matrices, order)
    assert (expected != exact_uint8(image, matrices, order[::-1])).any()  # or this would show nothing
    np.testing.assert_array_equal(matlab_resize(image, output_size=output_size), expected)


@pytest.mark.parametrize(("scale", "edge", "digest"), [
    (Fraction(1, 4), "replicate", "3ee0a4f58f860565"),
    (Fraction(1, 4), "symmetric", "3a65977a52ff4c80"),
    (Fraction(1, 3), "symmetric", "2324315116a33b1c"),
    (4, "symmetric", "938bb1b2bde02160"),
])
def test_whole_photograph_is_the_same_everywhere(astronaut, scale, edge, digest):
    """Digests of what this code made when it equalled all of MATLAB's images of Set5, Set14 and BSD100."""
    image = crop_to_multiple(astronaut[:, :300], 12)
    assert hashlib.sha256(matlab_resize(image, scale, edge).tobytes()).hexdigest()[:16] == digest


def test_edges_differ_only_in_the_outer_two_pixels(astronaut):
    symmetric, replicate = (matlab_resize(astronaut, 1 / 4, edge) for edge in ("symmetric", "replicate"))
    assert (symmetric != replicate).any()
    np.testing.assert_array_equal(symmetric[2:-2, 2:-2], replicate[2:-2, 2:-2])


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (2, 7, 1), (5, 3, 4), (3, 40, 2), (1, 30_000, 3)])
@pytest.mark.parametrize("scale", [1 / 4, 1 / 3, 2, 0.013])
def test_any_shape_and_constant_images_stay_constant(shape, scale):
    for value in (0, 77, 255):
        result = matlab_resize(np.full(shape, value, np.uint8), scale)
        assert result.shape == (math.ceil(shape[0] * scale), math.ceil(shape[1] * scale), *shape[2:])
        assert result.dtype == np.uint8
        assert (result == value).all()


def test_channels_are_independent(astronaut):
    together = matlab_resize(astronaut[:50, :60], 1 / 3)
    for channel in range(3):
        np.testing.assert_array_equal(matlab_resize(astronaut[:50, :60, channel], 1 / 3), together[..., channel])


def test_layout_of_the_input_does_not_matter(astronaut):
    flipped = astronaut[::-2, ::-1].swapaxes(0, 1)
    before = flipped.copy()
    result = matlab_resize(flipped, 1 / 2)
    np.testing.assert_array_equal(result, matlab_resize(np.ascontiguousarray(flipped), 1 / 2))
    np.testing.assert_array_equal(flipped, before)
    assert result.flags.c_contiguous


def test_memory_is_bounded_by_strips():
    image = np.zeros((1356, 2040, 3), np.uint8)
    tracemalloc.start()
    try:
        matlab_resize(image, 1 / 4)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * image.nbytes  # as float64 the image alone would take eight times


@pytest.mark.parametrize(("arguments", "words"), [
    ({"scale": 0}, "scale must be a positive number; got 0"),
    ({"scale": -1}, "scale must be a positive number"),
    ({"scale": math.nan}, "scale must be a positive number"),
    ({"scale": math.inf}, "scale must be a positive number"),
    ({}, "either scale or output_size"),
    ({"scale": 2, "output_size": (4, 4)}, "either scale or output_size"),
    ({"output_size": (0, 4)}, "two positive integers"),
    ({"output_size": (2.5, 4)}, "two positive integers"),
    ({"scale": 2, "edge": "mirror"}, "edge must be one of symmetric, replicate; got 'mirror'"),
])
def test_bad_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        matlab_resize(np.zeros((8, 8, 3), np.uint8), **arguments)


@pytest.mark.parametrize(("image", "words"), [
    (np.zeros((0, 8, 3), np.uint8), "non-empty"),
    (np.zeros((1, 8, 8, 3), np.uint8), "shape"),
    (np.zeros(8, np.uint8), "shape"),
    (np.zeros((8, 8), np.int32), "uint8 or floating point; got int32"),
])
def test_bad_images(image, words):
    with pytest.raises(ValueError, match=words):
        matlab_resize(image, 2)


def test_crop_to_multiple(astronaut):
    np.testing.assert_array_equal(crop_to_multiple(astronaut[:50, :63], 4), astronaut[:48, :60])
    assert crop_to_multiple(astronaut[:48, :60], 4).shape == (48, 60, 3)
    with pytest.raises(ValueError, match="3 x 50 pixels to a multiple of 4"):
        crop_to_multiple(astronaut[:50, :3], 4)


@pytest.mark.parametrize("height", [1, 3, 16, 200])
@pytest.mark.parametrize("size", [{"scale": Fraction(1, 2)}, {"scale": Fraction(3, 8)}, {"scale": 0.75}, {"scale": 2},
                                  {"scale": Fraction(1, 40)}, {"output_size": (13, 50)}, {"output_size": (50, 1)}])
def test_bands_give_what_the_whole_image_gives(size, height):
    for shape in ((40, 37, 3), (7, 5, 1), (1, 1, 2)):
        image = np.random.default_rng(1).random(shape)
        resizer = BandResizer(shape[:2], **size)
        found = np.concatenate([resizer.add(image[start : start + height]) for start in range(0, len(image), height)])
        np.testing.assert_allclose(found, matlab_resize(image, **size), atol=1e-12, rtol=0)
