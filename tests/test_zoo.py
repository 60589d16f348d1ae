"""The tool that makes README's table of generators: its counts, and that the table is there."""

import re
from importlib import util
from pathlib import Path

import keras
import pytest

from srgan_tf.models import GENERATORS

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def zoo():
    spec = util.spec_from_file_location("make_zoo_table", ROOT / "tools/make_zoo_table.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_edsr_baseline_has_the_papers_114_g(zoo):
    pixels = 320 * 180
    convolutions = 3 * 64 + 33 * 64 * 64 + 64 * 256 + 4 * 64 * 256 + 16 * 64 * 3
    assert zoo.multiply_adds(GENERATORS["edsr"](scale=4)) == 9 * convolutions * pixels
    assert zoo.short(9 * convolutions * pixels) == "114.2 G"


def test_what_counts(zoo):
    class Mixed(keras.Model):
        scale, closed_form = 2, False

        def __init__(self):
            super().__init__()
            self.single = keras.layers.DepthwiseConv2D(3, padding="same")
            self.upscale = keras.layers.Conv2DTranspose(5, 4, 2, padding="same")
            self.mix = keras.layers.Dense(7)

        def call(self, x):
            x = keras.ops.conv(x, keras.ops.ones((5, 5, 3, 3)), padding="same")  # fixed: counts as nothing
            return self.upscale(self.single(x)) + 0 * keras.ops.mean(self.mix(keras.ops.mean(x, axis=(1, 2))))

    model = Mixed()
    model(keras.ops.zeros((1, 8, 8, 3)))
    assert zoo.multiply_adds(model, 40, 20) == 20 * 10 * 27 + 40 * 20 * 16 * 3 * 5 + 3 * 7


def test_readme_has_every_generator(zoo):
    text = (ROOT / "README.md").read_text()
    table = text[text.index(zoo.START) : text.index(zoo.END)]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == sorted(GENERATORS), "run tools/make_zoo_table.py"


def test_flagfiles_and_papers(zoo):
    assert zoo.flagfiles("rrdb")[:1] == ["esrgan"]
    assert "1707.02921" in zoo.paper(GENERATORS["edsr"])
