"""`export` as people use it: what it writes, and mistakes in one line."""

import shutil

import numpy as np
import pytest

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
    expected = Upscaler(model_file, tile=24, overlap=11)(photo[:31, :31])
    for export in ("deep/out", "deep/out/edsr_x4.tflite"):
        enlarged = Upscaler(export, tile=24, overlap=11)(photo[:31, :31])
        assert np.abs(enlarged.astype(int) - expected).max() <= 1
    assert command("export", f"--model={model_file}", "--output=deep/out", "--format=tflite").status == 0
    assert (tmp_path / "deep/out/small.tflite").is_file()


@pytest.mark.parametrize(("arguments", "message"), [
    (["--format=saved_modle"], "unknown format 'saved_modle'; known: saved_model, tflite. Did you mean 'saved_model'?"),
    (["--format="], "--format is required"),
    (["--output="], "--output is required"),
    (["--model="], "--model is required"),
    (["--tile=4"], "tile"),
    (["--modle=x"], "Did you mean: model"),
    (["stray"], "unexpected argument 'stray'"),
    (["--output=/proc/nowhere"], "/proc/nowhere"),
    (["--output=text.keras"], "File exists: text.keras"),
    (["--model=nowhere.keras"], "nowhere.keras"),
    (["--model=text.keras"], "text.keras is not a .keras model file"),
    (["--model=empty"], "folder empty holds neither best.keras nor last.keras"),
    (["--model=bicubic"], "bicubic"),
    (["--model=judge.keras"], "judge.keras holds a SRGANDiscriminator, which does not enlarge pictures"),
])
@pytest.mark.filterwarnings("ignore:.build")
def test_mistakes_are_one_line(refused, tmp_path, model_file, arguments, message):
    (tmp_path / "text.keras").write_text("not a model")
    (tmp_path / "empty").mkdir()
    save_model(DISCRIMINATORS["srgan"](patch_size=16, features=4), tmp_path / "judge.keras")
    assert message in refused("export", f"--model={model_file}", "--output=out", *arguments)
    assert not (tmp_path / "out").exists()
