import contracts
import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.losses import PerceptualLoss
from srgan_tf.models import VGG19Features

HR, SR = contracts.pictures(12, 10, seed=1), contracts.pictures(12, 10, seed=2)


@pytest.mark.parametrize("activated", [False, True])
@pytest.mark.parametrize("squared", [False, True])
def test_formula(activated, squared):
    (real,), (fake,) = (VGG19Features(("conv2_2",), activated, "random")(x) for x in (HR, SR))
    difference = (np.asarray(real, "float64") - np.asarray(fake)) / 12.75
    expected = (difference**2 if squared else np.abs(difference)).mean()
    value = PerceptualLoss("conv2_2", activated, squared, "random")(HR, SR)
    assert value.dtype == "float32"
    assert value.shape == ()
    assert float(value) == pytest.approx(expected, rel=1e-4)


def test_equal_pictures_are_at_no_distance():
    assert float(PerceptualLoss("conv1_2", weights="random")(HR, HR)) == 0


def test_the_generators_picture_gets_the_gradient():
    loss = PerceptualLoss("conv2_1", weights="random")
    hr, sr = tf.Variable(HR), tf.Variable(SR)
    with tf.GradientTape() as tape:
        value = loss(hr, sr)
    to_reference, to_picture = tape.gradient(value, (hr, sr))
    assert to_reference is None
    assert np.isfinite(to_picture).all()
    assert (np.abs(to_picture).sum((1, 2, 3)) > 0).all()
    closer = loss(HR, SR - 0.01 * np.sign(to_picture))
    assert float(closer) < float(value)
