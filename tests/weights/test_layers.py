import numpy as np

from srgan_tf.weights.layers import Conv, divide, undivide


def test_division_is_undone_but_where_two_numbers_share_a_quotient():
    numbers = np.random.default_rng(0).normal(0, 25, 200_000).astype(np.float32)
    back = undivide(divide(numbers, 255), 255)
    np.testing.assert_array_max_ulp(back, numbers, 1)
    np.testing.assert_array_equal(divide(back, 255), divide(numbers, 255))
    assert np.mean(back != numbers) < 1 / 256


def test_channels_move_as_pixel_shuffle_says():
    kernel = np.arange(8 * 4, dtype=np.float32).reshape(8, 4, 1, 1)  # out, in: before x2 shuffle, behind x2 unshuffle
    ours, bias = Conv(shuffle=2, unshuffle=2).to_keras(kernel, np.arange(8, dtype=np.float32))
    # PyTorch's outputs 0..3 are the four pixels of channel 0; TensorFlow's outputs 0, 1 the two channels of pixel 0.
    np.testing.assert_array_equal(bias, [0, 4, 1, 5, 2, 6, 3, 7])
    np.testing.assert_array_equal(ours[0, 0, :, 1], kernel[4, :, 0, 0])
    back, _ = Conv(shuffle=2, unshuffle=2).to_torch(ours, bias)
    np.testing.assert_array_equal(back, kernel)
