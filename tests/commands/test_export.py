"""`export` as people use it: what it writes, and mistakes in one line."""

import hashlib
import json
import shutil

import numpy as np
import pytest

from srgan_tf.imaging import read_image, write_image
from srgan_tf.inference import Upscaler
from srgan_tf.models import DISCRIMINATORS, save_model


def test_a_run_folder_and_a_file(command, tmp_path, model_file, photo):
    (tmp_path / "runs/edsr_x4").mkdir(parents=True)
    shutil.copy(model_file, tmp_path / "runs/edsr_x4/best.keras")
    done = command("export", "--model=runs/edsr_x4", "--output=deep/out", "--tile=24")
    assert done.status == 0, done.err
    assert sorted(path.name for path in (tmp_path / "deep/out").iterdir()) == ["1", "edsr_x4.json", "edsr_x4.tflite"]
    assert "deep/out/1: " in done.out
    assert "deep/out/edsr_x4.tflite: 0." in done.out
    expected = Upscaler(model_file, tile=24, overlap=10)(photo[:31, :31])
    for export in ("deep/out", "deep/out/edsr_x4.tflite"):
        upscaled = Upscaler(export, tile=24, overlap=10)(photo[:31, :31])
        assert np.abs(upscaled.astype(int) - expected).max() <= 1
    assert command("export", f"--model={model_file}", "--output=deep/out", "--format=tflite").status == 0
    assert (tmp_path / "deep/out/small.tflite").is_file()


def test_int8_from_export_to_evaluation(command, tmp_path, model_file, photo):
    """The file goes through both commands that take models, with nothing to be seen of LiteRT."""
    done = command("export", f"--model={model_file}", "--output=out", "--format=tflite", "--quantize=int8",
                   "--tile=16x24")
    assert done.status == 0, done.err
    assert "out/small_int8.tflite: 0.0 MiB; uint8 [1,16,24,3] -> [1,64,96,3] in 0..255; " in done.out
    assert done.out.rstrip().endswith(" dB below the model on 2 photographs")
    source = json.loads((tmp_path / "out/small_int8.json").read_text())["source"]
    assert source["sha256"] == hashlib.sha256(model_file.read_bytes()).hexdigest()
    (tmp_path / "Photos/HR").mkdir(parents=True)
    write_image(tmp_path / "Photos/HR/face.png", photo[:100, :120])
    done = command("evaluate", "--model=out/small_int8.tflite", "--benchmark=Photos", "--threads=1")
    assert (done.status, done.err) == (0, "")
    write_image(tmp_path / "dot.png", photo[:1, :1])
    done = command("upscale", "dot.png", "--model=out/small_int8.tflite", "--threads=2")
    assert (done.status, done.err) == (0, "")
    assert read_image(tmp_path / "upscaled/dot_x4.png").pixels.shape == (4, 4, 3)


@pytest.fixture(scope="module")
def discriminator(tmp_path_factory):
    path = tmp_path_factory.mktemp("discriminator") / "discriminator.keras"
    save_model(DISCRIMINATORS["srgan"](patch_size=16, features=4), path)
    return path


@pytest.mark.parametrize(("arguments", "message"), [
    (["--format=saved_modle"], "Did you mean 'saved_model'?"),
    (["--format="], "--format is required"),
    (["--output="], "--output is required"),
    (["--tile=4"], "--tile must be HEIGHT or HEIGHTxWIDTH, each at least 8; got '4'"),
    (["--quantize=int4"], "--quantize must be one of none, float16, dynamic, int8; got 'int4'"),
    (["--format=tflite", "--quantize=int8", "--representative=empty"], "--representative=empty: "),
    (["--modle=x"], "did you mean --model?"),
    (["stray"], "unexpected argument 'stray'"),
    (["--output=/proc/nowhere"], "/proc/nowhere"),
    (["--output=text.keras"], "Not a directory: text.keras"),
    (["--model=nowhere.keras"], "nowhere.keras"),
    (["--model=text.keras"], "text.keras is not a .keras model file"),
    (["--model=empty"], "folder empty holds neither a run (best.keras, last.keras) nor a SavedModel"),
    (["--model=bicubic"], "bicubic"),
    (["--model=discriminator.keras"], "discriminator.keras holds a SRGANDiscriminator, which does not upscale images"),
])
@pytest.mark.filterwarnings("ignore:.build")
def test_mistakes_are_one_line(refused, tmp_path, model_file, discriminator, arguments, message):
    (tmp_path / "text.keras").write_text("not a model")
    (tmp_path / "empty").mkdir()
    (tmp_path / "discriminator.keras").symlink_to(discriminator)
    assert message in refused("export", f"--model={model_file}", "--output=out", *arguments)
    assert not list(tmp_path.glob("out/*"))
