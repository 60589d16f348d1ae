"""Self-ensemble against the mean made by hand, for every kind of model file, and the float path that it stands on."""

import keras
import numpy as np
import pytest

from srgan_tf.config import ExportConfig
from srgan_tf.hub import load_model
from srgan_tf.imaging import matlab_resize, read_image, write_image
from srgan_tf.inference import Upscaler
from srgan_tf.inference.ensemble import self_ensemble
from srgan_tf.runtimes import Runtime, open_runtime

TURNS = [(turns, flip) for turns in range(4) for flip in (1, -1)]


@pytest.fixture(scope="module")
def lr(photo) -> np.ndarray:
    return np.ascontiguousarray(photo[100:124, 90:121])


@pytest.fixture(scope="module")
def expected(model_file, lr) -> np.ndarray:
    """Each symmetry by the model itself, in float, the mean rounded once."""
    model = load_model(model_file)
    made = []
    for turns, flip in TURNS:
        turned = np.rot90(lr[:, ::flip], turns).astype(np.float32)[None] / 255
        made.append(np.rot90(keras.ops.convert_to_numpy(model(turned))[0], -turns)[:, ::flip])
    return np.clip(np.floor(np.mean(made, axis=0) * 255 + 0.5), 0, 255).astype(np.uint8)


def test_a_keras_file(model_file, lr, expected):
    made = Upscaler(model_file, self_ensemble=True)(lr)
    assert np.abs(made.astype(int) - expected).max() <= 1
    assert (made != expected).mean() < 1e-3  # rounding of ties
    assert (made != Upscaler(model_file)(lr)).mean() > 0.01
    tiled = Upscaler(model_file, tile=20, overlap=9, self_ensemble=True)(lr)
    assert (made != tiled).mean() < 1e-3


def test_it_does_not_see_how_an_image_lies(model_file, lr):
    upscaler = Upscaler(model_file, self_ensemble=True)
    made = upscaler(lr)
    for turns, flip in TURNS:
        turned = np.rot90(upscaler(np.ascontiguousarray(np.rot90(lr[:, ::flip], turns))), -turns)[:, ::flip]
        assert (made != turned).mean() < 1e-3


def test_a_saved_model(model_file, lr, expected, tmp_path):
    from srgan_tf.exporting.saved_model import export_saved_model

    config = ExportConfig(model=str(model_file), output=str(tmp_path))
    export_saved_model(load_model(model_file), tmp_path, "small", config)
    runtime = open_runtime(tmp_path)
    rounded, exact = runtime.run(lr[None]), runtime.run_float(lr[None])
    assert np.abs(255 * exact - rounded).max() <= 0.501
    made = Upscaler(tmp_path, self_ensemble=True)(lr)
    assert np.abs(made.astype(int) - expected).max() <= 1
    assert (made != expected).mean() < 1e-2


def test_bicubic_is_symmetric_itself(lr):
    exact = matlab_resize(lr.astype(np.float64), 4)  # on uint8 it rounds after each axis
    made = Upscaler("bicubic", self_ensemble=True)(lr)
    np.testing.assert_array_equal(made, np.clip(np.floor(exact + 0.5), 0, 255))


def test_a_runtime_without_floats(lr):
    bright = Runtime("bright", 1, lambda images: np.maximum(images, images[:, :1]))
    made = self_ensemble(bright).run(lr[None])[0]
    sides = [np.maximum(lr, side) for side in (lr[:1], lr[-1:], lr[:, :1], lr[:, -1:])]
    np.testing.assert_array_equal(made, np.floor(np.mean(sides, axis=0) + 0.5))


def test_tiles_that_cannot_be_turned():
    with pytest.raises(ValueError, match=r"takes square tiles; narrow takes 64x32"):
        self_ensemble(Runtime("narrow", 4, lambda images: images, fixed_tile=(32, 64)))


def test_tiles_that_begin_where_cells_begin(photo):
    """A runtime that replaces each cell of 4x4 pixels by its corner: turned in tiles as in the whole image."""
    def corners(images):
        return images[:, ::4, ::4].repeat(4, 1).repeat(4, 2)[:, : images.shape[1], : images.shape[2]]
    runtime = Runtime("corners", 1, corners, alignment=4, receptive_radius=3)
    for image in (photo[:76, :92], photo[:77, :91]):
        whole, tiled = (Upscaler(runtime, tile=tile, overlap=3, self_ensemble=True)(image) for tile in (0, 32))
        assert whole.shape == image.shape
        np.testing.assert_array_equal(whole, tiled)


def test_upscale(command, model_file, lr, tmp_path):
    write_image(tmp_path / "small.png", lr)
    done = command("upscale", "small.png", f"--model={model_file}", "--self_ensemble")
    assert done.status == 0, done.err
    made = read_image(tmp_path / "upscaled/small_x4.png").pixels
    np.testing.assert_array_equal(made, Upscaler(model_file, self_ensemble=True)(lr))
