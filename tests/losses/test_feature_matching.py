import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.losses import feature_matching, parse_terms, total_loss

RANDOM = np.random.default_rng(0)
REAL, FAKE = ([RANDOM.normal(size=(2, side, side, side)).astype("float32") for side in (8, 4)] for _ in range(2))


def test_formula():
    expected = sum(np.abs(real.astype("float64") - fake).mean() for real, fake in zip(REAL, FAKE, strict=True))
    value = feature_matching(None, None, REAL, FAKE)
    assert value.dtype == "float32"
    assert value.shape == ()
    assert float(value) == pytest.approx(expected, rel=1e-6)
    half = feature_matching(None, None, *([tf.cast(found, "bfloat16") for found in maps] for maps in (REAL, FAKE)))
    assert half.dtype == "float32"
    assert float(half) == pytest.approx(expected, rel=1e-2)


def test_real_maps_are_constants():
    real, fake = ([tf.Variable(found) for found in maps] for maps in (REAL, FAKE))
    with tf.GradientTape() as tape:
        value = feature_matching(None, None, real, fake)
    to_real, to_fake = tape.gradient(value, (real, fake))
    assert to_real == [None, None]
    for found, one, other in zip(to_fake, FAKE, REAL, strict=True):
        np.testing.assert_allclose(found, np.sign(one - other) / one.size, rtol=1e-5)


def test_as_a_term():
    (term,) = parse_terms("features:0.5")
    total, values = total_loss((term,), None, None, real_maps=REAL, fake_maps=FAKE)
    assert float(total) == pytest.approx(0.5 * float(values["features"]))
    assert values["features"] > 0
