"""What every command that takes a model does alike."""

import shutil

import pytest

from srgan_tf.config import TrainConfig
from srgan_tf.imaging import write_image
from srgan_tf.training.assembly import build_generator

# By command: the arguments that it needs beside the model, with {} for the model.
COMMANDS = {
    "upscale": ["small.png", "--model={}"],
    "evaluate": ["--benchmark=Photos", "--model={}"],
    "export": ["--output=out", "--model={}"],
    "convert": ["--output=out.keras", "--model={}"],
    "interpolate": ["--model_a={}", "--model_b={}"],
    "serve": ["--model={}", "--port=0", "--rest_api_port=0"],
}


@pytest.fixture
def images(tmp_path, photo):
    """A benchmark of one image, and an image."""
    (tmp_path / "Photos/HR").mkdir(parents=True)
    write_image(tmp_path / "Photos/HR/a.png", photo[:16, :16])
    write_image(tmp_path / "small.png", photo[:8, :8])


@pytest.mark.parametrize("verb", COMMANDS)
def test_offline_nothing_is_downloaded(refused, images, verb):
    arguments = [argument.format("bsrgan") for argument in COMMANDS[verb]]
    if verb == "serve":
        arguments[1:] = ["--port=1", "--rest_api_port=0"]
    line = refused(verb, *arguments, "--offline")
    assert "bsrgan is not on this machine, and downloads are forbidden (offline)" in line


@pytest.mark.parametrize("verb", ["upscale", "evaluate", "export", "convert", "interpolate"])
def test_which_file_of_a_run_folder_is_taken(command, images, tmp_path, verb):
    (tmp_path / "runs/gan").mkdir(parents=True)
    (tmp_path / "runs/gan/config.flags").write_text("--adversarial=relativistic:0.005\n")
    (tmp_path / "runs/gan/last.keras").write_text("no model")
    done = command(verb, *[argument.format("runs/gan") for argument in COMMANDS[verb]])
    assert done.status == 2
    notes = done.err.count("runs/gan: uses last.keras (the run has a discriminator)\n")
    assert notes == (2 if verb == "interpolate" else 1), done.err


def test_which_file_training_starts_from(tmp_path, model_file, capsys):
    shutil.copy(model_file, tmp_path / "best.keras")
    build_generator(TrainConfig(model="edsr", model_args="features:8,blocks:2", init_from=(str(tmp_path),)))
    assert capsys.readouterr().err == f"--init_from: {tmp_path}: uses best.keras\n"
