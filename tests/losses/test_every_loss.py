"""What holds for every loss of two images."""

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.config import TrainConfig
from srgan_tf.losses import LOSSES, parse_terms, total_loss
from srgan_tf.losses.terms import smallest_side
from srgan_tf.training import build_step

HR, SR = contracts.images(24, 22, seed=1), contracts.images(24, 22, seed=2)
SMALL = {"model": "edsr", "model_args": "features:4,blocks:1", "patch_size": 24}


def gradient(name: str, hr: np.ndarray, sr: np.ndarray) -> tuple[float, np.ndarray]:
    sr = tf.Variable(sr)
    with tf.GradientTape() as tape:
        loss = LOSSES[name](hr, sr)
    return float(loss), tape.gradient(loss, sr).numpy()


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_images_give_a_float32_loss(name):
    for dtype in ("bfloat16", "float16"):
        value = LOSSES[name](tf.constant(HR), tf.cast(SR, dtype))
        assert value.dtype == "float32"
        assert float(value) == pytest.approx(float(LOSSES[name](HR, SR)), rel=0.02)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("value", [0.0, 1.0, 0.5])
def test_gradients_of_equal_and_of_flat_images_are_finite(name, value):
    flat = np.full_like(HR, value)
    for hr, sr in ((flat, flat), (HR, HR), (flat, SR), (HR, flat), (flat, flat - 0.1), (flat, flat + 0.1)):
        loss, slopes = gradient(name, hr, sr)
        assert np.isfinite(loss)
        assert np.isfinite(slopes).all()
        assert np.abs(slopes).max() < 1
        if hr is sr and name not in ("tv", "charbonnier"):
            assert loss == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", sorted({*LOSSES} - {"tv"}))
def test_a_step_down_the_gradient_comes_closer(name):
    loss, slopes = gradient(name, HR, SR)
    assert (np.abs(slopes).sum((1, 2, 3)) > 0).all()
    assert gradient(name, HR, SR - 1e-3 * np.sign(slopes))[0] < loss
    assert loss > gradient(name, HR, (HR + SR) / 2)[0] > 0


@pytest.mark.parametrize("name", LOSSES)
def test_the_smallest_side_is_enough(name):
    side = smallest_side(name)
    loss, slopes = gradient(name, HR[:, :side, :side], SR[:, :side, :side])
    assert np.isfinite(loss)
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize("name", ["vgg12", "vgg31"])
def test_the_smallest_side_of_vgg_is_one_pixel_of_its_map(name):
    side = smallest_side(name)
    terms = parse_terms(name, "random")
    assert np.isfinite(total_loss(terms, HR[:, :side, :side], SR[:, :side, :side])[0])
    assert side == {"vgg12": 1, "vgg31": 4}[name]


@pytest.mark.parametrize(("losses", "smallest", "side"), [
    ("msssim", 11, 10), ("l1,color", 4, 2), ("wavelet", 14, 12), ("l1,grid", 4, 2), ("vgg31", 4, 2), ("ldl", 4, 2),
    ("tv", 2, 1)])
def test_crops_too_small_for_a_term_are_refused_at_the_start(losses, smallest, side):
    config = TrainConfig(**{**SMALL, "losses": losses, "vgg_weights": "random", "scale": 2 if side > 1 else 1,
                            "patch_size": side})
    message = f"--losses={losses.split(',')[-1]} needs crops of at least {smallest} pixels; got --patch_size={side}"
    with pytest.raises(ValueError, match=message):
        build_step(config)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_two_steps_of_training(precision):
    """Each of the terms that are not of single pixels, weighted so that none is lost among the others."""
    losses = "msssim,color,luma,focal_frequency,grid,wavelet"
    keras.utils.set_random_seed(0)
    step = build_step(TrainConfig(**SMALL, losses=losses, precision=precision, learning_rate=1e-3))
    lr, hr = tf.constant(HR[:, :6, :6]), tf.constant(np.repeat(np.repeat(HR[:, :6, :6], 4, 1), 4, 2))
    first, second = ({name: float(value) for name, value in step(lr, hr).items()} for _ in range(2))
    for name in losses.split(","):
        assert 0 < second[f"loss/{name}"] < 10, name
    assert second["loss"] < first["loss"]
    assert 0 < first["gradient_norm"] < 1000
