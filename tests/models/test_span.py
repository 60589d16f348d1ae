"""SPAN's two forms, against each other and against the paper's four convolutions."""

import contracts
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from models.cases import CASES

from srgan_tf.models import GENERATORS, SPAN
from srgan_tf.models.span import Conv3XC


@pytest.fixture(scope="module")
def trained():
    return contracts.randomize(SPAN(2, features=8, blocks=2))


def test_folded_form_computes_the_same(trained):
    folded, inputs = trained.fold(), contracts.images(7, 5)
    expected = np.asarray(trained(inputs))
    assert folded.get_config() == {**trained.get_config(), "folded": True}
    assert {layer.kernel.shape[:2] for layer in folded.convolutions()} == {(3, 3)}
    np.testing.assert_allclose(folded(inputs), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert folded.fold() is folded


def four_convolutions(layer, x):
    """As the authors train it: the zero padding is around the first 1x1 convolution."""
    inner = ops.conv(ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), layer.widen.kernel) + layer.widen.bias
    inner = ops.conv(inner, layer.spread.kernel, padding="valid") + layer.spread.bias
    return layer.narrow(inner) + layer.skip(x)


def test_one_convolution_is_the_papers_four_in_outputs_and_gradients():
    layer, x = contracts.randomize(Conv3XC(3, 4)), tf.constant(contracts.images(5, 6))
    results = []
    for form in (layer, lambda x: four_convolutions(layer, x)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = form(x)
            loss = ops.sum(ops.sin(3 * y))
        sources = [x, *(weight.value for weight in layer.trainable_weights)]
        results.append([y, *tape.gradient(loss, sources)])
    assert len(results[0]) == 2 + 8
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_kernels_are_folded_in_float32_and_rounded_once(trained):
    mixed = SPAN(**trained.get_config(), dtype="mixed_bfloat16")
    mixed.set_weights(trained.get_weights())
    inputs = contracts.images(7, 5)
    np.testing.assert_array_equal(mixed(inputs), mixed.fold()(inputs))
    assert mixed.fold().dtype_policy.name == "mixed_bfloat16"
    for part, expected in zip(mixed.head.fold(), trained.head.fold(), strict=True):
        np.testing.assert_array_equal(part, expected)


def test_normalized_network_sees_0_to_255_less_the_mean():
    plain = contracts.randomize(SPAN(2, features=4, blocks=1, normalized=False))
    normalized = SPAN(2, features=4, blocks=1)
    normalized.set_weights(plain.get_weights())
    inputs = contracts.images(4, 6)
    seen = (inputs - np.array([0.4488, 0.4371, 0.4040], "float32")) * 255
    np.testing.assert_allclose(normalized(inputs), plain(seen), rtol=1e-5, atol=1e-5)


def test_generators_of_one_form_are_their_own_fold():
    model = GENERATORS["edsr"](**CASES["edsr"])
    assert model.fold() is model


def test_a_smaller_scale_begins_with_the_averages_of_a_larger_one():
    large, small, other = (SPAN(scale, features=4, blocks=1, folded=True) for scale in (4, 2, 3))
    contracts.randomize(large)
    image = contracts.images(5, 7)
    assert small.adopt(large)
    np.testing.assert_allclose(small(image), np.reshape(large(image), (-1, 10, 2, 14, 2, 3)).mean((2, 4)), atol=1e-5)
    assert not other.adopt(large)
    assert not large.adopt(small)


def test_a_folded_network_begins_with_one_that_is_not():
    trained, folded = (SPAN(features=4, blocks=1, folded=is_folded) for is_folded in (False, True))
    contracts.randomize(trained)
    image = contracts.images(5, 7)
    assert folded.adopt(trained)
    np.testing.assert_allclose(folded(image), trained(image), rtol=1e-4, atol=1e-4)
    assert not trained.adopt(folded)
