import contracts
import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.losses import LOSSES, charbonnier, l1, mse, total_variation

HR, SR = contracts.images(6, 5, seed=1), contracts.images(6, 5, seed=2)
DIFFERENCE = SR.astype("float64") - HR


@pytest.mark.parametrize(("loss", "expected"), [
    (l1, np.abs(DIFFERENCE).mean()),
    (mse, (DIFFERENCE**2).mean()),
    (charbonnier, np.sqrt(DIFFERENCE**2 + 1e-6).mean()),
])
def test_formula(loss, expected):
    value = loss(HR, SR)
    assert value.dtype == "float32"
    assert value.shape == ()
    assert float(value) == pytest.approx(expected, rel=1e-6)
    assert float(loss(SR, HR)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["l1", "mse", "charbonnier"])
def test_gradient(name):
    sr = tf.Variable(SR)
    sr[:, :3].assign(HR[:, :3])  # equal pixels too: charbonnier's root must not divide by zero
    with tf.GradientTape() as tape:
        loss = LOSSES[name](HR, sr)
    gradient = tape.gradient(loss, sr).numpy()
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(np.sign(gradient), np.sign(sr.numpy() - HR))


def test_pixel_is_esrgans_name_of_l1():
    assert LOSSES["pixel"] is l1


def test_total_variation_is_of_the_output_alone():
    """Against TensorFlow's, which sums instead of averaging."""
    flat = np.zeros_like(SR)
    value = total_variation(HR, SR)
    assert value.dtype == "float32"
    assert float(value) == float(total_variation(flat, SR))
    assert float(total_variation(HR, flat)) == 0
    count, height, width, channels = SR.shape
    rows = np.repeat(SR[:, :, :1], width, 2)  # changes downwards only
    columns = np.repeat(SR[:, :1], height, 1)
    for image, pairs in ((rows, (height - 1) * width), (columns, height * (width - 1))):
        expected = np.sum(tf.image.total_variation(tf.constant(image))) / (count * pairs * channels)
        assert float(total_variation(HR, image)) == pytest.approx(expected, rel=1e-5)
    with tf.GradientTape() as tape:
        sr = tf.Variable(SR)
        loss = total_variation(HR, sr)
    smoother = SR - 1e-3 * np.sign(tape.gradient(loss, sr))
    assert float(total_variation(HR, smoother)) < float(value)
