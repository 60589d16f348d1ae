"""The same random weights in PyTorch and here; tools/make_torch_references.py made the references.

Checkpoints of the authors' own networks are in tests/weights/test_parity.py.
"""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.models import EDSR, RRDB, MSRResNet, PatchDiscriminator, UNetDiscriminator, VGG128Discriminator
from srgan_tf.weights import Checkpoint, check, fill
from srgan_tf.weights.layers import Plain, Slot

REFERENCES = Path(__file__).parents[1] / "references"


def load(name: str) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Input and output in Keras' layout, and the weights by state_dict name."""
    with np.load(REFERENCES / f"{name}.npz") as stored:
        arrays = dict(stored)
    inputs, outputs = arrays.pop("input"), arrays.pop("output")
    return inputs.transpose(0, 2, 3, 1), outputs.transpose(0, 2, 3, 1) if outputs.ndim == 4 else outputs, arrays


def put(model, family: str, state: dict[str, np.ndarray]) -> None:
    checkpoint = Checkpoint(family, "basicsr", {}, state)
    check(model, checkpoint)
    fill(model, checkpoint)


def compare(model, inputs: np.ndarray, expected: np.ndarray) -> None:
    assert np.std(expected) > 0.1  # the reference tells something
    np.testing.assert_allclose(np.asarray(model(inputs)), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("name", "model"), [
    ("edsr_x4", lambda: EDSR(4, features=8, blocks=2, residual_scale=0.5)),
    ("edsr_x3", lambda: EDSR(3, features=8, blocks=2)),
    ("msrresnet_x4", lambda: MSRResNet(features=8, blocks=2)),
    ("rrdb_x4", lambda: RRDB(features=8, growth_channels=4, blocks=2)),
    ("vgg128_64px", lambda: VGG128Discriminator(64, features=2)),
])
def test_output_is_pytorchs(name, model):
    inputs, expected, state = load(name)
    model = model()
    put(model, name.split("_")[0], state)
    compare(model, inputs, expected)


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_patchgan_discriminator(norm):
    inputs, expected, state = load(f"patchgan_{norm}_32px")
    model = PatchDiscriminator(32, features=2, norm=norm)
    slots = [Slot("0", model.first), Slot("11", model.last)]
    for index, (convolution, layer) in enumerate(zip(model.convolutions, model.norms, strict=True)):
        slots.append(Slot(str(2 + 3 * index), convolution))
        if norm == "batch":
            slots.append(Slot(str(3 + 3 * index), layer, Plain()))
    for slot in slots:
        slot.layer.set_weights(slot.kind.to_keras(*[state.pop(name) for name in slot.names]))
    assert not state
    compare(model, inputs, expected)


def test_unet_discriminator_trains_as_in_pytorch():
    """Three steps of gradient descent under spectral normalisation, then evaluation."""
    with np.load(REFERENCES / "unet_16px.npz") as arrays:
        arrays = dict(arrays)
    before, after = ({key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
                     for prefix in ("before/", "after/"))
    model, expected = UNetDiscriminator(16, features=2), UNetDiscriminator(16, features=2)
    put(model, "unet", before)
    put(expected, "unet", after)
    inputs = arrays["input"].transpose(0, 2, 3, 1)
    for step in range(3):
        with tf.GradientTape() as tape:
            outputs = model(inputs, training=True)
            loss = tf.reduce_mean((outputs - 1) ** 2)
        np.testing.assert_allclose(outputs, arrays[f"output_{step}"].transpose(0, 2, 3, 1), atol=1e-5)
        weights = [variable.value for variable in model.trainable_variables]
        for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
            weight.assign_sub(0.2 * gradient)
    assert abs(arrays["output_2"] - arrays["output_0"]).mean() > 0.1  # the steps did something
    for one, other in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    evaluated = arrays["output"].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(model(inputs), evaluated, atol=1e-5)
    np.testing.assert_allclose(expected(inputs), evaluated, atol=1e-5)
