"""The operations that the architectures share, against TensorFlow's, NumPy's and MATLAB's."""

import contracts
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from srgan_tf.imaging import matlab_resize
from srgan_tf.models.blocks import (
    bicubic_upsample,
    bilinear_upsample,
    mirror_to_multiple,
    nearest_upsample,
    pixel_shuffle,
    pixel_unshuffle,
)


def test_pixel_shuffle_is_depth_to_space():
    for factor in (2, 3):
        values = np.random.default_rng(0).random((2, 4, 5, 3 * factor**2), "float32")
        np.testing.assert_array_equal(pixel_shuffle(values, factor), tf.nn.depth_to_space(values, factor))


def test_pixel_unshuffle_is_space_to_depth():
    values = np.random.default_rng(0).random((2, 8, 12, 3), "float32")
    for factor in (2, 4):
        unshuffled = pixel_unshuffle(values, factor)
        np.testing.assert_array_equal(unshuffled, tf.nn.space_to_depth(values, factor))
        np.testing.assert_array_equal(pixel_shuffle(unshuffled, factor), values)


@pytest.mark.parametrize("shape", [(8, 12), (5, 7), (1, 2), (1, 1)])
def test_mirror_to_multiple(shape):
    values = contracts.images(*shape)
    more = [-side % 4 for side in shape]
    expected = np.pad(values, ((0, 0), (0, more[0]), (0, more[1]), (0, 0)), mode="symmetric")
    np.testing.assert_array_equal(mirror_to_multiple(ops.convert_to_tensor(values), 4), expected)


def test_nearest_upsample_repeats():
    values = contracts.images(3, 4)
    np.testing.assert_array_equal(nearest_upsample(values, 3), values.repeat(3, 1).repeat(3, 2))


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 8])
def test_bicubic_upsample_is_matlabs(factor):
    for size in ((7, 5), (1, 2), (1, 1)):
        values = contracts.images(*size, 1)
        expected = matlab_resize(values[0], factor, edge="replicate")
        np.testing.assert_allclose(bicubic_upsample(ops.convert_to_tensor(values), factor)[0], expected, atol=1e-6)


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_bilinear_upsample_is_half_pixel(factor):
    values = contracts.images(5, 4)
    expected = ops.image.resize(values, (5 * factor, 4 * factor), interpolation="bilinear")
    np.testing.assert_allclose(bilinear_upsample(ops.convert_to_tensor(values), factor), expected, atol=1e-6)
