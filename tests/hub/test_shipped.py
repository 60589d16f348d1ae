"""The weights that ship: they load, they are what their cards say, and they upscale better than bicubic."""

import hashlib
import io
import json

import numpy as np
import pytest
from PIL import Image

from srgan_tf.data.catalog import open_source
from srgan_tf.hub import listing, load_model, shipped_facts, shipped_files
from srgan_tf.hub.light import default_model
from srgan_tf.imaging import matlab_resize
from srgan_tf.inference import Upscaler
from srgan_tf.metrics import psnr

SHIPPED = {name: file for name, file in shipped_files().items() if file.suffix == ".keras"}
EXPORTS = {name: file for name, file in shipped_files().items() if file.suffix == ".tflite"}
# dB over bicubic: these give fidelity away, for texture and for the removal of noise and JPEG's blocks.
LEAST_GAIN = {"perceptual_x4": -0.5, "photo_x4": -2.5, "photo_gentle_x4": -1.5, "photo_x2": 0,
              "video_x4": -2.5, "mobile_photo_x4": -2.5}


def test_there_is_a_default():
    assert {"edsr_x4", "photo_x4"} <= SHIPPED.keys()
    assert load_model("edsr_x4").count_params() == 1_517_571
    assert sum(path.stat().st_size for path in SHIPPED["edsr_x4"].parent.iterdir()) <= 16_000_000


def test_the_default_is_in_int8_unless_there_is_a_gpu_or_a_network_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert default_model() == "photo_x4_int8"
    assert default_model(network=True) == "photo_x4"
    (tmp_path / "nvidia-smi").touch(0o755)
    assert default_model() == "photo_x4"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert default_model() == "photo_x4_int8"


@pytest.mark.parametrize("name", SHIPPED)
def test_it_beats_bicubic_on_photographs_it_has_not_seen(name):
    assert SHIPPED[name].with_suffix(".md").is_file()
    upscaler, gains = Upscaler(name), []
    scale = upscaler.scale
    for _, load in open_source("samples", scale, "validation").images:
        pair = load()
        bicubic = psnr(matlab_resize(pair.lr, scale), pair.hr, crop=scale)
        gains.append(psnr(upscaler(pair.lr), pair.hr, crop=scale) - bicubic)
    assert np.mean(gains) > LEAST_GAIN.get(name, 0.8), gains


def test_sharpness_leads_from_one_to_the_other(command, tmp_path, photo):
    Image.fromarray(photo[:60, :60]).save(tmp_path / "photo.png")
    made = {}
    for sharpness in (0, 0.5, 1):
        done = command("upscale", "photo.png", f"--sharpness={sharpness}", f"--output={sharpness}")
        assert done.status == 0, done.err
        made[sharpness] = np.asarray(Image.open(tmp_path / str(sharpness) / "photo_x4.png"))
    np.testing.assert_array_equal(made[0], Upscaler(default_model())(photo[:60, :60]))  # 0 is off
    np.testing.assert_array_equal(made[1], Upscaler("perceptual_x4", match_color=True)(photo[:60, :60]))
    made[0] = Upscaler("fidelity_x4")(photo[:60, :60])
    detail = {sharpness: np.abs(np.diff(image.astype(int), axis=0)).mean() for sharpness, image in made.items()}
    assert detail[0] < detail[0.5] < detail[1]


def test_denoise_leads_from_gentle_to_strong(command, tmp_path, photo):
    lr = np.uint8(np.clip(photo[:60, :60] + np.random.default_rng(0).normal(0, 8, (60, 60, 3)), 0, 255))
    Image.fromarray(lr).save(tmp_path / "photo.png")
    made = {}
    for denoise in (0, 0.5, 1):
        done = command("upscale", "photo.png", f"--denoise={denoise}", f"--output={denoise}")
        assert done.status == 0, done.err
        made[denoise] = np.asarray(Image.open(tmp_path / str(denoise) / "photo_x4.png"))
    np.testing.assert_array_equal(made[0], Upscaler("photo_gentle_x4", match_color=True)(lr))
    np.testing.assert_array_equal(made[1], Upscaler(default_model())(lr))  # 1 is off
    noise = {denoise: np.abs(np.diff(image.astype(int), axis=0)).mean() for denoise, image in made.items()}
    assert noise[0] > noise[0.5] > noise[1]
    assert abs(made[0.5].mean() - lr.mean()) < 0.5  # without match_color 15 levels


def test_the_default_cleans_a_photograph_from_the_web():
    """A noisy JPEG of an edge: the faithful model keeps its noise, photo_x4 the edge."""
    lr = np.full((48, 64, 3), 80, np.uint8)
    lr[:, 32:] = 170
    lr = np.uint8(np.clip(lr + np.random.default_rng(0).normal(0, 8, lr.shape), 0, 255))
    file = io.BytesIO()
    Image.fromarray(lr).save(file, "jpeg", quality=40)
    made = {name: Upscaler(name)(np.asarray(Image.open(file))).astype(float) for name in ("photo_x4", "edsr_x4")}
    noise = {name: image[20:-20, 20:100].std((0, 1)).mean() for name, image in made.items()}
    assert noise["photo_x4"] < 0.6 * noise["edsr_x4"], noise
    assert np.ptp(made["photo_x4"][20:-20, 120:136].mean((0, 2))) > 85


def test_upscale_needs_no_model(command, tmp_path, photo):
    Image.fromarray(photo[:40, :50]).save(tmp_path / "photo.png")
    done = command("upscale", "photo.png")
    assert done.status == 0, done.err
    assert Image.open(tmp_path / "upscaled" / "photo_x4.png").size == (200, 160)


def test_they_are_listed(command):
    done = command("upscale", "--list")
    assert done.status == 0, done.err
    shipped = done.out.split("\n\n")[1].splitlines()[1:]
    lines = {line.split()[0]: line for line in shipped}
    assert sorted(lines) == sorted(shipped_files())
    assert "licence is that of the weights" in done.out.splitlines()[-1]
    for name, line in lines.items():
        assert " Apache-2.0 " in line
        source = next(shipped for shipped in SHIPPED if name.startswith(shipped))
        assert f" {load_model(source).count_params():,} " in line


def test_figures_are_rounded_half_up_as_in_the_cards(monkeypatch):
    facts = {**shipped_facts("mobile_x4"), "psnr_y": {"Set5": 27.985, "Set14": 27.9849, "BSD100": 30}}
    monkeypatch.setattr(listing, "shipped_facts", lambda name: facts)
    monkeypatch.setattr(listing, "running_models", lambda: ["mobile_x4"])
    assert listing._shipped()[1][3:6] == ["27.99", "27.98", "30.00"]


@pytest.mark.parametrize("name", EXPORTS)
def test_files_for_litert_are_what_export_makes_of_the_model(name):
    card = json.loads(EXPORTS[name].with_suffix(".json").read_text())
    source = SHIPPED[name.rpartition("_")[0]]
    assert card["source"]["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    pair = open_source("samples", 4, "validation").images[0][1]()
    lr = pair.lr[:64, :64]
    assert psnr(Upscaler(name)(lr), Upscaler(source)(lr)) > (38 if "int8" in name else 55)
