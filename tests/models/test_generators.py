import ast
import sys
from pathlib import Path

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from srgan_tf.imaging import matlab_resize
from srgan_tf.losses import ADVERSARIAL, LOSSES, feature_matching, ldl
from srgan_tf.models import DISCRIMINATORS, EDSR, GENERATORS, RCAN, RRDB, SRVGG, ESRGANPlus, SRResNet
from srgan_tf.models.blocks import (
    bicubic_upsample,
    bilinear_upsample,
    mirror_to_multiple,
    nearest_upsample,
    pixel_shuffle,
    pixel_unshuffle,
)

# A small instance of every generator; a new architecture adds its row.
CASES = {
    "drcn": {"scale": 4, "channels": 1, "features": 6, "recursions": 2},
    "edsr": {"scale": 4, "features": 6, "blocks": 2, "residual_scale": 0.5},
    "espcn": {"scale": 4, "channels": 1, "features": 6},
    "esrgan_plus": {"scale": 4, "features": 6, "growth_channels": 4, "blocks": 1, "residual_scale": 0.3},
    "fsrcnn": {"scale": 4, "channels": 1, "features": 6, "shrunk": 4, "mappings": 1},
    "mobile": {"scale": 4, "features": 6, "blocks": 1},
    "msrresnet": {"scale": 4, "features": 6, "blocks": 1},
    "rcan": {"scale": 4, "features": 6, "groups": 1, "blocks": 1, "reduction": 2},
    "rdn": {"scale": 4, "features": 6, "growth_channels": 4, "blocks": 2, "convolutions": 2},
    "rrdb": {"scale": 4, "features": 6, "growth_channels": 4, "blocks": 1, "residual_scale": 0.3},
    "srcnn": {"scale": 4, "channels": 1, "kernels": "9-1-5", "features": 6},
    "srresnet": {"scale": 4, "features": 6, "blocks": 1, "scalar_prelu": False},
    "srvgg": {"scale": 4, "features": 6, "convolutions": 1, "activation": "prelu"},
    "vdsr": {"scale": 4, "channels": 1, "features": 6, "depth": 3},
}
# Other forms of them, for what depends on the form.
LUMA = [name for name, case in CASES.items() if "channels" in case]
UNSHUFFLED = [("rrdb", {**CASES["rrdb"], "scale": scale, "unshuffle": 4 // scale}) for scale in (1, 2)]
FORMS = [*CASES.items(), *UNSHUFFLED, ("fsrcnn", {**CASES["fsrcnn"], "channels": 3})]
DISCRIMINATOR_CASES = {
    "patchgan": {"patch_size": 24, "features": 4},
    "srgan": {"patch_size": 16, "features": 4},
    "unet": {"patch_size": 16, "features": 4},
    "vgg128": {"patch_size": 32, "features": 4},
}
SCALES = [(name, scale) for name in CASES for scale in GENERATORS[name].scales]
INTEGERS = [(name, argument) for name, case in CASES.items() for argument, value in case.items()
            if type(value) is int and argument not in ("scale", "channels")]

# Trainable parameters, exact: papers' architectures as the reference implementations count them.
COUNTS = [
    ("srresnet", {}, 1_550_659),
    ("srresnet", {"scalar_prelu": True}, 1_549_462),
    ("msrresnet", {}, 1_517_571),
    ("edsr", {}, 1_517_571),
    ("edsr", {"scale": 2}, 1_369_859),
    ("edsr", {"scale": 3}, 1_554_499),
    ("edsr", {"features": 256, "blocks": 32, "residual_scale": 0.1}, 43_089_923),
    ("mobile", {}, 55_432),
    ("rcan", {}, 15_592_355),
    ("rdn", {}, 22_271_107),
    ("srvgg", {}, 1_213_296),
    ("srvgg", {"convolutions": 16}, 621_424),
    ("rrdb", {"blocks": 6}, 4_467_779),
    ("rrdb", {}, 16_697_987),
    ("rrdb", {"scale": 2, "unshuffle": 2}, 16_703_171),
    ("rrdb", {"scale": 1, "unshuffle": 4}, 16_723_907),
    ("esrgan_plus", {}, 16_697_987 + 69 * (64 * 32 + 64)),
    ("srcnn", {}, 8_129),
    ("srcnn", {"channels": 3}, 20_099),
    ("srcnn", {"kernels": "9-5-5"}, 57_281),
    ("srcnn", {"kernels": "9-5-5", "channels": 3}, 69_251),
    ("fsrcnn", {}, 12_809),
    ("fsrcnn", {"channels": 3}, 24_683),
    ("espcn", {}, 24_752),
    ("espcn", {"channels": 3}, 37_200),
    ("vdsr", {}, 665_921),
    ("vdsr", {"channels": 3}, 668_227),
    ("drcn", {}, 1_775_121),
    ("drcn", {"channels": 3}, 1_784_339),
]


def test_every_model_has_a_case():
    assert sorted(CASES) == sorted(GENERATORS)
    assert sorted(DISCRIMINATOR_CASES) == sorted(DISCRIMINATORS)


@pytest.mark.parametrize(("name", "arguments", "expected"), COUNTS)
def test_trainable_parameters(name, arguments, expected):
    assert contracts.count(GENERATORS[name](**arguments)) == expected


def test_batch_statistics_are_extra():
    model = SRResNet()
    assert sum(int(np.prod(weight.shape)) for weight in model.non_trainable_weights) == 4_224


@pytest.mark.parametrize("name", CASES)
def test_config(name):
    contracts.check_config(GENERATORS[name], CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_initial_weights(name):
    contracts.check_initial_weights(GENERATORS[name], CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_file(name, tmp_path):
    contracts.check_file(GENERATORS[name], CASES[name], contracts.pictures(5, 7), tmp_path)


@pytest.mark.parametrize("name", CASES)
def test_mixed_precision(name):
    contracts.check_mixed_precision(GENERATORS[name], CASES[name], contracts.pictures(5, 7))


@pytest.mark.parametrize(("name", "arguments"), FORMS)
def test_use(name, arguments, tmp_path):
    contracts.check_use(GENERATORS[name], arguments, tmp_path)


@pytest.mark.parametrize(("name", "arguments"), [
    *((name, {**CASES[name], "scale": scale}) for name, scale in SCALES if scale in (1, 3, 4)), *UNSHUFFLED])
def test_sizes(name, arguments):
    contracts.check_sizes(GENERATORS[name], arguments)


@pytest.mark.parametrize(("name", "arguments"), [
    *((name, {**CASES[name], "scale": scale}) for name, scale in SCALES), *UNSHUFFLED])
def test_receptive_radius(name, arguments):
    contracts.check_receptive_radius(GENERATORS[name], arguments)


@pytest.mark.parametrize("scale", [0, 5, 16, 4.0, "4", True, None])
@pytest.mark.parametrize("name", CASES)
def test_scale_is_checked(name, scale):
    known = ", ".join(map(str, GENERATORS[name].scales))
    with pytest.raises(ValueError, match=rf"scale of .* must be one of {known}; got "):
        GENERATORS[name](scale=scale)


@pytest.mark.parametrize("value", [0, -1, 2.5, "8"])
@pytest.mark.parametrize(("name", "argument"), INTEGERS)
def test_counts_are_checked(name, argument, value):
    with pytest.raises(ValueError, match=f"{argument} must be an integer of at least 1; got "):
        GENERATORS[name](**{argument: value})


@pytest.mark.parametrize(("name", "arguments", "message"), [
    ("rcan", {"features": 20}, "features of RCAN must be a multiple of reduction=16; got 20"),
    ("rrdb", {"unshuffle": 3}, "unshuffle of RRDB must be 1, 2 or 4, and 1 for scale 3; got 3"),
    ("rrdb", {"unshuffle": 2, "scale": 3}, "unshuffle of RRDB must be 1, 2 or 4, and 1 for scale 3; got 2"),
    ("srcnn", {"features": 5}, "features of SRCNN must be even; got 5"),
    ("srcnn", {"kernels": "9-9-9"}, "unknown kernels of SRCNN '9-9-9'; known: 9-1-5, 9-3-5, 9-5-5"),
    ("espcn", {"features": 5}, "features of ESPCN must be even; got 5"),
    ("vdsr", {"depth": 1}, "depth of VDSR must be at least 2; got 1"),
    ("drcn", {"channels": 2}, r"channels of DRCN must be 1 \(Y\) or 3 \(RGB\); got 2"),
    ("srvgg", {"activation": "tanh"}, "unknown activation of SRVGG 'tanh'; known: leakyrelu, prelu, relu"),
])
def test_arguments_are_checked(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        GENERATORS[name](**arguments)


@pytest.mark.parametrize("value", ["small", None, float("nan"), True])
@pytest.mark.parametrize("name", ["edsr", "rcan", "rrdb"])
def test_residual_scale_is_checked(name, value):
    with pytest.raises(ValueError, match="residual_scale must be a finite number; got "):
        GENERATORS[name](residual_scale=value)


def test_output_is_not_clipped():
    model = EDSR(features=4, blocks=1)
    model.tail.bias.assign([2.0, -2.0, 0.0])
    outputs = np.asarray(model(contracts.pictures(4, 4)))
    assert outputs.max() > 1.5
    assert outputs.min() < -0.5


def test_batch_normalization_trains():
    model = SRResNet(**CASES["srresnet"])
    inputs = contracts.pictures(6, 6)
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


def test_pixel_shuffle_is_depth_to_space():
    for factor in (2, 3):
        values = np.random.default_rng(0).random((2, 4, 5, 3 * factor**2), "float32")
        np.testing.assert_array_equal(pixel_shuffle(values, factor), tf.nn.depth_to_space(values, factor))


def test_pixel_unshuffle_is_space_to_depth():
    values = np.random.default_rng(0).random((2, 8, 12, 3), "float32")
    for factor in (2, 4):
        unshuffled = pixel_unshuffle(values, factor)
        np.testing.assert_array_equal(unshuffled, tf.nn.space_to_depth(values, factor))
        np.testing.assert_array_equal(pixel_shuffle(unshuffled, factor), values)


@pytest.mark.parametrize("shape", [(8, 12), (5, 7), (1, 2), (1, 1)])
def test_mirror_to_multiple(shape):
    values = contracts.pictures(*shape)
    more = [-side % 4 for side in shape]
    expected = np.pad(values, ((0, 0), (0, more[0]), (0, more[1]), (0, 0)), mode="symmetric")
    np.testing.assert_array_equal(mirror_to_multiple(ops.convert_to_tensor(values), 4), expected)


def test_attention_looks_at_the_whole_picture():
    """Beyond the convolutions' radius, which the contract finds where all sigmoids are 1."""
    keras.utils.set_random_seed(0)
    model = RCAN(**CASES["rcan"])
    pixel = model.receptive_radius + 1
    picture = contracts.pictures(40, 40, 1)
    other = picture.copy()
    other[:, pixel:, pixel:] = 0
    assert np.abs(model(picture) - model(other))[:, :4, :4].max() > 1e-5


def ycbcr(rgb: np.ndarray) -> np.ndarray:
    """MATLAB's rgb2ycbcr, from the rows of its matrix."""
    rows = [[65.481, 128.553, 24.966], [-37.797, -74.203, 112], [112, -93.786, -18.214]]
    return rgb @ np.transpose(rows) / 255 + np.array([16, 128, 128]) / 255


@pytest.mark.parametrize("name", LUMA)
def test_luma_is_the_networks_and_chroma_is_bicubic(name):
    model = contracts.randomize(GENERATORS[name](**CASES[name]))
    picture = contracts.pictures(9, 7, 1)
    bicubic = matlab_resize(picture[0].astype("float64"), 4, edge="replicate")
    found = ycbcr(np.asarray(model(picture), "float64")[0])
    low, enlarged = (np.float32(ycbcr(rgb))[None, ..., :1] for rgb in (picture[0], bicubic))
    luma = np.asarray(model.enhance(ops.convert_to_tensor(low), ops.convert_to_tensor(enlarged)))[0, ..., 0]
    tolerance = 1e-5 * max(1, np.abs(luma).max())
    np.testing.assert_allclose(found[..., 0], luma, atol=tolerance)
    np.testing.assert_allclose(found[..., 1:], ycbcr(bicubic)[..., 1:], atol=tolerance)
    assert np.abs(luma - enlarged[0, ..., 0]).max() > 0.01


def test_drcn_sums_the_pictures_of_its_recursions():
    model = GENERATORS["drcn"](**CASES["drcn"])
    model.ensemble.assign([0.25, 0.75])
    enlarged = ops.convert_to_tensor(contracts.pictures(6, 7)[..., :1])
    state = ops.relu(model.embedding_end(ops.relu(model.head(enlarged))))
    expected = 0
    for weight in (0.25, 0.75):
        state = ops.relu(model.recursion(state))
        expected += weight * (enlarged + model.tail(ops.relu(model.rebuilding(state))))
    np.testing.assert_allclose(model.enhance(None, enlarged), expected, atol=1e-5)
    np.testing.assert_allclose(model.recursion(state), state, atol=1e-6)  # it starts as a copy


def test_noise_is_added_in_training_alone():
    model = ESRGANPlus(**CASES["esrgan_plus"])
    block, inputs = model.body[0].dense_blocks[0], contracts.pictures(64, 64)
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


def test_nearest_upsample_repeats():
    values = contracts.pictures(3, 4)
    np.testing.assert_array_equal(nearest_upsample(values, 3), values.repeat(3, 1).repeat(3, 2))


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 8])
def test_bicubic_upsample_is_matlabs(factor):
    for size in ((7, 5), (1, 2), (1, 1)):
        values = contracts.pictures(*size, 1)
        expected = matlab_resize(values[0], factor, edge="replicate")
        np.testing.assert_allclose(bicubic_upsample(ops.convert_to_tensor(values), factor)[0], expected, atol=1e-6)


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_bilinear_upsample_is_half_pixel(factor):
    values = contracts.pictures(5, 4)
    expected = ops.image.resize(values, (5 * factor, 4 * factor), interpolation="bilinear")
    np.testing.assert_allclose(bilinear_upsample(ops.convert_to_tensor(values), factor), expected, atol=1e-6)


def test_models_and_losses_run_under_jax_without_tensorflow(tmp_path):
    classes, cases = {**GENERATORS, **DISCRIMINATORS}, {**CASES, **DISCRIMINATOR_CASES}
    models = {name: contracts.randomize(classes[name](**case)) for name, case in cases.items()}
    sides = {name: (case["patch_size"],) * 2 if "patch_size" in case else (5, 7) for name, case in cases.items()}
    inputs = {name: contracts.pictures(*size) for name, size in sides.items()}
    random = np.random.default_rng(0)
    hr, sr = contracts.pictures(16, 16, seed=1), contracts.pictures(16, 16, seed=2)
    real, fake = random.normal(size=(2, 4, 1)).astype("float32")
    outputs = contracts.outputs_under_jax(models, {**inputs, "hr": hr, "sr": sr, "real": real, "fake": fake}, tmp_path)
    expected = {name: model(inputs[name]) for name, model in models.items()}
    expected |= {f"loss_{name}": loss(hr, sr) for name, loss in LOSSES.items()}
    expected |= {"loss_ldl": ldl(hr, sr, sr[::-1]), "loss_features": feature_matching(hr, sr, [hr], [sr])}
    expected |= {f"generator_{name}": pair.generator_loss(real, fake) for name, pair in ADVERSARIAL.items()}
    expected |= {f"discriminator_{name}": pair.discriminator_loss(real, fake) for name, pair in ADVERSARIAL.items()}
    assert np.isfinite(outputs.pop("loss_vgg22"))  # random weights differ between backends
    assert sorted(outputs) == sorted(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(outputs[name], value, rtol=1e-5, atol=1e-4, err_msg=name)


def test_keras_is_all_that_models_and_losses_import():
    package = Path(__file__).parents[2] / "srgan_tf"
    files = [*(package / "models").glob("*.py"), *(package / "losses").glob("*.py")]
    modules = set()
    for node in (node for file in files for node in ast.walk(ast.parse(file.read_text()))):
        if isinstance(node, ast.ImportFrom):
            modules.add(node.module)
        elif isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
    outside = {name for name in modules if not name.startswith("srgan_tf.")}
    inside = {name for name in modules - outside if not name.startswith(("srgan_tf.models", "srgan_tf.losses"))}
    assert {name.split(".")[1] for name in inside} <= {"config", "settings"}
    assert {name for name in outside if name.split(".")[0] not in sys.stdlib_module_names} == {"keras", "numpy"}
