import contracts
import numpy as np
import pytest

from srgan_tf.models import EDSR, SRResNet, VGG128Discriminator, interpolate

INPUTS = contracts.images(5, 4)


def ends(model_class=EDSR):
    return [contracts.randomize(model_class(2, features=4, blocks=1), seed=seed) for seed in (1, 2)]


@pytest.mark.parametrize("model_class", [EDSR, SRResNet])  # the second has statistics beside its weights
def test_ends_and_the_way_between(model_class):
    a, b = ends(model_class)
    for alpha, end in ((0, a), (1, b)):
        np.testing.assert_array_equal(interpolate(a, b, alpha)(INPUTS), end(INPUTS))
    between = interpolate(a, b, 0.25)
    for weight, one, other in zip(between.get_weights(), a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(weight, 0.75 * one + 0.25 * other, rtol=1e-6, atol=1e-7)
    assert np.abs(between(INPUTS) - a(INPUTS)).max() > 1e-3
    assert between.get_config() == a.get_config()


def test_networks_must_be_alike():
    a, b = ends()
    with pytest.raises(ValueError, match=r"must have the same architecture and arguments.*'blocks': 1.*'blocks': 2"):
        interpolate(a, EDSR(2, features=4, blocks=2), 0.5)
    with pytest.raises(ValueError, match=r"within 0\.\.1; got 1\.5"):
        interpolate(a, b, 1.5)
    with pytest.raises(ValueError, match="got a VGG128Discriminator"):
        interpolate(a, VGG128Discriminator(32, features=2), 0.5)
