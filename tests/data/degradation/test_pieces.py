"""Filtering, resizing, noise, compression and sharpening, each against a computation from elsewhere."""

import io

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import tensorflow as tf
from PIL import Image

from srgan_tf.data import degradation
from srgan_tf.data.degradation.counting import stateless_counts
from srgan_tf.data.degradation.resizing import MODES
from srgan_tf.data.degradation.sharpening import gaussian
from srgan_tf.imaging import matlab_resize

SEED = tf.constant([5, 6])


@pytest.fixture(scope="module")
def images(photo) -> np.ndarray:
    """Two different ones, float32 [2,101,118,3]."""
    return np.stack([photo[:101, :118], photo[150:251, 100:218]]).astype(np.float32) / 255


@pytest.mark.parametrize("side", [7, 21, 51])
def test_filtering_is_scipys(images, side):
    kernels = np.random.default_rng(side).uniform(0, 1, (2, side, side)).astype(np.float32)
    kernels /= kernels.sum((1, 2), keepdims=True)
    ours = degradation.filter_images(tf.constant(images), tf.constant(kernels)).numpy()
    for image, kernel, result in zip(images, kernels, ours, strict=True):
        for channel in range(3):
            expected = scipy.ndimage.correlate(image[..., channel].astype(float), kernel, mode="mirror")
            np.testing.assert_allclose(result[..., channel], expected, atol=2e-6)


def test_filtering_an_image_smaller_than_the_kernel():
    image = np.random.default_rng(0).uniform(0, 1, (1, 5, 4, 1)).astype(np.float32)
    kernel = np.random.default_rng(1).uniform(0, 1, (1, 21, 21)).astype(np.float32)
    padded = np.pad(image[0, ..., 0], 10, mode="reflect")
    expected = scipy.ndimage.correlate(padded.astype(float), kernel[0], mode="constant")[10:-10, 10:-10]
    ours = degradation.filter_images(tf.constant(image), tf.constant(kernel))[0, ..., 0]
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def area_weights(length: int, new: int) -> np.ndarray:
    """How much of each pixel lies in each new one."""
    edges, pixels = np.linspace(0, length, new + 1), np.arange(length)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.clip(overlap, 0, None) / (length / new)


def tap_weights(length: int, new: int, kernel, reach: int) -> np.ndarray:
    """Weights of the nearest pixels by a kernel that is not stretched; what lies outside takes no part."""
    weights = np.zeros((new, length))
    for place in range(new):
        centre = (place + 0.5) * length / new - 0.5
        taps = [tap for tap in range(int(np.floor(centre)) - reach + 1, int(np.floor(centre)) + reach + 1)
                if 0 <= tap < length]
        weights[place, taps] = [kernel(abs(centre - tap)) for tap in taps]
    return weights / weights.sum(1, keepdims=True)


def keys(x: float) -> float:
    return 1.5 * x**3 - 2.5 * x**2 + 1 if x <= 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2


WEIGHTS = {"area": area_weights, "bilinear": lambda length, new: tap_weights(length, new, lambda x: 1 - x, 1),
           "bicubic": lambda length, new: tap_weights(length, new, keys, 2)}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(50, 59), (33, 77), (151, 160), (101, 118)], ids=["half", "down", "up", "keep"])
def test_resizing_is_the_weighted_mean_that_its_name_says(images, mode, size):
    ours = degradation.resize(tf.constant(images), *size, tf.constant(MODES.index(mode))).numpy()
    rows, columns = (WEIGHTS[mode](length, new) for length, new in zip((101, 118), size, strict=True))
    expected = np.einsum("yh,bhwc->bywc", rows, np.einsum("bhwc,xw->bhxc", images, columns))
    # TensorFlow has a table of 1,024 places for its cubic kernel.
    np.testing.assert_allclose(ours, expected, atol=2e-3 if mode == "bicubic" else 2e-5)


def test_upscaling_by_bicubic_is_matlabs_inside(images):
    ours = degradation.resize(tf.constant(images[:1]), 303, 354, tf.constant(MODES.index("bicubic")))[0].numpy()
    expected = matlab_resize(images[0], 3)
    np.testing.assert_allclose(ours[9:-9, 9:-9], expected[9:-9, 9:-9], atol=2e-3)


def grey_level(batch: int, value: float, side: int = 128) -> tf.Tensor:
    return tf.fill([batch, side, side, 3], tf.constant(value / 255, tf.float32))


def test_gaussian_noise_has_each_images_deviation():
    sigma = tf.constant([3.0, 20.0, 20.0])
    noisy = degradation.gaussian_noise(grey_level(3, 128), sigma, tf.constant([False, False, True]), SEED).numpy() * 255
    for image, deviation in zip(noisy, (3.0, 20.0, 20.0), strict=True):
        assert image.mean() == pytest.approx(128, abs=0.03 * deviation)
        assert image.std() == pytest.approx(deviation, rel=0.02)
        assert scipy.stats.kstest((image[..., 0].ravel() - 128) / deviation, "norm").pvalue > 1e-3
    assert np.corrcoef(noisy[1, ..., 0].ravel(), noisy[1, ..., 1].ravel())[0, 1] == pytest.approx(0, abs=0.03)
    np.testing.assert_allclose(np.ptp(noisy[2], axis=-1), 0, atol=1e-4)  # grey: the same in every channel


@pytest.mark.parametrize(("level", "power"), [(255, 8), (90, 8), (3, 8), (255, 1), (40, 4), (0, 8), (255, 0)])
def test_counts_are_poissons(level, power):
    counts = stateless_counts(tf.fill([1, 200_000], level), tf.constant([power]), SEED).numpy()[0]
    mean = level / 255 * 2**power
    if not mean:
        assert not counts.any()
        return
    assert counts.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / counts.size))
    assert counts.var() == pytest.approx(mean, rel=0.02)
    values, seen = np.unique(counts, return_counts=True)
    expected = scipy.stats.poisson.pmf(values, mean) * counts.size
    usual = expected > 20
    assert scipy.stats.chi2.sf(((seen - expected) ** 2 / expected)[usual].sum(), usual.sum()) > 1e-4


def test_poisson_noise_is_that_of_the_images_photons(photo):
    """Against its formula on a photograph: variance x / 256 of an image of more than 128 values, times the factor."""
    hr = tf.constant(photo[None] / 255, tf.float32)
    strength = 2.0
    noisy = degradation.poisson_noise(hr, tf.constant([strength]), tf.constant([False]), SEED).numpy()
    middle = (photo > 60) & (photo < 130)  # far from clipping
    noise = (noisy[0] - photo / 255)[middle]
    assert noise.mean() == pytest.approx(0, abs=4e-4)
    assert noise.var() == pytest.approx(strength**2 * (photo[middle] / 255 / 256).mean(), rel=0.03)
    few = tf.constant(np.where(photo[None] > 128, 0.6, 0.3), tf.float32)  # two values: white is two photons
    noise = degradation.poisson_noise(few, tf.constant([0.05]), tf.constant([False]), SEED) - few
    assert np.var(noise[few > 0.5]) == pytest.approx(0.05**2 * 0.6 / 2, rel=0.05)


def test_grey_poisson_noise_is_equal_over_channels(photo):
    hr = tf.constant(photo[None] / 255, tf.float32)
    noise = (degradation.poisson_noise(hr, tf.constant([0.5]), tf.constant([True]), SEED) - hr).numpy()[0]
    inside = ((photo > 60) & (photo < 190)).all(-1)
    np.testing.assert_allclose(np.ptp(noise[inside], axis=-1), 0, atol=1e-6)
    assert noise[inside].std() > 0.005


def by_pillow(image: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return np.asarray(Image.open(file)).astype(float)


@pytest.mark.parametrize("size", [(256, 256), (131, 250), (97, 33)])
def test_jpeg_is_pillows(photo, size):
    """A batch, each image with its own quality. What differs is where libjpeg's integer DCT rounds otherwise."""
    image, qualities = photo[: size[0], : size[1]], [10, 30, 60, 95, 100]
    ours = degradation.jpeg(tf.constant(np.stack([image] * 5) / 255, tf.float32), tf.constant(qualities, tf.float32))
    for result, quality in zip(ours.numpy() * 255, qualities, strict=True):
        difference = np.abs(result - by_pillow(image, quality))
        assert difference.mean() < 0.4
        assert (difference < 4).mean() > 0.99
        np.testing.assert_allclose(result, np.round(result), atol=1e-3)


def test_jpeg_takes_quality_as_a_whole_number(photo):
    hr = tf.constant(photo[None, :64, :64] / 255, tf.float32)
    results = [degradation.jpeg(hr, tf.constant([quality])).numpy() for quality in (49.6, 50.0, 51.0)]
    np.testing.assert_array_equal(results[0], results[1])
    assert (results[1] != results[2]).any()


def test_unsharp_masking_is_scipys(images):
    line = scipy.ndimage.gaussian_filter1d(np.eye(1, 51, 25)[0], 8.0, radius=25)
    np.testing.assert_allclose(gaussian(), np.outer(line, line), atol=1e-8)

    def blur(image):
        return scipy.ndimage.gaussian_filter(image, 8.0, mode="mirror", radius=25, axes=(0, 1))

    for image, ours in zip(images, degradation.unsharp_mask(tf.constant(images)).numpy(), strict=True):
        image = image.astype(float)
        detail = image - blur(image)
        mask = blur((np.abs(detail) * 255 > 10).astype(float))
        expected = mask * np.clip(image + 0.5 * detail, 0, 1) + (1 - mask) * image
        # A pixel within 1e-6 of the threshold may fall on either side of it.
        np.testing.assert_allclose(ours, expected, atol=2e-4)
        assert np.abs(expected - image).max() > 0.05
