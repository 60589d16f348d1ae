"""A .tflite file is run by what it says of itself, whoever made it."""

import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.imaging import to_uint8
from srgan_tf.inference import Upscaler
from srgan_tf.runtimes import open_runtime


def twice(x):
    """Nearest-neighbour upscaling by 2."""
    return tf.repeat(tf.repeat(x, 2, 1), 2, 2)


def converted(function, shape, dtype=tf.float32, name="x") -> bytes:
    concrete = tf.function(function).get_concrete_function(tf.TensorSpec(shape, dtype, name))
    return tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module()).convert()


def quantized(span: tuple[float, float], dtype) -> bytes:
    """Upscales twice, in integers whose scale covers the real numbers of `span`."""
    module = tf.Module()
    module.run = tf.function(lambda x: tf.nn.depth_to_space(tf.concat([x] * 4, -1), 2), [tf.TensorSpec([1, 8, 8, 3])])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.run.get_concrete_function()], module)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([np.linspace(*span, 192, dtype="float32").reshape(1, 8, 8, 3)],)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = dtype
    return converter.convert()


@pytest.mark.parametrize("dtype", [tf.uint8, tf.int8], ids=["uint8", "int8"])
@pytest.mark.parametrize("span", [(0, 1), (0, 255), (-0.1, 1.2), (-20, 300)], ids=str)
def test_integers_are_read_by_their_scale(tmp_path, dtype, span, photo):
    (tmp_path / "foreign.tflite").write_bytes(quantized(span, dtype))
    image = photo[40:53, 60:81]
    upscaler = Upscaler(tmp_path / "foreign.tflite", overlap=1, trust_model=True)
    step = (span[1] - span[0]) / (255 if span[1] > 2 else 1)  # of a number, in grey levels
    assert upscaler.scale == 2
    assert np.abs(upscaler(image).astype(int) - np.asarray(twice(image[None]))[0]).max() <= (0 if step == 1 else 1)


@pytest.mark.parametrize(("dtype", "name", "shown"), [
    (tf.uint8, "x", 77), (tf.float32, "image_0_255", 77), (tf.float32, "image_0_1", 51), (tf.float32, "x", 51)])
def test_floats_are_read_by_their_name_and_bare_integers_as_levels(tmp_path, dtype, name, shown):
    """The model takes 26 grey levels from 0..1, and nothing from 0..255."""
    def darken(x):
        less = tf.cast(twice(x), tf.float32) - (26 / 255 if name in ("x", "image_0_1") and dtype != tf.uint8 else 0)
        return {name.replace("image", "upscaled"): tf.cast(less, dtype)}

    (tmp_path / "foreign.tflite").write_bytes(converted(darken, (1, 8, 8, 3), dtype, name))
    upscaled = Upscaler(tmp_path / "foreign.tflite", overlap=1, trust_model=True)(np.full((9, 9, 3), 77, np.uint8))
    np.testing.assert_array_equal(upscaled, shown)


@pytest.mark.parametrize("shape", [(2, 8, 8, 3), (1, 8, 8, 1), (1, None, 8, 3)])
def test_a_tflite_of_another_input(tmp_path, shape):
    path = tmp_path / "other.tflite"
    path.write_bytes(converted(twice, shape))
    with pytest.raises(ValueError, match=r"other.tflite must take one image \[1,H,W,3\]; it takes float32"):
        open_runtime(path)


def test_a_tflite_of_another_type(tmp_path):
    path = tmp_path / "other.tflite"
    path.write_bytes(converted(twice, (1, 8, 8, 3), tf.int32))
    with pytest.raises(ValueError, match=r"other.tflite must take float32, uint8 or int8 \[1,H,W,3\]; it takes int32"):
        open_runtime(path)


@pytest.mark.parametrize("function", [
    lambda x: tf.reduce_mean(x, (1, 2)), lambda x: x[:, ::2, ::2], lambda x: tf.concat([x, x], 1),
    lambda x: tf.repeat(x, 2, 3)], ids=["classifier", "reduction", "stretch", "channels"])
def test_a_tflite_that_does_not_upscale(tmp_path, function):
    path = tmp_path / "other.tflite"
    path.write_bytes(converted(function, (1, 8, 8, 3)))
    with pytest.raises(ValueError, match=r"other.tflite does not upscale images: it makes"):
        open_runtime(path)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (5, 12), (37, 41)])
def test_tiles_that_are_not_square(tmp_path, shape, photo):
    path = tmp_path / "wide.tflite"
    path.write_bytes(converted(lambda x: twice(tf.nn.avg_pool2d(x, 3, 1, "SAME")), (1, 8, 12, 3)))
    runtime = open_runtime(path, trust_model=True)
    assert runtime.fixed_tile == (8, 12)
    image = photo[: shape[0], : shape[1]]
    padded = np.pad(image, ((0, max(0, 8 - shape[0])), (0, max(0, 12 - shape[1])), (0, 0)), mode="symmetric")
    expected = to_uint8(twice(tf.nn.avg_pool2d(padded[None] / np.float32(255), 3, 1, "SAME"))[0].numpy())
    upscaled = Upscaler(path, overlap=2, trust_model=True)(image)
    assert np.abs(upscaled.astype(int) - expected[: 2 * shape[0], : 2 * shape[1]]).max() <= 1


def test_free_sizes_and_threads(tmp_path, photo, capfd):
    path = tmp_path / "free.tflite"
    path.write_bytes(converted(twice, (1, None, None, 3)))
    runtime = open_runtime(path, threads=1, trust_model=True)
    assert runtime.fixed_tile is None
    for height, width in ((1, 1), (30, 20), (7, 90), (30, 20)):
        image = photo[:height, :width]
        np.testing.assert_array_equal(runtime.run(image[None]), twice(image[None]))
    assert capfd.readouterr().err == ""
