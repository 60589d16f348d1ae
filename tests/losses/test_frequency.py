"""The focal frequency loss against NumPy's Fourier transform."""

import contracts
import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.losses import focal_frequency

HR, SR = contracts.images(12, 10, seed=1), contracts.images(12, 10, seed=2)


def test_formula():
    spectra = [np.fft.fft2(images.astype("float64"), axes=(1, 2), norm="ortho") for images in (HR, SR)]
    distance = np.abs(spectra[1] - spectra[0])
    weight = distance / distance.max((1, 2), keepdims=True)
    value = focal_frequency(HR, SR)
    assert value.dtype == "float32"
    assert value.shape == ()
    assert float(value) == pytest.approx((weight * distance**2).mean(), rel=1e-5)


def test_weights_are_constants():
    """The gradient is 2 w D, transformed back: no derivative of the weight is in it."""
    spectrum = np.fft.fft2(SR.astype("float64") - HR, axes=(1, 2), norm="ortho")
    weight = np.abs(spectrum) / np.abs(spectrum).max((1, 2), keepdims=True)
    expected = 2 * np.fft.ifft2(weight * spectrum, axes=(1, 2), norm="ortho").real / SR.size
    sr = tf.Variable(SR)
    with tf.GradientTape() as tape:
        loss = focal_frequency(HR, sr)
    np.testing.assert_allclose(tape.gradient(loss, sr), expected, atol=1e-8, rtol=1e-3)


def test_the_frequency_that_is_furthest_off_counts_fully():
    """One wave of amplitude A holds A^2 / 4 per pixel in each of its two frequencies, both of weight 1."""
    wave = 0.1 * np.cos(2 * np.pi * 3 * np.arange(16) / 16)
    sr = np.broadcast_to(0.5 + wave[:, None, None], (1, 16, 16, 3)).astype("float32")
    value = focal_frequency(np.full_like(sr, 0.5), sr)
    assert float(value) == pytest.approx(0.1**2 / 2, rel=1e-4)
