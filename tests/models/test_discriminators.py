import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.models import (
    DISCRIMINATORS,
    PatchDiscriminator,
    SRGANDiscriminator,
    UNetDiscriminator,
    VGG128Discriminator,
)
from srgan_tf.models.blocks import bilinear_double, bilinear_upsample
from srgan_tf.models.spectral import SpectralConv

CASES = {
    "patchgan": {"patch_size": 32, "features": 4, "norm": "batch"},
    "srgan": {"patch_size": 32, "features": 4},
    "unet": {"patch_size": 24, "features": 4},
    "vgg128": {"patch_size": 64, "features": 4},
}
LOGITS = {"patchgan": (2, 2, 2, 1), "srgan": (2, 1), "unet": (2, 24, 24, 1), "vgg128": (2, 1)}
MAPS = {"patchgan": 4, "srgan": 8, "unet": 9, "vgg128": 10}


def inputs_of(name: str) -> np.ndarray:
    size = CASES[name]["patch_size"]
    return contracts.images(size, size)


def test_every_discriminator_has_a_case():
    assert sorted(CASES) == sorted(DISCRIMINATORS)


@pytest.mark.parametrize(("model_class", "arguments", "expected"), [
    (PatchDiscriminator, {}, 2_764_737),  # CycleGAN's
    (PatchDiscriminator, {"norm": "batch"}, 2_765_633),
    (SRGANDiscriminator, {}, 23_565_505),
    (UNetDiscriminator, {"patch_size": 64}, 4_376_897),
    (VGG128Discriminator, {}, 14_499_401),
])
def test_trainable_parameters(model_class, arguments, expected):
    assert contracts.count(model_class, arguments) == expected


@pytest.mark.parametrize("name", CASES)
def test_config(name):
    contracts.check_config(DISCRIMINATORS[name], CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_initial_weights(name):
    contracts.check_initial_weights(DISCRIMINATORS[name], CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_file(name, tmp_path):
    contracts.check_file(DISCRIMINATORS[name], CASES[name], inputs_of(name), tmp_path)


@pytest.mark.parametrize("name", CASES)
def test_mixed_precision(name):
    contracts.check_mixed_precision(DISCRIMINATORS[name], CASES[name], inputs_of(name))


@pytest.mark.parametrize("name", CASES)
def test_logits(name):
    logits = np.asarray(contracts.randomize(DISCRIMINATORS[name](**CASES[name]))(inputs_of(name)))
    assert logits.shape == LOGITS[name]
    assert logits.dtype == "float32"
    assert logits.min() < 0 or logits.max() > 1  # no sigmoid


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_features_are_maps_and_logits_of_one_pass(name, training):
    model, inputs = contracts.randomize(DISCRIMINATORS[name](**CASES[name])), inputs_of(name)
    state = model.get_weights()
    logits = model(inputs, training=training)
    moved = model.get_weights()
    model.set_weights(state)
    *maps, last = model.features(inputs, training=training)
    np.testing.assert_array_equal(last, logits)
    for one, other in zip(moved, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)  # statistics and power iterations moved once, as in a call
    assert len(maps) == MAPS[name]
    for found in maps:
        assert found.shape[0] == 2
        assert len(found.shape) == 4
        assert np.std(found) > 0


@pytest.mark.parametrize("name", ["patchgan", "srgan", "vgg128"])
def test_batch_normalization_trains(name):
    model, inputs = DISCRIMINATORS[name](**CASES[name]), inputs_of(name)
    inference = np.asarray(model(inputs, training=False))
    training = np.asarray(model(inputs, training=True))
    assert np.abs(training - inference).max() > 1e-3
    assert np.abs(np.asarray(model(inputs, training=False)) - inference).max() > 1e-3  # the statistics moved


@pytest.mark.parametrize(("name", "size", "multiple"), [
    ("patchgan", 44, 8), ("srgan", 40, 16), ("unet", 20, 8), ("vgg128", 96 + 16, 32)])
def test_patch_size_is_checked(name, size, multiple):
    with pytest.raises(ValueError, match=f"patch_size of .* must be a multiple of {multiple}; got {size}"):
        DISCRIMINATORS[name](patch_size=size)
    with pytest.raises(ValueError, match="patch_size must be an integer of at least 1; got 0"):
        DISCRIMINATORS[name](patch_size=0)


def test_arguments_of_patchgan_are_checked():
    with pytest.raises(ValueError, match="must be a multiple of 8, at least 24; got 16"):
        PatchDiscriminator(patch_size=16)
    with pytest.raises(ValueError, match="unknown norm 'layer'; known: batch, instance"):
        PatchDiscriminator(norm="layer")


@pytest.mark.parametrize("name", CASES)
def test_another_size_is_refused_in_one_line(name):
    model = DISCRIMINATORS[name](**CASES[name])
    size = CASES[name]["patch_size"]
    with pytest.raises(ValueError, match=rf"expected shape=\(None, {size}, {size}, 3\), found shape=\(2, 16, 16, 3\)"):
        model(contracts.images(16, 16))


def test_a_logit_of_patchgan_sees_70_pixels():
    """The field of one logit: 70x70, as the paper says."""
    model = PatchDiscriminator(128, features=2, norm="batch")
    images = tf.constant(contracts.images(128, 128, count=1))
    with tf.GradientTape() as tape:
        tape.watch(images)
        logit = model(images)[0, 7, 7, 0]
    seen = np.abs(tape.gradient(logit, images)).sum((0, 3)) > 0
    assert seen.any(1).sum() == seen.any(0).sum() == 70


def test_spectral_convolution_is_the_kernel_by_its_greatest_singular_value():
    """Against NumPy's decomposition, once the power iterations have settled; evaluation moves nothing."""
    layer = SpectralConv(3, 5, kernel_size=4, strides=2, initializer=he)
    inputs = tf.constant(contracts.images(8, 8))
    kernel = layer.kernel.numpy()
    for _ in range(60):
        layer(inputs, training=True)
    np.testing.assert_array_equal(layer.kernel.numpy(), kernel)  # what is trained stays as it is
    state = layer.get_weights()
    outputs = layer(inputs)
    for one, other in zip(state, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    sigma = np.linalg.svd(kernel.reshape(-1, 5), compute_uv=False)[0]
    np.testing.assert_allclose(outputs, tf.nn.conv2d(inputs, kernel / sigma, 2, "SAME"), atol=1e-5)
    np.testing.assert_allclose([np.linalg.norm(layer.u), np.linalg.norm(layer.v)], 1, rtol=1e-5)


def he():
    return keras.initializers.HeNormal(seed=3)


def test_bilinear_double_is_bilinear_upsample():
    values = tf.constant(contracts.images(5, 4))
    np.testing.assert_allclose(bilinear_double(values), bilinear_upsample(values, 2), atol=1e-6)
