"""NIQE against what BasicSR 1.4.2 measures on the same photographs (tools/make_metric_references.py)."""

import json
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from srgan_tf.metrics import niqe

REFERENCES = json.loads((Path(__file__).parent.parent / "references/metrics.json").read_text())["niqe"]


@pytest.mark.parametrize("name", REFERENCES)
def test_niqe_is_basicsrs(name):
    image = getattr(data, name)()
    for crop, value in REFERENCES[name].items():
        assert niqe(image, crop=int(crop)) == pytest.approx(value, abs=1e-3)


def test_grey_is_taken_as_y_and_floats_are_rounded():
    camera = data.camera()[:200, :200]
    value = niqe(camera)
    assert niqe(camera[..., None]) == value
    assert niqe(camera + np.float32(0.25)) == value
    assert niqe(camera + np.float32(0.75)) == pytest.approx(niqe(camera + np.float32(1)), abs=1e-12)


def test_damage_raises_it():
    image = data.astronaut()[:300, :300]
    noise = np.random.default_rng(0).normal(0, 25, image.shape)
    assert niqe(np.clip(image + noise, 0, 255)) > niqe(image) + 2
    assert niqe(np.kron(image[::8, ::8], np.ones((8, 8, 1)))) > niqe(image) + 2


@pytest.mark.parametrize(("image", "crop", "words"), [
    (np.zeros((191, 100, 3), np.uint8), 0, "two blocks of 96 x 96 pixels; 100 x 191 pixels are left after a crop of 0"),
    (np.zeros((199, 100, 3), np.uint8), 4, "92 x 191 pixels are left after a crop of 4"),
    (np.full((200, 100, 3), 7, np.uint8), 0, "fewer than two blocks have texture"),
    (np.zeros((200, 200, 4), np.uint8), 0, "rgb must be"),
])
def test_what_it_cannot_measure(image, crop, words):
    with pytest.raises(ValueError, match=words):
        niqe(image, crop=crop)
