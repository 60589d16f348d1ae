"""Wavelet bands against PyWavelets (tools/make_wavelet_references.py)."""

from pathlib import Path

import contracts
import numpy as np
import pytest

from srgan_tf.losses import detail_bands, wavelet_bands, wavelet_loss

HR, SR = contracts.images(16, 18, seed=1), contracts.images(16, 18, seed=2)


def test_bands_are_pywavelets():
    with np.load(Path(__file__).parents[1] / "references" / "wavelets.npz") as arrays:
        bands = wavelet_bands(arrays["image"][None])
        assert bands.dtype == "float32"
        np.testing.assert_allclose(bands[0], arrays["bands"], atol=1e-6)


def test_loss_is_the_weighted_sum_of_the_bands():
    real, fake = (np.asarray(wavelet_bands(images), "float64") for images in (HR, SR))
    value = wavelet_loss(HR, SR)
    assert value.dtype == "float32"
    assert value.shape == ()
    expected = np.abs(fake - real).mean((0, 1, 2)) @ [1, 0.1, 0.1, 0.5]
    assert float(value) == pytest.approx(expected, rel=1e-5)


def test_details_hold_no_brightness():
    details = detail_bands(SR)
    assert details.shape == SR.shape
    np.testing.assert_allclose(details, 12 * np.asarray(wavelet_bands(SR))[..., 1:], rtol=1e-6)
    np.testing.assert_allclose(detail_bands(SR + 0.3), details, atol=1e-5)


def test_what_each_band_sees():
    """A flat image is in LL alone; stripes that alternate downwards are in LH, to the right in HL, both in HH."""
    down, right = ((-1.0) ** np.indices((16, 16)))[..., None].astype("float32") * np.ones(3, "float32")
    images = np.stack([np.ones_like(down), down, right, down * right])
    strength = np.abs(wavelet_bands(images)).mean((1, 2))
    np.testing.assert_array_equal(strength.argmax(1), [0, 1, 2, 3])
    np.testing.assert_allclose(strength - np.diag(np.diag(strength)), 0, atol=1e-5)
    assert strength[0, 0] == pytest.approx(219 / 255, rel=1e-5)
