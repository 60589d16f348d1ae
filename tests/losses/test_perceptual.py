import contracts
import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.losses import PerceptualLoss, parse_terms, total_loss
from srgan_tf.models import VGG19Features

HR, SR = contracts.images(12, 10, seed=1), contracts.images(12, 10, seed=2)


@pytest.mark.parametrize("activated", [False, True])
@pytest.mark.parametrize("squared", [False, True])
def test_formula(activated, squared):
    (real,), (fake,) = (VGG19Features(("conv2_2",), activated, "random")(x) for x in (HR, SR))
    difference = (np.asarray(real, "float64") - np.asarray(fake)) / 12.75
    expected = (difference**2 if squared else np.abs(difference)).mean()
    name = "vgg22" + "_relu" * activated + "_mse" * squared
    values = PerceptualLoss((name,), "random")(HR, SR)
    assert list(values) == [name]
    value = values[name]
    assert value.dtype == "float32"
    assert value.shape == ()
    assert float(value) == pytest.approx(expected, rel=1e-4)


def test_equal_images_are_at_no_distance():
    assert float(PerceptualLoss(("vgg12",), "random")(HR, HR)["vgg12"]) == 0


def test_the_generators_image_gets_the_gradient():
    loss = PerceptualLoss(("vgg21",), "random")
    hr, sr = tf.Variable(HR), tf.Variable(SR)
    with tf.GradientTape() as tape:
        value = loss(hr, sr)["vgg21"]
    to_reference, to_image = tape.gradient(value, (hr, sr))
    assert to_reference is None
    assert np.isfinite(to_image).all()
    assert (np.abs(to_image).sum((1, 2, 3)) > 0).all()
    closer = loss(HR, SR - 0.01 * np.sign(to_image))["vgg21"]
    assert float(closer) < float(value)


def test_bfloat16_leaves_the_value_and_the_gradient():
    found = []
    for precision in ("float32", "mixed_bfloat16", "mixed_float16"):
        sr = tf.Variable(SR)
        with tf.GradientTape() as tape:
            total, values = total_loss(parse_terms("vgg22", "random", precision), HR, sr)
        assert values["vgg22"].dtype == "float32"
        found.append((float(total), np.ravel(tape.gradient(total, sr))))
    (exact, gradient), (rounded, close), (of_float16, same) = found
    assert exact != rounded == pytest.approx(exact, rel=0.01)
    assert gradient @ close > 0.995 * np.linalg.norm(gradient) * np.linalg.norm(close)
    assert of_float16 == exact  # whose range is too small
    np.testing.assert_array_equal(same, gradient)


def test_many_layers_share_one_pass(monkeypatch):
    """Real-ESRGAN's terms, shortened: the values of separate networks, from two passes in all."""
    names = ("vgg12", "vgg22", "vgg34", "vgg22_relu_mse")
    passes = []
    call = VGG19Features.call
    monkeypatch.setattr(VGG19Features, "call", lambda self, inputs: passes.append(1) or call(self, inputs))
    terms = parse_terms("vgg12:0.1,l1:1,vgg22:0.1,vgg34,vgg22_relu_mse:3", vgg_weights="random")
    total, values = total_loss(terms, HR, SR)
    assert len(passes) == 2  # one for each image
    separate = {name: PerceptualLoss((name,), "random")(HR, SR)[name] for name in names}
    for name, value in separate.items():
        assert float(values[name]) == pytest.approx(float(value), rel=1e-6)
    expected = np.abs(HR - SR).mean() + sum(
        weight * float(separate[name]) for name, weight in zip(names, (0.1, 0.1, 1, 3), strict=True))
    assert float(total) == pytest.approx(expected, rel=1e-5)
