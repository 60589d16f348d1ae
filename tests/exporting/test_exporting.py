"""Exports run where this package is not: one subprocess for each format, which reports what it has imported."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from inference.lifelike import EXPORTED, lifelike
from PIL import Image

from srgan_tf.config import ExportConfig
from srgan_tf.exporting import FORMATS, export_saved_model, export_tflite

TILE = 20
CONFIG = ExportConfig(model="-", output="-", tile=str(TILE))

WITH_TENSORFLOW = """
import json, pathlib, sys
sys.modules["keras"] = sys.modules["srgan_tf"] = None  # TensorFlow would import Keras by itself
import numpy as np
import tensorflow as tf
for folder in sys.argv[1:]:
    signature = tf.saved_model.load(folder + "/1").signatures["serving_default"]
    (name, spec), = signature.structured_input_signature[1].items()
    (given, made), = signature.structured_outputs.items()
    print(json.dumps([name, spec.dtype.name, spec.shape.as_list(), given, made.dtype.name]))
    for path in sorted(pathlib.Path(folder).glob("in*.npy")):
        np.save(path.with_name("out" + path.name[2:]), signature(image=tf.constant(np.load(path)))["upscaled"].numpy())
assert not [name for name in sys.modules if name.startswith(("keras.", "srgan_tf."))]
"""
WITH_A_BARE_SESSION = """
import sys
sys.modules["keras"] = sys.modules["srgan_tf"] = None
import numpy as np
import tensorflow as tf
with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], sys.argv[1] + "/1")
    image = np.load(sys.argv[1] + "/in0.npy")
    feeds = {"serving_default": image, "float": image.astype(np.float32),
             "encoded": np.array([open(sys.argv[1] + "/in0.png", "rb").read()], object)}
    for name, fed in feeds.items():
        (given,), (made,) = meta.signature_def[name].inputs.values(), meta.signature_def[name].outputs.values()
        result = session.run(made.name, {given.name: fed})
        if name == "encoded":
            open(sys.argv[1] + "/encoded.png", "wb").write(result[0])
        else:
            np.save(f"{sys.argv[1]}/{name}.npy", result)
assert not [name for name in sys.modules if name.startswith(("keras.", "srgan_tf."))]
"""
WITH_LITERT = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
for folder in sys.argv[1:]:
    interpreter = Interpreter(folder + "/named.tflite")
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert source["dtype"] == target["dtype"] == np.float32
    interpreter.set_tensor(source["index"], np.load(folder + "/in.npy"))
    interpreter.invoke()
    np.save(folder + "/out.npy", interpreter.get_tensor(target["index"]))
assert not {"srgan_tf", "keras", "tensorflow"} & set(sys.modules)
"""


def run_apart(program: str, *folders: Path) -> str:
    """Runs a program in a process that cannot even find this package; returns what it prints."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", program, *map(str, folders)], env=environment, cwd=folders[0],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_saved_models_run_without_this_package(tmp_path, photo):
    batches = {"in0": photo[None, 20:41, 30:63], "in1": photo[None, :1, :7],
               "in2": np.stack([photo[20:44, 30:50], photo[120:144, 90:110]])}
    generators = {name: lifelike(name) for name in EXPORTED}
    for name, generator in generators.items():
        (tmp_path / name).mkdir()
        assert export_saved_model(generator, tmp_path / name, "ignored", CONFIG) == tmp_path / name / "1"
        for file, batch in batches.items():
            np.save(tmp_path / name / f"{file}.npy", batch)
    signatures = run_apart(WITH_TENSORFLOW, *(tmp_path / name for name in generators)).splitlines()
    for name, generator in generators.items():
        assert json.loads(signatures.pop(0)) == ["image", "uint8", [None, None, None, 3], "upscaled", "uint8"]
        for file, batch in batches.items():
            upscaled = np.load(tmp_path / name / f"out{file[2:]}.npy")
            assert upscaled.dtype == np.uint8
            expected = np.asarray(generator.upscale(batch))
            assert np.abs(upscaled.astype(int) - expected).max() <= 1
        assert expected.std() > 15


def test_a_saved_model_runs_in_a_bare_session_and_through_the_c_api(tmp_path, photo):
    """As in TensorFlow Serving, whose server is C++."""
    generator, image = lifelike("edsr"), photo[None, 20:90, 30:101]
    export_saved_model(generator, tmp_path, "", ExportConfig(model="-", output="-", saved_model_tile=64))
    np.save(tmp_path / "in0.npy", image)
    Image.fromarray(image[0]).save(tmp_path / "in0.png")
    run_apart(WITH_A_BARE_SESSION, tmp_path)
    tool = Path(__file__).parents[2] / "tools/run_saved_model_in_c.py"
    program = f"import runpy, sys; sys.argv[0] = 'c'; runpy.run_path({str(tool)!r}, run_name='__main__')"
    run_apart(program, tmp_path / "1", tmp_path / "in0.npy", tmp_path / "c.npy")
    expected = np.asarray(generator.upscale(image)).astype(int)
    upscaled = np.load(tmp_path / "serving_default.npy")
    assert np.abs(upscaled - expected).max() <= 1
    np.testing.assert_array_equal(np.load(tmp_path / "c.npy"), upscaled)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "encoded.png")), upscaled[0])
    np.testing.assert_allclose(np.load(tmp_path / "float.npy"), 255 * np.asarray(generator(image / 255.0)), atol=0.05)


def test_tflite_runs_by_litert_alone(tmp_path, photo):
    tile = photo[None, 20 : 20 + TILE, 30 : 30 + TILE].astype(np.float32) / 255
    generators = {name: lifelike(name, features=16) for name in EXPORTED}
    for name, generator in generators.items():
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "in.npy", tile)
        assert export_tflite(generator, tmp_path / name, "named", CONFIG) == tmp_path / name / "named.tflite"
    run_apart(WITH_LITERT, *(tmp_path / name for name in generators))
    for name, generator in generators.items():
        expected = np.asarray(generator(tile))
        np.testing.assert_allclose(np.load(tmp_path / name / "out.npy"), expected, rtol=0, atol=1e-3)
        assert expected.std() > 0.05


def test_versions_count_up(tmp_path):
    generator = lifelike("srcnn", features=4)
    for name in ("7", "notes", "12.old"):
        (tmp_path / name).mkdir()
    assert export_saved_model(generator, tmp_path, "", CONFIG).name == "8"
    assert export_saved_model(generator, tmp_path, "", CONFIG).name == "9"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["12.old", "7", "8", "9", "notes"]


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "web"])  # which fills a folder of its own
def test_a_failed_export_leaves_nothing(tmp_path, monkeypatch, format):
    def fail(source, target):
        assert tmp_path in Path(source).parents  # something had been written, beside its place
        assert Path(source).exists()
        raise OSError("the disk is on fire")

    (tmp_path / "named.tflite").write_text("mine")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="the disk is on fire"):
        FORMATS[format](lifelike("edsr", scale=2, features=16), tmp_path, "named", CONFIG)
    assert [path.name for path in tmp_path.iterdir()] == ["named.tflite"]
    assert (tmp_path / "named.tflite").read_text() == "mine"


@pytest.mark.parametrize("format", FORMATS)
def test_a_full_disk_is_an_error_of_the_system(tmp_path, format):
    """Commands answer an OSError in one line; TensorFlow's own errors would end in a traceback."""
    generator = lifelike("edsr", scale=2, features=16)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
    try:
        with pytest.raises(OSError, match=r"(?i)file too large|cannot be written"):
            FORMATS[format](generator, tmp_path, "named", CONFIG)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
