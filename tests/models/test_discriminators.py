import contracts
import numpy as np
import pytest

from srgan_tf.models import DISCRIMINATORS, SRGANDiscriminator, VGG128Discriminator

CASES = {
    "srgan": {"patch_size": 32, "features": 4},
    "vgg128": {"patch_size": 64, "features": 4},
}


def inputs_of(name: str) -> np.ndarray:
    size = CASES[name]["patch_size"]
    return contracts.pictures(size, size)


def test_every_discriminator_has_a_case():
    assert sorted(CASES) == sorted(DISCRIMINATORS)


@pytest.mark.parametrize(("model_class", "expected"), [
    (SRGANDiscriminator, 23_565_505),
    (VGG128Discriminator, 14_499_401),
])
def test_trainable_parameters(model_class, expected):
    assert contracts.count(model_class, {}) == expected


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
    assert logits.shape == (2, 1)
    assert logits.dtype == "float32"
    assert logits.min() < 0 or logits.max() > 1  # no sigmoid


@pytest.mark.parametrize("name", CASES)
def test_batch_normalization_trains(name):
    model, inputs = DISCRIMINATORS[name](**CASES[name]), inputs_of(name)
    inference = np.asarray(model(inputs, training=False))
    training = np.asarray(model(inputs, training=True))
    assert np.abs(training - inference).max() > 1e-3
    assert np.abs(np.asarray(model(inputs, training=False)) - inference).max() > 1e-3  # the statistics moved


@pytest.mark.parametrize(("name", "size", "multiple"), [("srgan", 40, 16), ("vgg128", 96 + 16, 32)])
def test_patch_size_is_checked(name, size, multiple):
    with pytest.raises(ValueError, match=f"patch_size of .* must be a multiple of {multiple}; got {size}"):
        DISCRIMINATORS[name](patch_size=size)
    with pytest.raises(ValueError, match="patch_size must be an integer of at least 1; got 0"):
        DISCRIMINATORS[name](patch_size=0)


@pytest.mark.parametrize("name", CASES)
def test_another_size_is_refused_in_one_line(name):
    model = DISCRIMINATORS[name](**CASES[name])
    size = CASES[name]["patch_size"]
    with pytest.raises(ValueError, match=rf"expected shape=\(None, {size}, {size}, 3\), found shape=\(2, 16, 16, 3\)"):
        model(contracts.pictures(16, 16))
