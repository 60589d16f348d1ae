"""What the .tflite files hold: forms that mobile runtimes take, in every quantization, and true cards."""

import functools
import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from inference.lifelike import EXPORTED, lifelike
from PIL import Image

from srgan_tf import models
from srgan_tf.config import ExportConfig
from srgan_tf.exporting import calibration, export_tflite
from srgan_tf.exporting.tflite_graph import (
    FORMS,
    mobile_forms,
    operations,
    require_gpu_compatible,
    sum_of_convs,
)
from srgan_tf.imaging import to_uint8
from srgan_tf.metrics import psnr
from srgan_tf.models import blocks, msrresnet, span
from srgan_tf.runtimes import open_runtime
from srgan_tf.runtimes.keras import trained

TILE = 24
# Name of the file, architecture and flags. Every one of these architectures goes through int8, which asks the most.
ROWS = {
    **{f"{name} int8": (name, {"quantize": "int8", "gpu_compatible": True}) for name in EXPORTED},
    "srresnet float": ("srresnet", {"gpu_compatible": True}),
    "msrresnet float": ("msrresnet", {"gpu_compatible": True}),
    "edsr float16": ("edsr", {"quantize": "float16", "gpu_compatible": True}),
    "edsr dynamic": ("edsr", {"quantize": "dynamic", "io": "float255"}),
    "edsr uint8": ("edsr", {"io": "uint8"}),
    "edsr int8 float255": ("edsr", {"quantize": "int8", "io": "float255"}),
    "edsr int8 free": ("edsr", {"quantize": "int8", "dynamic": True}),
    "msrresnet free": ("msrresnet", {"dynamic": True}),
}
# Least PSNR against the source model's own upscaling, in dB: random weights lose more than trained ones.
NEAR = {"none": 55, "float16": 50, "dynamic": 32, "int8": 28}

WITHOUT_TENSORFLOW = """
import pathlib, sys
sys.modules["tensorflow"] = sys.modules["keras"] = None
import numpy as np
from srgan_tf.inference import Upscaler
for path in map(pathlib.Path, sys.argv[2:]):
    np.save(path.with_suffix(".npy"), Upscaler(path, tile=24, overlap=10, threads=2)(np.load(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The path of each row's file, calibrated and measured on few pixels: the networks are small."""
    folder, generators = tmp_path_factory.mktemp("tflite"), {name: small(name) for name in EXPORTED}
    paths = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "MOST_PIXELS", 16 * TILE * TILE)
        patch.setattr(calibration, "MEASURED_SIDE", 2 * TILE)
        for row, (name, settings) in ROWS.items():
            config = ExportConfig(model="-", output="-", **{"tile": str(TILE), **settings})
            paths[row] = export_tflite(generators[name], folder, row.replace(" ", "_"), config)
    return paths


@functools.cache
def small(name: str):
    """As narrow as calibrating it takes no time."""
    return lifelike(name, features=16, **({"growth_channels": 8} if name == "rrdb" else {}))


def graph_of(path):
    model = schema.Model.GetRootAs(path.read_bytes(), 0)
    return model, model.Subgraphs(0)


def settings_of(row: str) -> ExportConfig:
    return ExportConfig(model="-", output="-", **{"tile": str(TILE), **ROWS[row][1]})


def test_they_run_where_tensorflow_is_not(files, photo):
    folder = next(iter(files.values())).parent
    image = photo[20:51, 30:77]
    np.save(folder / "in.npy", image)
    subprocess.run([sys.executable, "-c", WITHOUT_TENSORFLOW, folder / "in.npy", *files.values()], check=True,
                   timeout=120, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    for row, path in files.items():
        generator = small(ROWS[row][0])
        tiled = np.load(path.with_suffix(".npy"))
        assert tiled.dtype == np.uint8
        # A tile of its own for the corner: the rest depends on the tiles' borders.
        corner = np.asarray(generator.upscale(image[None, :TILE, :TILE]))[0, :48, :48]
        assert corner.std() > 15
        assert psnr(tiled[:48, :48], corner, channel="rgb") > NEAR[settings_of(row).quantize], row


@pytest.mark.parametrize("row", ROWS)
def test_the_graph_is_made_for_mobile(files, row):
    model, graph = graph_of(files[row])
    names = [name for name, _ in operations(model, graph)]
    assert model.SubgraphsLength() == 1
    assert not {"CUSTOM", "READ_VARIABLE", "MIRROR_PAD", "TRANSPOSE"} & set(names)
    assert max(graph.Tensors(index).ShapeLength() for index in range(graph.TensorsLength())) <= 4
    assert names.count("DEPTH_TO_SPACE") == 2
    assert names.count("PRELU") == (4 if row == "srresnet float" else 0)
    assert names.count("RESIZE_BILINEAR") == (1 if row.startswith("msrresnet") else 0)


@pytest.mark.parametrize("row", [row for row in ROWS if row != "edsr uint8"])
def test_xnnpack_takes_all_of_it_at_once(files, row):
    """All operations between the input and the output, but the turning of uint8 into int8 and back."""
    interpreter = Interpreter(str(files[row]))
    (source,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(source["index"], [1, TILE, TILE, 3])
    interpreter.allocate_tensors()
    (target,) = interpreter.get_output_details()
    details = interpreter._get_ops_details()
    delegates = [detail for detail in details if detail["op_name"] == "DELEGATE"]
    assert len(delegates) == 1
    first, last = {source["index"]}, target["index"]
    if source["dtype"] == np.uint8:
        first = {detail["outputs"][0] for detail in details if source["index"] in detail["inputs"][:1]}
        last = next(detail["inputs"][0] for detail in details if last in detail["outputs"])
    assert first & set(delegates[0]["inputs"])
    assert list(delegates[0]["outputs"]) == [last]


@pytest.mark.parametrize("row", ROWS)
def test_the_card_says_what_the_file_does(files, row):
    card, config = json.loads(files[row].with_suffix(".json").read_text()), settings_of(row)
    interpreter = Interpreter(str(files[row]))
    assert interpreter.get_signature_list() == {
        "upscale": {"inputs": [card["input"]["name"]], "outputs": [card["output"]["name"]]}}
    for side, details in (("input", interpreter.get_input_details()), ("output", interpreter.get_output_details())):
        shape = [-1 if isinstance(length, str) else length for length in card[side]["shape"]]
        assert list(details[0]["shape_signature"]) == shape
        assert details[0]["dtype"] == np.dtype(card[side]["dtype"])
        if config.quantize == "int8" and card[side]["dtype"] == "uint8":  # a number is a grey level
            assert details[0]["quantization"] == (np.float32(1 / 255), 0)
    assert card["quantization"] == config.quantize
    assert card["source"]["architecture"].lower() == ROWS[row][0]
    measured = card["measured"]
    assert measured["count"] == 2
    assert measured["loss_db"] == pytest.approx(measured["psnr_y_source"] - measured["psnr_y"], abs=2e-4)
    assert abs(measured["loss_db"]) < (0.005 if config.quantize in ("none", "float16") else 0.5)


def test_a_loss_of_nothing_is_a_number(tmp_path):
    """A network for x1 that changes nothing: its PSNR has no end, and infinity less infinity is no number."""
    generator = models.SRVGG(1, features=4, convolutions=1)
    generator.tail.set_weights([np.zeros_like(part) for part in generator.tail.get_weights()])
    path = export_tflite(generator, tmp_path, "same", ExportConfig(model="-", output="-", tile="24"))
    measured = json.loads(path.with_suffix(".json").read_text())["measured"]
    assert (measured["psnr_y_source"], measured["psnr_y"], measured["loss_db"]) == (100, 100, 0)


def test_androids_sample(tmp_path, photo):
    generator = small("edsr")
    path = export_tflite(generator, tmp_path, "sample", ExportConfig(model="-", output="-", android_sample=True))
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (list(source["shape"]), source["dtype"]) == ([1, 50, 50, 3], np.float32)
    assert (list(target["shape"]), target["dtype"]) == ([1, 200, 200, 3], np.float32)
    image = photo[None, :50, :50]
    interpreter.set_tensor(source["index"], image.astype(np.float32))
    interpreter.invoke()
    made = interpreter.get_tensor(target["index"])
    np.testing.assert_allclose(made, 255 * np.asarray(generator(image / np.float32(255))), atol=0.25)
    assert np.abs(to_uint8(made / 255).astype(int) - np.asarray(generator.upscale(image))).max() <= 1


def test_forms_compute_the_same(photo):
    x = tf.constant(photo[None, :9, :7].astype(np.float32) / 255)
    kept = blocks.pixel_shuffle, msrresnet.bilinear_upsample
    wide = tf.concat([x * weight for weight in range(1, 12)], -1)
    for factor in (2, 3, 4):
        cells = x[:, : 9 // factor * factor, : 7 // factor * factor]
        given = {blocks.pixel_shuffle: wide[..., : 2 * factor**2], blocks.pixel_unshuffle: cells,
                 blocks.bilinear_upsample: x}
        for function, form in FORMS.items():
            np.testing.assert_allclose(form(given[function], factor)[:, 1:], function(given[function], factor)[:, 1:],
                                       atol=1e-6)
    with mobile_forms():
        assert blocks.pixel_shuffle is not kept[0]
        assert msrresnet.bilinear_upsample is not kept[1]
    assert (blocks.pixel_shuffle, msrresnet.bilinear_upsample) == kept


def test_joined_maps_are_convolved_one_by_one_in_int8_alone(photo):
    maps = [tf.constant(photo[None, :9, :7].astype(np.float32) / size) for size in (2, 255)]
    layer = blocks.conv(6, 4, "float32", kernel_size=1)
    np.testing.assert_allclose(sum_of_convs(layer, maps), blocks.conv_of_joined(layer, maps), rtol=1e-5, atol=1e-5)
    for integer in (False, True):
        with mobile_forms(integer):
            assert (span.conv_of_joined is sum_of_convs) == integer


@pytest.mark.parametrize(("function", "message"), [
    (lambda x: tf.reverse(x, [1]), "GPU delegates do not support REVERSE_V2"),
    (lambda x: tf.reshape(x, [1, 8, 8, 3, 1]) + 1, "up to four dimensions"),
], ids=["operation", "dimensions"])
def test_what_gpus_do_not_take_is_named(function, message):
    concrete = tf.function(function, [tf.TensorSpec([1, 8, 8, 3])], autograph=False).get_concrete_function()
    content = tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module()).convert()
    with pytest.raises(ValueError, match=f"--gpu_compatible: .*{message}"):
        require_gpu_compatible(content)


def test_int8_needs_photographs(tmp_path, monkeypatch, photo):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    config = {"model": "-", "output": "-", "tile": "16", "quantize": "int8"}
    generator = small("edsr")
    with pytest.raises(ValueError, match=r"--quantize=int8 .* install scikit-image.* or give --representative=DIR"):
        export_tflite(generator, tmp_path, "small", ExportConfig(**config))
    plain = export_tflite(generator, tmp_path, "small", ExportConfig(**{**config, "quantize": "none"}))
    assert json.loads(plain.with_suffix(".json").read_text())["measured"] is None

    (tmp_path / "mine").mkdir()
    config["representative"] = str(tmp_path / "mine")
    for number, expected in enumerate(("holds no image|no image", "holds one photograph, and two at least")):
        with pytest.raises(ValueError, match=rf"--representative=.*({expected})"):
            export_tflite(generator, tmp_path, "small", ExportConfig(**config))
        Image.fromarray(photo[:96, 60 * number :][:, :96]).save(tmp_path / f"mine/{number}.png")
    path = export_tflite(generator, tmp_path, "small", ExportConfig(**config))
    measured = json.loads(path.with_suffix(".json").read_text())["measured"]
    assert (measured["photographs"], measured["count"]) == ("mine", 1)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "mine", "small.json", "small.tflite", "small_int8.json", "small_int8.tflite"]


@pytest.mark.parametrize(("settings", "message"), [
    ({"tile": "4"}, "--tile must be HEIGHT or HEIGHTxWIDTH, each at least 8; got '4'"),
    ({"tile": "64x"}, "got '64x'"), ({"tile": "9x9x9"}, "got '9x9x9'"), ({"tile": "-64"}, "got '-64'"),
    ({"quantize": "int16"}, "--quantize must be one of none, float16, dynamic, int8; got 'int16'"),
    ({"io": "int8"}, "--io must be one of "),
    ({"android_sample": True, "dynamic": True}, "--android_sample means --tile=50 --io=float255"),
    ({"android_sample": True, "io": "uint8"}, "--android_sample means"),
    ({"gpu_compatible": True, "dynamic": True}, "--gpu_compatible needs the fixed sizes of --tile"),
])
def test_settings_that_contradict(settings, message):
    with pytest.raises(ValueError, match=message):
        ExportConfig(model="-", output="-", **settings)


@pytest.mark.parametrize("row", ["edsr int8", "edsr float16", "edsr dynamic", "edsr uint8", "msrresnet free"])
def test_the_parameters_of_a_file_are_those_of_its_network(files, row):
    assert open_runtime(files[row]).parameters == trained(small(ROWS[row][0]))
