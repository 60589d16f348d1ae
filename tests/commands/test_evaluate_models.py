"""`evaluate` of several models: the table, the cache, further metrics, self-ensemble."""

import json
import shutil
import sys
import time

import keras
import numpy as np
import pytest
from metrics.network_weights import lpips_heads, network
from skimage import data

from srgan_tf.evaluation import surroundings
from srgan_tf.evaluation.cache import Cache
from srgan_tf.imaging import matlab_resize, read_image, write_image
from srgan_tf.inference import Upscaler
from srgan_tf.metrics import make_lpips, niqe, psnr


@pytest.fixture
def image(tmp_path) -> np.ndarray:
    """Photos/HR with one photograph that NIQE takes."""
    hr = np.ascontiguousarray(data.chelsea()[:208, :304])
    (tmp_path / "Photos/HR").mkdir(parents=True)
    write_image(tmp_path / "Photos/HR/cat.png", hr)
    return hr


def models(folder) -> dict:
    return json.loads((folder / "results.json").read_text())["datasets"]["Photos"]["models"]


def test_several_models_and_metrics(command, tmp_path, image, model_file):
    shutil.copy(model_file, tmp_path / "other.keras")
    np.savez(tmp_path / "alex.npz", **network("alex"))
    np.savez(tmp_path / "heads.npz", **lpips_heads("alex"))
    done = command("evaluate", f"--model={model_file},other.keras", "--benchmark=Photos", "--metrics=niqe,lpips",
                   "--lpips_weights=alex.npz,heads.npz", "--save_images")
    assert done.status == 0, done.err
    figures = models(tmp_path / "results")
    assert list(figures) == ["small", "other"]
    assert figures["small"] == figures["other"]
    sr = Upscaler(model_file)(matlab_resize(image, 1 / 4))
    np.testing.assert_array_equal(read_image(tmp_path / "results/Photos/other/cat.png").pixels, sr)
    measured = figures["small"]["images"]["cat.png"]
    assert measured["psnr_y"] == psnr(sr, image, crop=4)
    assert measured["niqe"] == niqe(sr, crop=4)
    lpips = make_lpips({**network("alex"), **lpips_heads("alex")})
    assert measured["lpips"] == pytest.approx(lpips(sr, image, crop=4), rel=1e-5)
    assert "| NIQE | LPIPS | parameters |" in done.out


def test_self_ensemble(command, tmp_path, image, model_file):
    done = command("evaluate", f"--model={model_file}", "--benchmark=Photos", "--self_ensemble")
    assert done.status == 0, done.err
    sr = Upscaler(model_file, self_ensemble=True)(matlab_resize(image, 1 / 4))
    assert models(tmp_path / "results")["small+"]["psnr_y"] == pytest.approx(psnr(sr, image, crop=4), abs=1e-9)


def test_nothing_is_measured_twice(command, tmp_path, image, model_file, monkeypatch):
    shutil.copy(model_file, tmp_path / "small.keras")
    arguments = ["--model=small.keras", "--benchmark=Photos", "--cache=kept"]
    assert command("evaluate", *arguments).status == 0
    first = models(tmp_path / "results")
    with monkeypatch.context() as blocked:
        blocked.setattr(Upscaler, "__call__", lambda *_: pytest.fail("upscaled again"))
        blocked.setattr(Upscaler, "__init__", lambda *_, **__: pytest.fail("opened again"))
        start = time.perf_counter()
        assert command("evaluate", *arguments, "--output=again").status == 0
        assert time.perf_counter() - start < 2
        assert command("evaluate", *arguments, "--metrics=niqe", "--output=more").status == 0  # of the kept image
    assert models(tmp_path / "again") == first
    assert models(tmp_path / "more")["small"]["niqe"] > 0
    assert (tmp_path / "again/Photos.png").read_bytes() == (tmp_path / "results/Photos.png").read_bytes()


def test_a_damaged_cache_and_a_changed_model(command, tmp_path, image, model_file):
    from srgan_tf.models import GENERATORS, save_model

    shutil.copy(model_file, tmp_path / "small.keras")
    arguments = ["--model=small.keras", "--benchmark=Photos", "--cache=kept"]
    assert command("evaluate", *arguments).status == 0
    first = models(tmp_path / "results")
    for number, file in enumerate(path for path in (tmp_path / "kept").rglob("*") if path.is_file()):
        content = file.read_bytes()
        file.write_bytes((content[:-1] + b"?", content[:70], b"", content[:64] + b"{}")[number % 4])
    assert command("evaluate", *arguments).status == 0
    assert models(tmp_path / "results") == first
    keras.utils.set_random_seed(1)
    save_model(GENERATORS["edsr"](scale=4, features=8, blocks=2), tmp_path / "small.keras")
    assert command("evaluate", *arguments).status == 0
    assert models(tmp_path / "results") != first


def test_a_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file/below", None):
        cache = Cache(folder)
        cache.put_values("ab" * 32, {"psnr": 1.0})
        assert cache.get_values("ab" * 32) == {}


@pytest.mark.parametrize(("arguments", "message"), [
    (["--metrics=nique"], "unknown metric of --metrics 'nique'; known: dists, lpips, niqe. Did you mean 'niqe'?"),
    (["--metrics=dists"], "--metrics=dists needs its weights: give --dists_weights=FILE"),
    (["--metrics=lpips", "--lpips_weights=nowhere.npz"], "nowhere.npz"),
    (["--metrics=lpips", "--lpips_weights=alex.npz"], "lin0.model.1.weight is not among the weights"),
    (["--metrics=lpips", "--lpips_weights=alex.h5"], "unknown ending of a file of --lpips_weights '.h5'"),
    (["--metrics=lpips", "--lpips_weights=damaged.npz"], "--lpips_weights: damaged.npz:"),
    (["--model=small.keras", "--tile=32"], "--tile must be greater than twice --overlap=16; got 32"),
    (["--model=bicubic,small.keras,small.keras"], "--model names small.keras 2 times"),
])
def test_mistakes_are_one_line(refused, tmp_path, image, model_file, arguments, message):
    shutil.copy(model_file, tmp_path / "small.keras")
    np.savez(tmp_path / "alex.npz", **network("alex"))
    (tmp_path / "alex.h5").write_text("")
    (tmp_path / "damaged.npz").write_bytes((tmp_path / "alex.npz").read_bytes()[:3000])
    assert message in refused("evaluate", "--benchmark=Photos", *arguments)


def test_the_overlap_changes_what_is_measured(command, tmp_path, image, model_file):
    """With tiles and no context there are seams, and an earlier result with context is not taken for one without."""
    shutil.copy(model_file, tmp_path / "small.keras")
    arguments = ["--model=small.keras", "--benchmark=Photos", "--cache=kept", "--tile=24"]
    figures = []
    for overlap in (8, 0):
        done = command("evaluate", *arguments, f"--overlap={overlap}")
        assert done.status == 0, done.err
        figures.append(models(tmp_path / "results")["small"]["psnr_y"])
    sr = Upscaler(model_file, tile=24, overlap=0)(matlab_resize(image, 1 / 4))
    assert figures[1] == psnr(sr, image, crop=4) != figures[0]


@pytest.mark.parametrize("change", ["version", "backend", "variable", "processor"])
def test_what_a_figure_was_computed_by_is_in_its_key(monkeypatch, change):
    before = Cache.key(a=1)
    assert Cache.key(a=1) == before
    if change == "version":
        monkeypatch.setitem(surroundings._versions(), "openvino", "0.0")
    elif change == "backend":
        monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    elif change == "variable":
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    else:
        monkeypatch.setitem(surroundings._processor(), "model name", "another")
    assert Cache.key(a=1) != before


def test_the_backend_is_known_before_keras_is_imported(monkeypatch, tmp_path):
    imported = surroundings._backend()
    monkeypatch.delitem(sys.modules, "keras")
    assert surroundings._backend() == imported
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert surroundings._backend()["backend"] == "tensorflow"
    (tmp_path / "keras.json").write_text('{"backend": "jax", "floatx": "float64"}')
    assert surroundings._backend() == {"backend": "jax", "floatx": "float64"}
