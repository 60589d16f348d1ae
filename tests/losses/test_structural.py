"""MS-SSIM against TensorFlow's, and where one scale is left, scikit-image's SSIM."""

import numpy as np
import pytest
import tensorflow as tf
from skimage import data
from skimage.metrics import structural_similarity

from srgan_tf.losses import ms_ssim_loss
from srgan_tf.losses.structural import EXPONENTS, scale_exponents

RANDOM = np.random.default_rng(0)
PHOTO = np.stack([data.astronaut()[:192, 100:292], data.chelsea()[60:252, 100:292]]).astype("float32") / 255
NOISY = np.clip(PHOTO + RANDOM.normal(0, 0.1, PHOTO.shape), 0, 1).astype("float32")


@pytest.mark.parametrize(("side", "scales"), [(192, 5), (160, 4), (96, 4), (48, 3), (32, 2)])
def test_value_is_tensorflows(side, scales):
    """Of sides that halve without a remainder, and with the exponents of the scales that are left."""
    exponents = scale_exponents(side)
    assert len(exponents) == scales
    hr, sr = PHOTO[:, :side, :side], NOISY[:, :side, :side]
    expected = 1 - np.mean(tf.image.ssim_multiscale(hr, sr, 1.0, exponents))
    value = ms_ssim_loss(hr, sr)
    assert value.dtype == "float32"
    assert value.shape == ()
    assert 0.01 < expected < 0.6
    assert float(value) == pytest.approx(expected, rel=1e-4)


def test_value_of_one_scale_is_scikit_images():
    hr, sr = PHOTO[:, 40:60, 80:101], NOISY[:, 40:60, 80:101]
    exponent, = scale_exponents(20)
    expected = np.mean([
        structural_similarity(hr[image, ..., channel].astype("float64"), sr[image, ..., channel].astype("float64"),
                              data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
        ** exponent for image in range(2) for channel in range(3)])
    assert float(ms_ssim_loss(hr, sr)) == pytest.approx(1 - expected, rel=1e-4)


def test_an_odd_last_row_is_dropped():
    """Of 45 rows 22 are left at the second scale: the first scale's share is of 45 rows, the others' of 44."""
    hr, sr = PHOTO[:1, :45, :48, :1], NOISY[:1, :45, :48, :1]
    first, *others = scale_exponents(45)
    assert len(others) == 2
    expected = (tf.image.ssim_multiscale(hr, sr, 1.0, (first, 0.0))
                * tf.image.ssim_multiscale(hr[:, :44], sr[:, :44], 1.0, (0.0, *others)))
    assert 1 - float(ms_ssim_loss(hr, sr)) == pytest.approx(float(expected[0]), rel=1e-5)


def test_exponents():
    assert scale_exponents(176) == EXPONENTS  # the last scale has 11 pixels
    for side in (175, 88, 44, 22, 21, 11):
        exponents = scale_exponents(side)
        assert sum(exponents) == pytest.approx(sum(EXPONENTS))
        assert exponents[0] / EXPONENTS[0] == pytest.approx(exponents[-1] / EXPONENTS[len(exponents) - 1])
    assert [len(scale_exponents(side)) for side in (175, 87, 43, 21)] == [4, 3, 2, 1]


def test_smaller_than_the_window():
    with pytest.raises(ValueError, match="MS-SSIM needs images of at least 11 pixels a side; got 10"):
        ms_ssim_loss(PHOTO[:, :10], NOISY[:, :10])


def test_details_turned_over_leave_a_gradient():
    """At the finest scale structure correlates negatively, of which no fractional power can be taken."""
    rows, columns = np.indices((48, 48))
    coarse, checks = 0.1 * np.cos(np.pi * rows / 8), 0.2 * (-1.0) ** (rows + columns)
    hr, sr = ((0.5 + part)[None, ..., None].astype("float32") for part in (coarse + checks, 0.8 * coarse - checks))
    sr = tf.Variable(sr)
    with tf.GradientTape() as tape:
        loss = ms_ssim_loss(hr, sr)
    gradient = tape.gradient(loss, sr)
    assert 0 < float(loss) < 1
    assert np.isfinite(gradient).all()
    assert float(ms_ssim_loss(hr, sr - 10 * gradient)) < float(loss)  # the other scales are learned from
