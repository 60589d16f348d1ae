import ast
import sys
from pathlib import Path

import contracts
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from srgan_tf.losses import ADVERSARIAL, LOSSES, feature_matching, ldl
from srgan_tf.models import DISCRIMINATORS, EDSR, GENERATORS, RRDB, MobileSR, MSRResNet, SRResNet
from srgan_tf.models.blocks import bilinear_upsample, nearest_upsample, pixel_shuffle

# A small instance of every generator; a new architecture adds its row.
CASES = {
    "edsr": {"scale": 4, "features": 6, "blocks": 2, "residual_scale": 0.5},
    "mobile": {"scale": 4, "features": 6, "blocks": 1},
    "msrresnet": {"scale": 4, "features": 6, "blocks": 1},
    "rrdb": {"scale": 4, "features": 6, "growth_channels": 4, "blocks": 1, "residual_scale": 0.3},
    "srresnet": {"scale": 4, "features": 6, "blocks": 1, "scalar_prelu": False},
}
DISCRIMINATOR_CASES = {
    "patchgan": {"patch_size": 24, "features": 4},
    "srgan": {"patch_size": 16, "features": 4},
    "unet": {"patch_size": 16, "features": 4},
    "vgg128": {"patch_size": 32, "features": 4},
}
SCALES = [(name, scale) for name in CASES for scale in (2, 3, 4, 8)]

# Trainable parameters, exact: papers' architectures as the reference implementations count them.
COUNTS = [
    (SRResNet, {}, 1_550_659),
    (SRResNet, {"scalar_prelu": True}, 1_549_462),
    (MSRResNet, {}, 1_517_571),
    (EDSR, {}, 1_517_571),
    (EDSR, {"scale": 2}, 1_369_859),
    (EDSR, {"scale": 3}, 1_554_499),
    (EDSR, {"features": 256, "blocks": 32, "residual_scale": 0.1}, 43_089_923),
    (MobileSR, {}, 55_432),
    (RRDB, {"blocks": 6}, 4_467_779),
    (RRDB, {}, 16_697_987),
]


def test_every_model_has_a_case():
    assert sorted(CASES) == sorted(GENERATORS)
    assert sorted(DISCRIMINATOR_CASES) == sorted(DISCRIMINATORS)


@pytest.mark.parametrize(("model_class", "arguments", "expected"), COUNTS)
def test_trainable_parameters(model_class, arguments, expected):
    assert contracts.count(model_class(**arguments)) == expected


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


@pytest.mark.parametrize(("name", "scale"), SCALES)
def test_sizes(name, scale):
    contracts.check_sizes(GENERATORS[name], {**CASES[name], "scale": scale})


@pytest.mark.parametrize(("name", "scale"), SCALES)
def test_receptive_radius(name, scale):
    contracts.check_receptive_radius(GENERATORS[name], {**CASES[name], "scale": scale})


@pytest.mark.parametrize("scale", [0, 1, 5, 16, 4.0, "4", True, None])
@pytest.mark.parametrize("name", CASES)
def test_scale_is_checked(name, scale):
    with pytest.raises(ValueError, match=r"scale of .* must be one of 2, 3, 4, 8; got "):
        GENERATORS[name](scale=scale)


@pytest.mark.parametrize("value", [0, -1, 2.5, "8"])
@pytest.mark.parametrize("argument", ["features", "blocks"])
@pytest.mark.parametrize("name", CASES)
def test_counts_are_checked(name, argument, value):
    with pytest.raises(ValueError, match=f"{argument} must be an integer of at least 1; got "):
        GENERATORS[name](**{argument: value})


@pytest.mark.parametrize("value", ["small", None, float("nan"), True])
@pytest.mark.parametrize("name", ["edsr", "rrdb"])
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


def test_nearest_upsample_repeats():
    values = contracts.pictures(3, 4)
    np.testing.assert_array_equal(nearest_upsample(values, 3), values.repeat(3, 1).repeat(3, 2))


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
