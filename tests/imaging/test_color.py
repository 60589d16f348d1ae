"""Colour against scikit-image, Pillow and exact arithmetic."""

import math
from fractions import Fraction

import numpy as np
import pytest
import skimage.color
from skimage import data

from srgan_tf.imaging import premultiply, rgb_to_y, to_levels, to_uint8, to_unit, unpremultiply
from srgan_tf.imaging.color import halve_depth


def test_rgb_to_y_equals_skimage():
    image = data.astronaut()
    y = rgb_to_y(image)
    assert y.dtype == np.float64
    assert y.shape == (512, 512)
    np.testing.assert_allclose(y, skimage.color.rgb2ycbcr(image)[..., 0], atol=1e-10)
    np.testing.assert_allclose(rgb_to_y(image.astype(np.float32)), y, atol=1e-12)


def test_rgb_to_y_of_the_primaries():
    corners = np.array([[[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    np.testing.assert_allclose(rgb_to_y(corners), [[16, 81.481, 144.553, 40.966, 235]], atol=1e-12)


def test_grey_is_y():
    camera = data.camera()
    np.testing.assert_array_equal(rgb_to_y(camera), camera)
    np.testing.assert_array_equal(rgb_to_y(camera[..., None]), camera)


@pytest.mark.parametrize("shape", [(4,), (4, 4, 2), (4, 4, 4), (1, 4, 4, 3)])
def test_rgb_to_y_of_other_shapes(shape):
    with pytest.raises(ValueError, match="got shape"):
        rgb_to_y(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_to_uint8_inverts_division(dtype):
    levels = np.arange(256, dtype=np.uint8)
    result = to_uint8((levels / 255).astype(dtype))
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, levels)


def test_to_uint8_rounds_half_up_and_clips():
    # 0.1 * 255 = 25.5 and 0.3 * 255 = 76.5: truncation gives 25 and 76, half to even 26 and 76.
    assert to_uint8(np.array([0.1, 0.3, 0.5])).tolist() == [26, 77, 128]
    assert to_uint8(np.array([-math.inf, -0.01, 0.0, 1.0, 1.01, math.inf])).tolist() == [0, 0, 0, 255, 255, 255]
    values = np.random.default_rng(0).uniform(-0.1, 1.1, 5_000)
    exact = [min(max(math.floor(Fraction(value) * 255 + Fraction(1, 2)), 0), 255) for value in values]
    assert to_uint8(values).tolist() == exact
    assert np.abs(to_uint8(values.astype(np.float32)).astype(int) - exact).sum() <= 2


def test_to_uint8_leaves_its_argument_alone():
    values = np.array([0.25, 2.0], np.float32)
    to_uint8(values)
    assert values.tolist() == [0.25, 2.0]


def test_to_uint8_refuses_nan_and_integers():
    with pytest.raises(ValueError, match="2 NaN among 4 values"):
        to_uint8(np.array([0.5, math.nan, math.nan, 1]))
    with pytest.raises(ValueError, match=r"floating point on 0\.\.1; got uint8"):
        to_uint8(np.zeros((2, 2, 3), np.uint8))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_levels_and_unit_are_inverse(dtype):
    levels = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
    unit = to_unit(levels)
    assert unit.dtype == np.float32
    assert (unit[0], unit[-1]) == (0, 1)
    np.testing.assert_array_equal(to_levels(unit, dtype), levels)
    assert to_unit(unit) is unit


def test_to_levels_of_16_bits_rounds_half_up():
    values = (np.arange(65535) + np.array([[0.49], [0.5]])) / 65535
    np.testing.assert_array_equal(to_levels(values, np.uint16), np.arange(65535) + np.array([[0], [1]]))


def test_to_unit_of_other_types():
    with pytest.raises(ValueError, match=r"uint8, uint16 or floating point in 0\.\.1; got int32"):
        to_unit(np.zeros(3, np.int32))


def test_halved_depth_is_rounded():
    every = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(halve_depth(every), np.floor(every / 257 + 0.5))
    np.testing.assert_array_equal(halve_depth(np.arange(256).astype(np.uint8)), np.arange(256))


def test_premultiplying_is_undone():
    random = np.random.default_rng(0)
    straight = random.random((9, 7, 4), np.float32)
    straight[0, :, 3], straight[1, :, 3] = 0, 1
    product = premultiply(straight)
    np.testing.assert_array_equal(product[1], straight[1, :, :3])
    restored = unpremultiply(product, straight[..., 3:])
    assert not restored[0].any()
    np.testing.assert_allclose(restored[1:], straight[1:], rtol=1e-6)
