"""One model in every format gives one image; what is not such a model is refused by name."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
from inference.lifelike import lifelike

from srgan_tf.config import ExportConfig
from srgan_tf.exporting import export_saved_model, export_tflite
from srgan_tf.hub import load_model
from srgan_tf.inference import Upscaler
from srgan_tf.models import DISCRIMINATORS, save_model
from srgan_tf.runtimes import open_runtime
from srgan_tf.runtimes.base import plain_errors


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """A folder with small.keras, served/1/ and small.tflite of one generator."""
    folder = tmp_path_factory.mktemp("exports")
    (folder / "served").mkdir()
    generator = lifelike("edsr")
    save_model(generator, folder / "small.keras")
    config = ExportConfig(model="-", output="-", tile="24")
    export_saved_model(generator, folder / "served", "small", config)
    export_tflite(generator, folder, "small", config)
    return folder


@pytest.mark.parametrize("name", ["served", "served/1", "small.tflite"])
def test_every_format_gives_the_same_image(exports, name, photo):
    image = photo[30:61, 40:87]
    runtime = open_runtime(str(exports / name))
    assert runtime.scale == 4
    upscaled = Upscaler(runtime, tile=24, overlap=10)(image)
    expected = Upscaler(exports / "small.keras", tile=24, overlap=10)(image)
    assert expected.std() > 15
    assert np.abs(upscaled.astype(int) - expected).max() <= 1


def test_the_newest_version_is_taken(exports, tmp_path):
    for version, source in (("2", "served/1"), ("10", "served/1")):
        shutil.copytree(exports / source, tmp_path / version)
    assert open_runtime(tmp_path).name == "10"
    (tmp_path / "10" / "saved_model.pb").unlink()
    assert open_runtime(tmp_path).name == "2"


def damage(path, keep: float = 0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


@pytest.mark.parametrize(("name", "part"), [
    ("small.keras", "small.keras"),
    ("small.tflite", "small.tflite"),
    ("served", "served/1/saved_model.pb"),
    ("served", "served/1/variables/variables.data-00000-of-00001"),
])
@pytest.mark.parametrize("how", ["truncated", "text", "empty"])
def test_a_damaged_model_is_named(exports, tmp_path, name, part, how):
    shutil.copytree(exports, tmp_path, dirs_exist_ok=True)
    if how == "truncated":
        damage(tmp_path / part)
    else:
        (tmp_path / part).write_text("not a model" if how == "text" else "")
    with pytest.raises(ValueError, match=str(tmp_path / name)) as error:
        open_runtime(str(tmp_path / name))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("dtype", "function", "message"), [
    (tf.float32, lambda x: x, "must take uint8"),
    (tf.uint8, lambda x: tf.cast(x, tf.float32), "must give uint8"),
    (tf.uint8, lambda x: tf.reduce_max(x, (1, 2, 3)), "must give uint8"),
    (tf.uint8, lambda x: x[:, ::2, ::2], "does not upscale images"),
    (tf.uint8, lambda x: tf.reshape(x, (1, 7, 7, 3)), "cannot upscale an image"),
], ids=["float", "float output", "numbers", "reduction", "failing"])
def test_a_saved_model_of_another_signature(tmp_path, dtype, function, message):
    module = tf.Module()
    module.serve = tf.function(lambda x: {"y": function(x)}, [tf.TensorSpec([None, None, None, 3], dtype)])
    tf.saved_model.save(module, str(tmp_path / "other"), signatures={"serving_default": module.serve})
    with pytest.raises(ValueError, match=f"other.*{message}"):
        open_runtime(tmp_path / "other")


def test_a_saved_model_without_signature(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "bare"))
    with pytest.raises(ValueError, match=r"bare is not a SavedModel that this package can run: .*serving_default"):
        open_runtime(tmp_path / "bare")


def test_a_discriminator_does_not_upscale(tmp_path):
    save_model(DISCRIMINATORS["srgan"](patch_size=16, features=4), tmp_path / "discriminator.keras")
    with pytest.raises(ValueError, match="does not upscale images"):
        open_runtime(tmp_path / "discriminator.keras")


@pytest.mark.parametrize("name", ["nowhere.keras", "nowhere.tflite", "nowhere", "empty"])
def test_a_missing_model_is_named(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=name):
        open_runtime(tmp_path / name)


def test_the_receptive_radius_comes_with_a_generator(model_file):
    assert open_runtime(model_file).receptive_radius == load_model(model_file).receptive_radius
    assert open_runtime("bicubic").receptive_radius == 2


def test_an_export_does_not_hide_the_run_that_holds_it(model_file, tmp_path):
    shutil.copy(model_file, tmp_path / "last.keras")
    export_saved_model(load_model(model_file), tmp_path, "run", ExportConfig(model="-", output="-"))
    assert open_runtime(tmp_path).receptive_radius == load_model(model_file).receptive_radius
    (tmp_path / "last.keras").unlink()
    assert open_runtime(tmp_path).name == "1"


def test_running_out_of_memory_is_said_in_words():
    run = plain_errors(lambda images: tf.ones([1 << 42]))  # 16 TiB
    with pytest.raises(MemoryError, match=r"not enough memory to upscale 7x5 pixels at once: use a smaller --tile"):
        run(np.zeros((1, 5, 7, 3), np.uint8))
