"""Kernels rounded together lose less than numbers rounded one by one, and int8 holds them without an error."""

import numpy as np
import tensorflow as tf

from srgan_tf.exporting.kernel_rounding import round_kernels, rounded_kernel


def nearest(kernel: np.ndarray) -> np.ndarray:
    scales = np.abs(kernel).reshape(-1, kernel.shape[-1]).max(axis=0) / 127
    return np.round(kernel / scales) * scales


def test_the_output_changes_less_and_the_scale_stays():
    random = np.random.default_rng(0)
    patches = random.normal(size=(2000, 40)) @ random.normal(size=(40, 40)) + 3  # far from independent
    kernel = random.normal(size=(40, 6)).astype(np.float32)
    found = rounded_kernel(kernel, patches.T @ patches)
    steps = found / (np.abs(kernel).max(axis=0) / 127)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    np.testing.assert_allclose(np.abs(steps).max(axis=0), 127, rtol=1e-6)
    errors = [np.square(patches @ (kernel - rounded)).mean() for rounded in (found, nearest(kernel))]
    assert errors[0] < errors[1] / 2


def test_a_constant_map_and_a_channel_of_zeros():
    kernel = np.float32([[1, 0], [0.3, 0]])
    found = rounded_kernel(kernel, np.zeros((2, 2)))
    np.testing.assert_allclose(found, nearest(np.float32([[1, 1], [0.3, 1]])) * [1, 0], rtol=1e-6)


def test_every_convolution_of_a_graph_is_rounded(photo):
    random = np.random.default_rng(0)
    first, second = (random.normal(size=shape).astype(np.float32) for shape in ((3, 3, 3, 8), (1, 1, 8, 3)))

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.uint8, "image")])
    def network(image):
        x = tf.nn.relu(tf.nn.conv2d(tf.cast(image, tf.float32), first, 1, "SAME"))
        return tf.nn.conv2d(x, second, 1, "SAME")

    graph_def = network.get_concrete_function().graph.as_graph_def()
    image = photo[None, :48, :48]
    kernels = []
    round_kernels(graph_def, [image, image[:, ::-1]])
    for node in graph_def.node:
        value = tf.make_ndarray(node.attr["value"].tensor) if node.op == "Const" else np.zeros(0)
        if value.ndim == 4:
            kernels.append(value)
    assert [kernel.shape for kernel in kernels] == [first.shape, second.shape]
    for kernel, source in zip(kernels, (first, second), strict=True):
        steps = kernel / (np.abs(source).reshape(-1, source.shape[-1]).max(axis=0) / 127)
        np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)

    def error(first_kernel):
        return np.square(tf.nn.conv2d(image.astype(np.float32), first_kernel - first, 1, "SAME")).mean()

    assert error(kernels[0]) < error(nearest(first)) / 2
