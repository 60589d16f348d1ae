"""PSNR and SSIM against scikit-image's."""

import math
import subprocess
import sys

import numpy as np
import pytest
from skimage import data
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from skimage.util import random_noise

from srgan_tf.metrics import METRICS, psnr, ssim


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    """A photograph, and itself with noise: uint8 [301,258,3]."""
    image = data.astronaut()[:301, 100:358]
    noisy = random_noise(image, var=0.004, rng=0)
    return image, np.floor(noisy * 255 + 0.5).astype(np.uint8)


def reference_ssim(a: np.ndarray, b: np.ndarray, **arguments) -> float:
    """Wang's settings; scikit-image then averages over the valid region too."""
    return structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, **arguments)


@pytest.mark.parametrize("crop", [0, 4])
def test_y_equals_skimage(pair, crop):
    a, b = (rgb2ycbcr(image)[crop:301 - crop, crop:258 - crop, 0] for image in pair)
    assert psnr(*pair, crop=crop) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255), abs=1e-9)
    assert ssim(*pair, crop=crop) == pytest.approx(reference_ssim(a, b), abs=1e-10)


@pytest.mark.parametrize("crop", [0, 3])
def test_rgb_equals_skimage(pair, crop):
    a, b = (image[crop:301 - crop, crop:258 - crop] for image in pair)
    expected = peak_signal_noise_ratio(a, b, data_range=255)
    assert psnr(*pair, crop=crop, channel="rgb") == pytest.approx(expected, abs=1e-9)
    assert ssim(*pair, crop=crop, channel="rgb") == pytest.approx(reference_ssim(a, b, channel_axis=2), abs=1e-10)


@pytest.mark.parametrize("channel", ["y", "rgb"])
def test_grey_is_taken_as_y(channel):
    camera = data.camera()[:99, :120]
    noisy = np.floor(random_noise(camera, var=0.01, rng=1) * 255 + 0.5).astype(np.uint8)
    expected = peak_signal_noise_ratio(camera, noisy, data_range=255), reference_ssim(camera, noisy)
    for a, b in ((camera, noisy), (camera[..., None], noisy[..., None])):
        assert (psnr(a, b, channel=channel), ssim(a, b, channel=channel)) == pytest.approx(expected, abs=1e-9)


def test_equal_images(pair):
    for channel in ("y", "rgb"):
        assert psnr(pair[0], pair[0].copy(), channel=channel) == math.inf
        assert ssim(pair[0], pair[0].copy(), channel=channel) == pytest.approx(1, abs=1e-12)


def test_known_values():
    black, white = np.zeros((11, 11), np.uint8), np.full((11, 11), 255, np.uint8)
    assert psnr(black, white) == 0
    assert psnr(black, black + 1) == pytest.approx(20 * math.log10(255))
    assert psnr(black[..., None] + np.zeros(3, np.uint8), white[..., None] + np.zeros(3, np.uint8)) == pytest.approx(
        20 * math.log10(255 / 219))  # Y spans 16 to 235
    assert ssim(black, white) == pytest.approx(0.01**2 / (1 + 0.01**2))


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_metrics_are_symmetric_floats_of_uint8_or_float(pair, metric):
    a, b = pair
    value = metric(a, b, crop=4)
    assert type(value) is float
    assert metric(b, a, crop=4) == pytest.approx(value, abs=1e-12)
    assert metric(a.astype(np.float32), b.astype(np.float32), crop=4) == pytest.approx(value, abs=1e-9)


def test_metrics_by_name(pair):
    assert {name: metric(*pair, crop=4) for name, metric in METRICS.items()} == {
        f"{function.__name__}_{channel}": function(*pair, crop=4, channel=channel)
        for function in (psnr, ssim) for channel in ("y", "rgb")}


IMAGE = np.zeros((20, 30, 3), np.uint8)


@pytest.mark.parametrize(("a", "b", "arguments", "words"), [
    (IMAGE, IMAGE[:-1], {}, r"the same shape; got \(20, 30, 3\) and \(19, 30, 3\)"),
    (IMAGE, IMAGE[..., :1], {}, "the same shape"),
    (np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 4), np.uint8), {}, r"got shape \(9, 9, 4\)"),
    (IMAGE, IMAGE.astype(np.int16), {}, "floating point on 0..255; got int16"),
    (IMAGE, IMAGE, {"channel": "luma"}, "channel must be one of y, rgb; got 'luma'"),
    (IMAGE, IMAGE, {"crop": 10}, "some of the 30 x 20 pixels; got 10"),
    (IMAGE, IMAGE, {"crop": -1}, "got -1"),
])
def test_bad_arguments(a, b, arguments, words):
    for metric in (psnr, ssim):
        with pytest.raises(ValueError, match=words):
            metric(a, b, **arguments)


def test_ssim_needs_its_window():
    assert ssim(IMAGE[:11], IMAGE[:11]) == pytest.approx(1)
    with pytest.raises(ValueError, match="needs 11 x 11 pixels; 22 x 10 are left after a crop of 4"):
        ssim(IMAGE[:18], IMAGE[:18], crop=4)


def test_metrics_need_no_pillow():
    program = "import sys; from srgan_tf.metrics import psnr; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
