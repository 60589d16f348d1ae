"""Tiles within a graph give the result of the whole image, for every size, batch, scale and type."""

import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.exporting.graph_tiling import Tiling, context, upscale_in_graph

RADIUS = 2


def blur_and_repeat(scale: int, seen: list | None = None):
    """A network of known reach: a zero-padded 5x5 sum with uneven weights, then each pixel `scale` times."""
    weights = (np.arange(25, dtype=np.float32) ** 2 / 4900).reshape(5, 5, 1, 1).repeat(3, axis=2)

    def network(images):
        if seen is not None:
            tf.py_function(lambda shape: seen.append(tuple(shape.numpy())), [tf.shape(images)], [])
        blurred = tf.nn.depthwise_conv2d(images, weights, [1] * 4, "SAME")
        return tf.repeat(tf.repeat(blurred, scale, 1), scale, 2)

    return network


def tiled(scale: int, dtype: tf.DType, tile: int, overlap: int = RADIUS, seen: list | None = None):
    network, tiling = blur_and_repeat(scale, seen), Tiling(scale, tile, overlap)
    return tf.function(lambda images: upscale_in_graph(network, images, tiling),
                       [tf.TensorSpec([None, None, None, 3], dtype)], autograph=False)


@pytest.mark.parametrize(("scale", "dtype"), [
    (4, tf.uint8), (1, tf.uint8), (2, tf.uint8), (3, tf.uint8), (8, tf.uint8), (4, tf.float32), (3, tf.float32)])
def test_tiles_equal_the_whole_image(photo, scale, dtype):
    whole, parts = tiled(scale, dtype, 10_000), tiled(scale, dtype, 16)
    for number, height, width in [(1, 1, 1), (1, 7, 5), (1, 16, 16), (1, 16, 17), (1, 17, 16), (2, 11, 11), (2, 12, 11),
                                  (1, 28, 28), (1, 29, 41), (3, 3, 90), (1, 100, 99), (5, 1, 1), (0, 4, 4)]:
        images = np.stack([photo[n : n + height, n : n + width] for n in range(number)] or [photo[:4, :4]])[:number]
        expected, found = (function(images.astype(dtype.as_numpy_dtype)).numpy() for function in (whole, parts))
        assert found.dtype == dtype.as_numpy_dtype
        assert found.shape == (number, height * scale, width * scale, 3)
        np.testing.assert_allclose(found.astype(float), expected.astype(float), rtol=0, atol=1e-3)
    assert expected.size == 0
    assert whole(photo[None, :90, :90].astype(dtype.as_numpy_dtype)).numpy().std() > 15


def test_the_whole_image_is_what_the_network_makes(photo):
    images = photo[None, 20:50, 30:71]
    levels = 255 * blur_and_repeat(4)(images.astype(np.float32) / 255).numpy()
    for tile in (16, 10_000):
        np.testing.assert_array_equal(tiled(4, tf.uint8, tile)(images), np.clip(np.floor(levels + 0.5), 0, 255))
        np.testing.assert_allclose(tiled(4, tf.float32, tile)(images.astype(np.float32)), levels, atol=1e-3)


def test_tiles_begin_where_cells_begin(photo):
    """A network that replaces each cell of 4x4 pixels by its corner: tiles that begin elsewhere are seen."""
    def corners(images):
        repeated = tf.repeat(tf.repeat(images[:, ::4, ::4], 4, 1), 4, 2)
        return repeated[:, : tf.shape(images)[1], : tf.shape(images)[2]]

    for height, width in ((40, 40), (77, 91), (41, 66), (43, 20), (255, 30)):
        images, found = photo[None, :height, :width], []
        for alignment in (4, 1):
            tiling = Tiling(1, 33, 3, alignment)
            found.append(upscale_in_graph(corners, tf.constant(images), tiling).numpy())
        np.testing.assert_array_equal(found[0], corners(images))
    assert (found[1] != found[0]).any()


def test_less_context_is_seen(photo):
    """The equality above is not one of a network that looks at nothing but its own pixel."""
    images = photo[None, :60, :60]
    whole, parts = tiled(4, tf.uint8, 10_000)(images), tiled(4, tf.uint8, 16, overlap=1)(images)
    assert np.abs(whole.numpy().astype(int) - parts).max() > 20


@pytest.mark.parametrize(("shape", "expected"), [
    ((3, 20, 6), {(3, 20, 6, 3): 1}),  # together no larger than a tile: at once
    ((1, 6, 60), {(1, 6, 60, 3): 1}),
    ((3, 20, 20), {(1, 20, 20, 3): 3}),  # each alone is no larger than a tile
    ((1, 21, 20), {(1, 13, 20, 3): 2}),  # two windows of 13 that share 2 x 2 pixels and one more
    ((2, 100, 90), {(1, 20, 19, 3): 72}),
])
def test_what_the_network_is_handed(photo, shape, expected):
    seen = []
    images = np.stack([photo[: shape[1], : shape[2]]] * shape[0])
    tiled(2, tf.uint8, 20, seen=seen)(images)
    assert {size: seen.count(size) for size in seen} == expected


def test_context_is_the_radius_or_an_eighth_of_the_tile():
    assert context(36, 384) == 36
    assert context(350, 384) == 48
    assert context(350, 2800) == 350
    assert context(5, 16) == 2
