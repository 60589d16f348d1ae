"""What an export says of itself: read back, held against what it does, and never trusted where it cannot be."""

import json
import shutil

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from srgan_tf.config import ExportConfig
from srgan_tf.errors import UserError
from srgan_tf.exporting import export_saved_model
from srgan_tf.hub import load_model, shipped_files
from srgan_tf.runtimes import ModelInfo, open_runtime
from srgan_tf.runtimes.keras import trained
from srgan_tf.runtimes.saved_model import INFO
from srgan_tf.runtimes.tflite_metadata import add_info, read_info

SAYING = ModelInfo(4, 39, 2, (50, 40), 12_345, (0, 255), (0, 1), 4_096)
EXPORTS = {name: file for name, file in shipped_files().items() if file.suffix == ".tflite"}


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    generator = load_model("mobile_x4")
    return export_saved_model(generator, tmp_path_factory.mktemp("m"), "", ExportConfig(model="-", output="-"))


def test_it_survives_being_written():
    assert ModelInfo.from_json(SAYING.to_json()) == SAYING
    assert ModelInfo.from_json(ModelInfo(2).to_json().encode()) == ModelInfo(2)
    assert ModelInfo.from_json('{"scale": 3, "of a later version": [{}]}') == ModelInfo(3)


@pytest.mark.parametrize("text", [
    "", "{", "[]", "null", "{}", b"\xff\xfe\x00", "[" * 4000, '{"scale": 4}' + " " * 5000,
    *(f'{{"scale": {value}}}' for value in ("0", "-4", "4.0", "true", "NaN", '"4"', "null", "[4]", "65", "1e3")),
    *(f'{{"scale": 4, "{name}": {value}}}' for name, value in (
        ("alignment", "0"), ("alignment", "null"), ("alignment", "100"), ("receptive_radius", "-1"),
        ("receptive_radius", "1e9"), ("whole_image_bytes", "0"), ("parameters", "-1"), ("parameters", '"many"'),
        ("fixed_size", "[0, 5]"), ("fixed_size", "[5]"), ("fixed_size", "[5, 5.5]"), ("fixed_size", "50"),
        ("fixed_size", "[1, 1000000]"),
        ("input_range", "[0, 2]"), ("output_range", "[255, 0]"), ("output_range", "[false, true]")))])
def test_texts_that_cannot_be(text):
    with pytest.raises(UserError, match=r"^model info") as error:
        ModelInfo.from_json(text)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 150


@pytest.mark.parametrize("name", EXPORTS)
def test_shipped_files_say_what_their_cards_say(name):
    card = json.loads(EXPORTS[name].with_suffix(".json").read_text())
    runtime, network = open_runtime(name), load_model(name.rpartition("_")[0])
    assert (runtime.receptive_radius, runtime.alignment) == (network.receptive_radius, 1)
    assert (card["receptive_radius"], card["alignment"]) == (network.receptive_radius, 1)
    assert runtime.parameters == trained(network)


@pytest.mark.parametrize("name", EXPORTS)
def test_saying_it_changes_nothing_else(name, photo):
    content = EXPORTS[name].read_bytes()
    changed = add_info(content, SAYING)
    assert changed.endswith(content)
    assert read_info(changed) == SAYING
    made = []
    for model in (content, changed):
        interpreter = Interpreter(model_content=model)
        (source,) = interpreter.get_input_details()
        interpreter.resize_tensor_input(source["index"], [1, 32, 32, 3])
        interpreter.allocate_tensors()
        values = photo[None, :32, :32]
        interpreter.set_tensor(source["index"], values if source["dtype"] == np.uint8 else values / np.float32(255))
        interpreter.invoke()
        made.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    np.testing.assert_array_equal(*made)


@pytest.mark.parametrize(("said", "message"), [
    (ModelInfo(2), "says that its scale is 2, and it is 4"),
    (ModelInfo(4, fixed_size=(8, 8)), r"says that its fixed size is \(8, 8\), and it is None"),
])
def test_what_contradicts_the_model_is_refused(said, message, saved_model, tmp_path):
    (tmp_path / "a.tflite").write_bytes(add_info(EXPORTS["mobile_x4_int8"].read_bytes(), said))
    shutil.copytree(saved_model, tmp_path / "saved")
    (tmp_path / "saved" / INFO).write_text(said.to_json())
    for name in ("a.tflite", "saved"):
        with pytest.raises(UserError, match=f"{name} {message}") as error:
            open_runtime(tmp_path / name, trust_model=True)
        assert "\n" not in str(error.value)


def test_tiles_smaller_than_the_alignment_are_refused(tmp_path):
    path = tmp_path / "small.tflite"
    path.write_bytes(tile_of(4, ModelInfo(2, 1, 8, (4, 4))))
    with pytest.raises(UserError, match=r"small.tflite says that tiles begin at multiples of 8, and takes .* 4x4"):
        open_runtime(path, trust_model=True)


@pytest.mark.parametrize(("said", "level"), [(None, 25 / 255), ((0, 1), 25 / 255), ((0, 255), 25)])
def test_the_range_of_floats_is_the_one_that_is_said(tmp_path, said, level):
    """The network adds 25 grey levels, and its tensors have no names that say their ranges."""
    path = tmp_path / "range.tflite"
    path.write_bytes(tile_of(8, said and ModelInfo(2, 0, 1, (8, 8), None, said, said), add=level))
    upscaled = open_runtime(path, trust_model=True).run(np.full((1, 8, 8, 3), 77, np.uint8))
    np.testing.assert_array_equal(upscaled, 102)


def tile_of(side: int, info: ModelInfo | None, add: float = 0) -> bytes:
    """A .tflite file that repeats each pixel twice and adds a number."""
    import tensorflow as tf

    def twice(x):
        return tf.repeat(tf.repeat(x, 2, 1), 2, 2) + add
    concrete = tf.function(twice).get_concrete_function(tf.TensorSpec([1, side, side, 3], name="x"))
    content = tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module()).convert()
    return add_info(content, info) if info else content


def test_damaged_metadata_is_a_line_or_nothing():
    random, refused = np.random.default_rng(0), 0
    content = EXPORTS["mobile_x4_int8"].read_bytes()
    for _ in range(1000):
        damaged = bytearray(content)
        for place in random.integers(0, 448, random.integers(1, 4)):  # what add_info put in front
            damaged[place] = random.integers(256)
        try:
            found = read_info(bytes(damaged))
        except UserError as error:
            found, refused = str(error), refused + 1
        assert found is None or isinstance(found, ModelInfo) or "\n" not in found
    assert refused


def test_a_saved_model_says_what_its_network_does(saved_model):
    runtime, network = open_runtime(saved_model), load_model("mobile_x4")
    assert (runtime.receptive_radius, runtime.alignment) == (network.receptive_radius, 1)
    assert runtime.parameters == trained(network)


def test_a_saved_model_that_says_nothing_is_tiled_carefully(saved_model, tmp_path):
    shutil.copytree(saved_model, tmp_path / "silent")
    (tmp_path / "silent" / INFO).unlink()
    runtime = open_runtime(tmp_path / "silent")
    assert (runtime.receptive_radius, runtime.alignment, runtime.parameters) == (None, 4, None)


def test_a_damaged_text_beside_a_saved_model_is_named(saved_model, tmp_path):
    shutil.copytree(saved_model, tmp_path / "bad")
    (tmp_path / "bad" / INFO).write_text("{'scale': 4}")
    with pytest.raises(UserError, match=r"bad: model info must be a JSON object with a scale; got .* export it again$"):
        open_runtime(tmp_path / "bad")
