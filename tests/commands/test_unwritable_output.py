"""A folder that cannot be written to is known before a model is looked for, to say nothing of hours of work."""

import errno
import os
import sys

import pytest
from PIL import Image


@pytest.mark.skipif(sys.platform != "linux", reason="/proc takes no files, not even root's")
@pytest.mark.parametrize(("name", "arguments"), [
    ("convert", ["--model=edsr_x4", "--output=/proc/a.keras"]),
    ("evaluate", ["--model=edsr_x4", "--benchmark=bench", "--output=/proc"]),
    ("export", ["--model=edsr_x4", "--output=/proc"]),
    ("interpolate", ["--model_a=fidelity_x4", "--model_b=perceptual_x4", "--output=/proc"]),
    ("upscale", ["a.png", "--output=/proc"])])
def test_it_is_refused_first(refused, monkeypatch, tmp_path, photo, name, arguments):
    def too_late(*_, **__):
        raise AssertionError("the work has begun")

    Image.fromarray(photo[:20, :20]).save(tmp_path / "a.png")
    monkeypatch.setattr("srgan_tf.flags.resolve_model", too_late)
    monkeypatch.setattr("srgan_tf.evaluation.evaluate", too_late)
    line = refused(name, *arguments)
    assert "/proc" in line
    assert os.strerror(errno.ENOENT) in line
