"""LDL against PyTorch (tools/make_torch_references.py) and against NumPy's variances of windows."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.losses import ldl
from srgan_tf.losses.artifacts import artifact_map


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).parents[1] / "references" / "ldl.npz") as arrays:
        return {name: value.transpose(0, 2, 3, 1) if value.ndim == 4 else value for name, value in arrays.items()}


def test_map_loss_and_gradient_are_pytorchs(reference):
    hr, sr, average = (tf.Variable(reference[name]) for name in ("hr", "sr", "average"))
    with tf.GradientTape() as tape:
        loss = ldl(hr, sr, average)
    assert loss.dtype == "float32"
    assert 0.2 < (reference["map"] == 0).mean() < 0.8  # both branches
    np.testing.assert_allclose(artifact_map(hr, sr, average), reference["map"], atol=1e-6)
    assert float(loss) == pytest.approx(float(reference["loss"]), rel=1e-5)
    gradient, to_average = tape.gradient(loss, (sr, average))
    np.testing.assert_allclose(gradient, reference["gradient"], atol=1e-8, rtol=1e-4)
    assert to_average is None


def test_map_is_the_variance_of_windows(reference):
    hr, sr = (reference[name].astype("float64") for name in ("hr", "sr"))
    residual = np.abs(hr - sr).sum(-1)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(residual, ((0, 0), (3, 3), (3, 3)), "reflect"), (7, 7), (1, 2))
    expected = windows.var((-1, -2), ddof=1) * residual.var((1, 2), ddof=1)[:, None, None] ** 0.2
    # The average meets the reference: nothing is left out.
    found = artifact_map(*(reference[name] for name in ("hr", "sr", "hr")))
    np.testing.assert_allclose(found[..., 0], expected, rtol=1e-4)


def test_where_the_average_is_worse_the_generator_is_left_alone(reference):
    hr, sr = reference["hr"], reference["sr"]
    assert float(ldl(hr, sr, hr + 5)) == 0


def test_equal_images_have_a_gradient():
    image = tf.Variable(np.full((1, 8, 8, 3), 0.5, "float32"))
    with tf.GradientTape() as tape:
        loss = ldl(image.numpy(), image, image.numpy())
    assert float(loss) == 0
    assert np.isfinite(tape.gradient(loss, image)).all()


def test_half_precision(reference):
    hr, sr, average = (reference[name] for name in ("hr", "sr", "average"))
    value = ldl(hr, tf.cast(sr, "bfloat16"), average)
    assert value.dtype == "float32"
    assert float(value) == pytest.approx(float(ldl(hr, sr, average)), rel=0.1)
