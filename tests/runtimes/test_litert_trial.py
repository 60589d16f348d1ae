"""A .tflite file that kills LiteRT ends in one line: it is tried in a process of its own first."""

import subprocess
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from PIL import Image

from srgan_tf.hub import shipped_files
from srgan_tf.runtimes import litert_trial, open_runtime

SHIPPED = shipped_files()["mobile_x4_int8"]
SLICE = 65


def changed(path: Path, change) -> Path:
    """Writes the model that ships, changed."""
    model = schema.ModelT.InitFromPackedBuf(SHIPPED.read_bytes(), 0)
    change(model)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(builder.Output())
    return path


def slice_without_limits(model) -> None:
    """The first operations are SLICE, without the two tensors that say what to cut: LiteRT reads where none are."""
    for code in model.operatorCodes[:2]:
        code.builtinCode = code.deprecatedBuiltinCode = SLICE
    for operator in model.subgraphs[0].operators:
        operator.builtinOptions, operator.builtinOptionsType = None, 0


def enormous(model) -> None:
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = np.array([1, 1 << 15, 1 << 15, 3], np.int32)


def test_a_file_that_may_crash_litert(tmp_path, refused):
    """What lies where LiteRT reads is a matter of luck; it crashes or it complains, and this process lives."""
    path = changed(tmp_path / "crash.tflite", slice_without_limits)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert f"{path} is not a .tflite file that this package can run: " in refused(
        "upscale", tmp_path / "a.png", f"--model={path}")


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGKILL"])
def test_a_litert_that_crashes(tmp_path, monkeypatch, name):
    """Another LiteRT in its place, which ends the process that imports it: the trial's."""
    path, package = changed(tmp_path / "good.tflite", lambda model: None), tmp_path / "other/ai_edge_litert"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"import os, signal\nos.kill(os.getpid(), signal.{name})\n")
    monkeypatch.syspath_prepend(package.parent)
    with pytest.raises(ValueError, match="crashes on it") as caught:
        open_runtime(path)
    assert str(caught.value) == (f"{path} is not a .tflite file that this package can run: LiteRT crashes on it "
                                 f"({name})")


def test_a_file_that_asks_for_too_much(tmp_path):
    with pytest.raises(ValueError, match=r"large\.tflite") as caught:
        open_runtime(changed(tmp_path / "large.tflite", enormous))
    assert "\n" not in str(caught.value)


def test_what_is_tried_and_when(tmp_path, monkeypatch):
    path, runs, run = changed(tmp_path / "copy.tflite", lambda model: None), [], subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *given, **named: runs.append(given) or run(*given, **named))
    open_runtime(SHIPPED)
    open_runtime(path, trust_model=True)
    assert runs == []
    for _ in range(2):
        assert open_runtime(path).scale == 4
    assert len(runs) == 1
    changed(path, slice_without_limits)
    with pytest.raises(ValueError, match=r"is not a \.tflite file that this package can run"):
        open_runtime(path)
    assert len(runs) == 2


def test_a_trial_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(litert_trial, "SECONDS", 0.01)
    path = changed(tmp_path / "slow.tflite", lambda model: None)
    with pytest.raises(ValueError, match=r"slow\.tflite did not upscale one tile within 0\.01 s; --trust_model"):
        open_runtime(path)
