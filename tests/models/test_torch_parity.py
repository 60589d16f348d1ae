"""The same random weights in PyTorch and here; tools/make_torch_references.py made the references."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.models import EDSR, RRDB, MSRResNet, PatchDiscriminator, UNetDiscriminator, VGG128Discriminator

REFERENCES = Path(__file__).parents[1] / "references"


class Reference:
    """A stored network: weights by state_dict name, each to be used exactly once."""

    def __init__(self, name: str):
        with np.load(REFERENCES / f"{name}.npz") as arrays:
            self.arrays = dict(arrays)
        self.inputs = self.arrays.pop("input").transpose(0, 2, 3, 1)
        self.outputs = self.arrays.pop("output")

    def conv(self, layer, name: str, shuffle: int = 1, bias_scale: float = 1.0) -> None:
        """OIHW -> HWIO; before a pixel shuffle, output channel c r^2 + k -> k C + c."""
        kernel = self.arrays.pop(f"{name}.weight").transpose(2, 3, 1, 0)
        bias = self.arrays.pop(f"{name}.bias", None)
        order = np.arange(kernel.shape[-1]).reshape(-1, shuffle**2).T.ravel()
        layer.set_weights([kernel[..., order]] + ([] if bias is None else [bias_scale * bias[order]]))

    def norm(self, layer, name: str) -> None:
        keys = ("weight", "bias", "running_mean", "running_var")
        layer.set_weights([self.arrays.pop(f"{name}.{key}") for key in keys])

    def dense(self, layer, name: str, channels: int = 1) -> None:
        """[out,in] -> [in,out]; rows of a flattened map from CHW order to HWC order."""
        kernel = self.arrays.pop(f"{name}.weight").T
        rows = np.arange(len(kernel)).reshape(channels, -1).T.ravel()
        layer.set_weights([kernel[rows], self.arrays.pop(f"{name}.bias")])

    def check(self, model) -> None:
        assert not self.arrays, f"left over: {sorted(self.arrays)}"
        outputs = np.asarray(model(self.inputs))
        expected = self.outputs.transpose(0, 2, 3, 1) if self.outputs.ndim == 4 else self.outputs
        assert np.std(expected) > 0.1  # the reference tells something
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("scale", "residual_scale"), [(4, 0.5), (3, 1.0)])
def test_edsr(scale, residual_scale):
    reference = Reference(f"edsr_x{scale}")
    model = EDSR(scale, features=8, blocks=2, residual_scale=residual_scale)
    step = 3 if scale == 3 else 2
    scaled = {"bias_scale": 1 / 255}  # the reference sees 0..255
    reference.conv(model.head, "conv_first", **scaled)
    for index, block in enumerate(model.body):
        reference.conv(block.conv1, f"body.{index}.conv1", **scaled)
        reference.conv(block.conv2, f"body.{index}.conv2", **scaled)
    reference.conv(model.body_end, "conv_after_body", **scaled)
    for index, upsample in enumerate(model.upsampling):
        reference.conv(upsample.conv, f"upsample.{2 * index}", shuffle=step, **scaled)
    reference.conv(model.tail, "conv_last", **scaled)
    reference.check(model)


def test_msrresnet():
    reference = Reference("msrresnet_x4")
    model = MSRResNet(features=8, blocks=2)
    reference.conv(model.head, "conv_first")
    for index, block in enumerate(model.body):
        reference.conv(block.conv1, f"body.{index}.conv1")
        reference.conv(block.conv2, f"body.{index}.conv2")
    for index, upsample in enumerate(model.upsampling, 1):
        reference.conv(upsample.conv, f"upconv{index}", shuffle=2)
    reference.conv(model.refine, "conv_hr")
    reference.conv(model.tail, "conv_last")
    reference.check(model)


def test_rrdb():
    reference = Reference("rrdb_x4")
    model = RRDB(features=8, growth_channels=4, blocks=2)
    reference.conv(model.head, "conv_first")
    for index, block in enumerate(model.body):
        for dense_index, dense in enumerate(block.dense_blocks, 1):
            for conv_index, layer in enumerate([*dense.growing, dense.last], 1):
                reference.conv(layer, f"body.{index}.rdb{dense_index}.conv{conv_index}")
    reference.conv(model.body_end, "conv_body")
    for index, layer in enumerate(model.upsampling, 1):
        reference.conv(layer, f"conv_up{index}")
    reference.conv(model.refine, "conv_hr")
    reference.conv(model.tail, "conv_last")
    reference.check(model)


def test_vgg128_discriminator():
    reference = Reference("vgg128_64px")
    model = VGG128Discriminator(64, features=2)
    *units, _, hidden, _, last = model.network
    for index, unit in enumerate(units):
        name = f"{index // 2}_{index % 2}"
        reference.conv(unit.conv, f"conv{name}")
        if unit.norm is not None:
            reference.norm(unit.norm, f"bn{name}")
    reference.dense(hidden, "linear1", channels=16)
    reference.dense(last, "linear2")
    reference.check(model)


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_patchgan_discriminator(norm):
    reference = Reference(f"patchgan_{norm}_32px")
    model = PatchDiscriminator(32, features=2, norm=norm)
    reference.conv(model.first, "0")
    for index, (convolution, layer) in enumerate(zip(model.convolutions, model.norms, strict=True)):
        reference.conv(convolution, str(2 + 3 * index))
        if norm == "batch":
            reference.norm(layer, str(3 + 3 * index))
    reference.conv(model.last, "11")
    reference.check(model)


def load_unet(model, state: dict[str, np.ndarray]) -> None:
    """From PyTorch's spectral_norm: OIHW -> HWIO, and v from [channels,height,width] likewise."""
    state = dict(state)
    layers = [model.first, *model.down, *model.up, *model.refine, model.last]
    for index, layer in enumerate(layers):
        name = f"conv{index}"
        if layer in (model.first, model.last):
            layer.set_weights([state.pop(f"{name}.weight").transpose(2, 3, 1, 0), state.pop(f"{name}.bias")])
            continue
        kernel = state.pop(f"{name}.weight_orig").transpose(2, 3, 1, 0)
        v = state.pop(f"{name}.weight_v").reshape(kernel.shape[2], *kernel.shape[:2]).transpose(1, 2, 0).ravel()
        layer.set_weights([kernel, state.pop(f"{name}.weight_u"), v])
    assert not state, f"left over: {sorted(state)}"


def test_unet_discriminator_trains_as_in_pytorch():
    """Three steps of gradient descent under spectral normalisation, then evaluation."""
    with np.load(REFERENCES / "unet_16px.npz") as arrays:
        arrays = dict(arrays)
    before, after = ({key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
                     for prefix in ("before/", "after/"))
    model, expected = UNetDiscriminator(16, features=2), UNetDiscriminator(16, features=2)
    load_unet(model, before)
    load_unet(expected, after)
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
