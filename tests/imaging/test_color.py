"""Colour against scikit-image, Pillow and exact arithmetic."""

import math
from fractions import Fraction

import numpy as np
import pytest
import skimage.color
from PIL import Image
from skimage import data

from srgan_tf.imaging import premultiply, rgb_to_y, to_uint8, unpremultiply


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


@pytest.fixture
def every_pair() -> np.ndarray:
    """[256,256,4]: every colour value with every alpha."""
    colour, alpha = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    return np.stack([colour, 255 - colour, colour // 2, alpha], axis=2)


def test_premultiply_equals_pillow(every_pair):
    expected = np.asarray(Image.fromarray(every_pair).convert("RGBa"))
    np.testing.assert_array_equal(premultiply(every_pair), expected[..., :3])


def test_unpremultiply_rounds_half_up(every_pair):
    rgb, alpha = every_pair[..., :3], every_pair[..., 3:]
    result = unpremultiply(rgb, alpha)
    np.testing.assert_array_equal(result[..., 3:], alpha)
    assert not result[0].any()  # alpha 0
    for a in range(1, 256, 7):
        expected = [min(math.floor(Fraction(255 * int(c), a) + Fraction(1, 2)), 255) for c in rgb[a, :, 0]]
        assert result[a, :, 0].tolist() == expected


def test_premultiplying_is_undone(every_pair):
    restored = unpremultiply(premultiply(every_pair), every_pair[..., 3]).astype(int)
    np.testing.assert_array_equal(restored[255], every_pair[255])
    error = np.abs(restored - every_pair)[1:, :, :3].max(axis=(1, 2))
    alpha = np.arange(1, 256)
    assert (error <= np.ceil(127.5 / alpha)).all()  # half a level of the product is 127.5 / alpha of colour


@pytest.mark.parametrize("call", [
    lambda: premultiply(np.zeros((2, 2, 3), np.uint8)),
    lambda: premultiply(np.zeros((2, 2, 4), np.float32)),
    lambda: unpremultiply(np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2), np.uint8)),
    lambda: unpremultiply(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3), np.uint8)),
    lambda: unpremultiply(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.float32)),
])
def test_bad_alpha(call):
    with pytest.raises(ValueError, match="must be uint8"):
        call()
