"""What is particular to one architecture, against its paper."""

import contracts
import numpy as np
import pytest
from keras import ops
from models.cases import CASES, LUMA

from srgan_tf.imaging import matlab_resize
from srgan_tf.models import EDSR, GENERATORS, RRDB, SRVGG, ESRGANPlus, SRResNet


def test_batch_statistics_are_extra():
    model = SRResNet()
    assert sum(int(np.prod(weight.shape)) for weight in model.non_trainable_weights) == 4_224


def test_output_is_not_clipped():
    model = EDSR(features=4, blocks=1)
    model.tail.bias.assign([2.0, -2.0, 0.0])
    outputs = np.asarray(model(contracts.images(4, 4)))
    assert outputs.max() > 1.5
    assert outputs.min() < -0.5


def test_batch_normalization_trains():
    model = SRResNet(**CASES["srresnet"])
    inputs = contracts.images(6, 6)
    before = model.body_norm.moving_mean.numpy()
    inference = np.asarray(model(inputs, training=False))
    np.testing.assert_array_equal(before, model.body_norm.moving_mean.numpy())
    training = np.asarray(model(inputs, training=True))
    assert np.abs(training - inference).max() > 1e-3
    assert np.abs(before - model.body_norm.moving_mean.numpy()).max() > 0
    assert np.abs(model.body[0].norm2.moving_variance.numpy() - 1).max() > 0


@pytest.mark.parametrize(("name", "args", "layer", "std"), [
    ("edsr", {"features": 64, "blocks": 1}, lambda m: m.body[0].conv1, (1 / (3 * 9 * 64)) ** 0.5),
    ("rrdb", {"features": 64, "blocks": 1}, lambda m: m.body[0].dense_blocks[0].last, 0.1 * (2 / (9 * 192)) ** 0.5),
    ("rrdb", {"features": 64, "blocks": 1}, lambda m: m.body_end, (1 / (3 * 9 * 64)) ** 0.5),
    ("msrresnet", {"features": 64, "blocks": 1}, lambda m: m.body[0].conv2, 0.1 * (2 / (9 * 64)) ** 0.5),
])
def test_initial_spread(name, args, layer, std):
    assert np.std(layer(GENERATORS[name](**args)).kernel) == pytest.approx(std, rel=0.02)


def test_dense_block_does_not_activate_its_fifth_convolution():
    model = RRDB(features=4, growth_channels=2, blocks=1, residual_scale=1.0)
    block = model.body[0].dense_blocks[0]
    block.last.kernel.assign(np.zeros(block.last.kernel.shape))
    block.last.bias.assign([-1.0] * 4)
    inputs = np.zeros((1, 3, 3, 4), "float32")
    np.testing.assert_allclose(block(inputs), -np.ones_like(inputs))


def ycbcr(rgb: np.ndarray) -> np.ndarray:
    """MATLAB's rgb2ycbcr, from the rows of its matrix."""
    rows = [[65.481, 128.553, 24.966], [-37.797, -74.203, 112], [112, -93.786, -18.214]]
    return rgb @ np.transpose(rows) / 255 + np.array([16, 128, 128]) / 255


@pytest.mark.parametrize("name", LUMA)
def test_luma_is_the_networks_and_chroma_is_bicubic(name):
    model = contracts.randomize(GENERATORS[name](**CASES[name]))
    image = contracts.images(9, 7, 1)
    bicubic = matlab_resize(image[0].astype("float64"), 4, edge="replicate")
    found = ycbcr(np.asarray(model(image), "float64")[0])
    low, upscaled = (np.float32(ycbcr(rgb))[None, ..., :1] for rgb in (image[0], bicubic))
    luma = np.asarray(model.enhance(ops.convert_to_tensor(low), ops.convert_to_tensor(upscaled)))[0, ..., 0]
    tolerance = 1e-5 * max(1, np.abs(luma).max())
    np.testing.assert_allclose(found[..., 0], luma, atol=tolerance)
    np.testing.assert_allclose(found[..., 1:], ycbcr(bicubic)[..., 1:], atol=tolerance)
    assert np.abs(luma - upscaled[0, ..., 0]).max() > 0.01


def test_drcn_sums_the_images_of_its_recursions():
    model = GENERATORS["drcn"](**CASES["drcn"])
    model.ensemble.assign([0.25, 0.75])
    upscaled = ops.convert_to_tensor(contracts.images(6, 7)[..., :1])
    state = ops.relu(model.embedding_end(ops.relu(model.head(upscaled))))
    expected = 0
    for weight in (0.25, 0.75):
        state = ops.relu(model.recursion(state))
        expected += weight * (upscaled + model.tail(ops.relu(model.rebuilding(state))))
    np.testing.assert_allclose(model.enhance(None, upscaled), expected, atol=1e-5)
    np.testing.assert_allclose(model.recursion(state), state, atol=1e-6)  # it starts as a copy


def test_noise_is_added_in_training_alone():
    model = ESRGANPlus(**CASES["esrgan_plus"])
    block, inputs = model.body[0].dense_blocks[0], contracts.images(64, 64)
    features = ops.convert_to_tensor(np.repeat(inputs, 2, axis=-1) + 1)
    plain, noisy = (np.asarray(block(features, training=training)) for training in (False, True))
    relative = (noisy - plain) / plain
    assert relative.std() == pytest.approx(0.1, rel=0.02)
    assert abs(relative.mean()) < 0.002
    again = np.asarray(block(features, training=True))
    assert abs(np.corrcoef((again - plain).ravel(), (noisy - plain).ravel())[0, 1]) < 0.05
    block.noise.scale.assign(np.zeros(6))
    np.testing.assert_array_equal(block(features, training=True), plain)
    np.testing.assert_array_equal(model(inputs), model(inputs, training=False))


def test_every_second_convolution_of_a_residual_dense_block_adds_the_one_before():
    """Figure 3 of the ESRGAN+ paper, where convolutions that make nothing let the shortcut through."""
    model = ESRGANPlus(**CASES["esrgan_plus"])
    block = model.body[0].dense_blocks[0]
    for convolution in block.growing:
        convolution.kernel.assign(np.zeros(convolution.kernel.shape))
    x = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(1, 3, 4, 6)).astype("float32"))
    skip = block.shortcut(x)
    maps = ops.concatenate([x, 0 * skip, skip, 0 * skip, skip], axis=-1)
    np.testing.assert_allclose(block(x), x + 0.3 * block.last(maps), atol=1e-6)


@pytest.mark.parametrize("activation", ["leakyrelu", "relu"])
def test_activations_of_srvgg(activation):
    arguments = {**CASES["srvgg"], "activation": activation}
    contracts.check_config(SRVGG, arguments)
    slope = {"leakyrelu": 0.1, "relu": 0.0}[activation]
    np.testing.assert_allclose(SRVGG(**arguments).head_activation(np.float32([-2, 3])), [-2 * slope, 3], rtol=1e-6)
