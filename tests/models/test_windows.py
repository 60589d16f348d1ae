"""Windows, their padding, and how many features lie within a feed-forward network."""

import contracts
import numpy as np

from srgan_tf.models.transformer import hidden_features
from srgan_tf.models.windows import merge, partition, reflect_to_multiple, roll


def test_windows_hold_neighbours_and_come_back():
    x = contracts.images(4, 6)
    windows = np.asarray(partition(x, 2, 3))
    np.testing.assert_array_equal(windows[1].reshape(2, 3, 3), x[0, :2, 3:])
    np.testing.assert_array_equal(windows[6].reshape(2, 3, 3), x[1, 2:, :3])
    np.testing.assert_array_equal(merge(windows, 2, 3, x.shape), x)


def test_images_are_rolled_both_ways():
    x = contracts.images(5, 4)
    np.testing.assert_array_equal(roll(x, 2, 1), np.roll(x, (-2, -1), (1, 2)))
    np.testing.assert_array_equal(roll(x, -2, -1), np.roll(x, (2, 1), (1, 2)))


def test_reflection_leaves_the_edge_single_and_fills_any_size():
    x = contracts.images(5, 7, 1)
    np.testing.assert_array_equal(reflect_to_multiple(x, 8), np.pad(x, ((0, 0), (0, 3), (0, 1), (0, 0)), "reflect"))
    pixel = x[:, :1, :2]
    np.testing.assert_array_equal(reflect_to_multiple(pixel, 4)[0, 3], pixel[0, 0, [0, 1, 0, 1]])


def test_a_ratio_that_was_read_from_shapes_gives_them_back():
    assert [features for features in range(1, 300) if hidden_features(features, 7 / features, "mlp_ratio") != 7] == []
    assert hidden_features(180, 2.66, "mlp_ratio") == 478
