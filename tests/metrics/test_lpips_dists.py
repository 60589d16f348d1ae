"""LPIPS and DISTS against the authors' PyTorch packages running the same random weights.

tools/make_metric_references.py made the figures; the real weights cannot be had without their owners' servers.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from metrics.network_weights import dists_weights, lpips_heads, network
from skimage import data

from srgan_tf.imaging import matlab_resize
from srgan_tf.metrics import make_dists, make_lpips

REFERENCES = json.loads((Path(__file__).parent.parent / "references/metrics.json").read_text())["perceptual"]


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    image = data.chelsea()[60:141, 100:197]
    return matlab_resize(matlab_resize(image, 1 / 3), output_size=image.shape[:2]), image


@pytest.fixture(scope="module")
def vgg():
    return network("vgg")


@pytest.mark.parametrize("name", ["alex", "vgg"])
def test_lpips_is_the_authors(pair, name, vgg):
    weights = {**(vgg if name == "vgg" else network(name)), **lpips_heads(name)}
    lpips = make_lpips(weights)
    assert lpips(*pair) == pytest.approx(REFERENCES[f"lpips_{name}"], rel=1e-5)
    assert lpips(pair[1], pair[1]) == 0


def test_dists_is_the_authors(pair, vgg):
    dists = make_dists({**vgg, **dists_weights()})
    assert dists(*pair) == pytest.approx(REFERENCES["dists"], rel=1e-4)
    assert dists(pair[1], pair[1]) == pytest.approx(0, abs=1e-5)


def test_names_crops_and_grey(pair):
    a, b = (image[:48, :48] for image in pair)
    lpips = make_lpips({**network("alex"), **lpips_heads("alex")})
    named = make_lpips({**network("alex", "net.slice1."), **lpips_heads("alex")})
    assert named(a, b) == lpips(a, b)
    assert lpips(*(np.pad(image, ((4, 4), (4, 4), (0, 0))) for image in (a, b)), crop=4) == lpips(a, b)
    grey = a[..., :1], b[..., :1]
    assert lpips(*grey) == lpips(*(np.repeat(image, 3, axis=2) for image in grey))


@pytest.mark.parametrize(("change", "words"), [
    ({"lin2.model.1.weight": None}, "LPIPS: lin2.model.1.weight is not among the weights"),
    ({"features.6.bias": None}, "LPIPS: features.6 of AlexNet, bias is not among the weights"),
    ({"features.3.weight": np.zeros((192, 64, 3, 3))}, r"must have shape \[192, 64, 5, 5\]; it has \[192, 64, 3, 3\]"),
    ({"features.10.bias": np.full(256, np.nan)}, "holds NaN"),
])
def test_wrong_weights(change, words):
    weights = {**network("alex"), **lpips_heads("alex"), **change}
    with pytest.raises(ValueError, match=words):
        make_lpips({name: array for name, array in weights.items() if array is not None})


def test_small_images():
    lpips = make_lpips({**network("alex"), **lpips_heads("alex")})
    with pytest.raises(ValueError, match="need 32 x 32 pixels; 32 x 31 are left after a crop of 4"):
        lpips(np.zeros((39, 40, 3)), np.zeros((39, 40, 3)), crop=4)
