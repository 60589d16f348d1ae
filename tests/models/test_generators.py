import ast
import sys
from pathlib import Path

import contracts
import keras
import numpy as np
import pytest
from inference.lifelike import EXPORTED
from models.cases import CASES, CLIP_CASES, FORMS, SHUFFLED_SWINIR, UNSHUFFLED

from srgan_tf.losses import ADVERSARIAL, LOSSES, feature_matching, ldl
from srgan_tf.models import CLIP_GENERATORS, DISCRIMINATORS, GENERATORS

DISCRIMINATOR_CASES = {
    "patchgan": {"patch_size": 24, "features": 4},
    "srgan": {"patch_size": 16, "features": 4},
    "unet": {"patch_size": 16, "features": 4},
    "vgg128": {"patch_size": 32, "features": 4},
}
# Averages over the whole image that nothing saturates: its every pixel counts everywhere.
EVERYWHERE = ("dat", "omnisr")
# Of RAISR tests/models/test_raisr.py looks at the precision and the receptive field: a hash has no gradient.
TRAINED = [name for name in CASES if not GENERATORS[name].closed_form]
SCALES = [(name, scale) for name in TRAINED for scale in GENERATORS[name].scales]
INTEGERS = [(name, argument) for name, case in CASES.items() for argument, value in case.items()
            if type(value) is int and argument not in ("scale", "channels", "expansion")]

# Trainable parameters, exact: papers' architectures as the reference implementations count them.
COUNTS = [
    ("bsrn", {}, 352_400),
    ("bsrn", {"scale": 2}, 331_628),
    ("srresnet", {}, 1_550_659),
    ("srresnet", {"scalar_prelu": True}, 1_549_462),
    ("msrresnet", {}, 1_517_571),
    ("edsr", {}, 1_517_571),
    ("edsr", {"scale": 2}, 1_369_859),
    ("edsr", {"scale": 3}, 1_554_499),
    ("edsr", {"features": 256, "blocks": 32, "residual_scale": 0.1}, 43_089_923),
    ("mobile", {}, 55_432),
    ("omnisr", {}, 805_376),
    ("omnisr", {"scale": 2}, 784_604),
    ("plksr", {}, 7_386_096),
    ("plksr", {"blocks": 12, "kernel_size": 13, "attention": False}, 2_370_544),
    ("plksr", {"activation": "mish", "norm": "group"}, 7_389_680),
    ("plksr", {"activation": "mish", "norm": "group", "upsampler": "dysample"}, 7_402_243),
    ("raisr", {"scale": 2}, 864 * 121),
    ("rcan", {}, 15_592_355),
    ("rdn", {}, 22_271_107),
    ("srvgg", {}, 1_213_296),
    ("srvgg", {"convolutions": 16}, 621_424),
    ("rrdb", {"blocks": 6}, 4_467_779),
    ("rrdb", {}, 16_697_987),
    ("rrdb", {"scale": 2, "unshuffle": 2}, 16_703_171),
    ("rrdb", {"scale": 1, "unshuffle": 4}, 16_723_907),
    ("esrgan_plus", {}, 16_697_987 + 69 * (64 * 32 + 64)),
    ("span", {}, 1_840_488),
    ("span", {"folded": True}, 426_288),
    ("span", {"folded": True, "features": 52}, 498_208),
    ("span", {"folded": True, "scale": 2}, 410_700),
    ("swinir", {}, 11_900_199),
    ("swinir", {"features": 60, "depths": "6-6-6-6", "upsampler": "pixelshuffledirect"}, 929_628),
    ("swinir", {"upsampler": "nearest+conv", "features": 240, "depths": "6-6-6-6-6-6-6-6-6", "heads": 8,
                "connection": "3conv"}, 28_013_059),
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
    ("dat", {}, 14_802_051),
    ("dat", {"expansion": 2, "window": "8-16"}, 11_212_131),
    ("dat", {"features": 60, "depths": 18, "expansion": 2, "connection": "3conv",
             "upsampler": "pixelshuffledirect"}, 572_766),
    ("drcn", {}, 1_775_121),
    ("drcn", {"channels": 3}, 1_784_339),
]


def test_every_model_has_a_case():
    assert sorted(CASES) == sorted(GENERATORS)
    assert sorted(DISCRIMINATOR_CASES) == sorted(DISCRIMINATORS)


@pytest.mark.parametrize(("name", "arguments", "expected"), COUNTS)
def test_trainable_parameters(name, arguments, expected):
    assert contracts.count(GENERATORS[name], arguments) == expected


@pytest.mark.parametrize("name", CASES)
def test_config(name):
    contracts.check_config(GENERATORS[name], CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_initial_weights(name):
    contracts.check_initial_weights(GENERATORS[name], CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_file(name, tmp_path):
    contracts.check_file(GENERATORS[name], CASES[name], contracts.images(5, 7), tmp_path)


@pytest.mark.parametrize("name", TRAINED)
def test_mixed_precision(name):
    contracts.check_mixed_precision(GENERATORS[name], CASES[name], contracts.images(5, 7))


@pytest.mark.parametrize("name", EXPORTED)
def test_a_step_moves_every_weight(name):
    """Of those whose exports tests/exporting looks at; of the others `test_use` does."""
    keras.utils.set_random_seed(0)
    contracts.check_step(GENERATORS[name](**CASES[name]))


@pytest.mark.parametrize(("name", "arguments"), [
    (name, arguments) for name, arguments in FORMS if name not in EXPORTED or arguments != CASES[name]])
def test_use(name, arguments, tmp_path):
    contracts.check_use(GENERATORS[name], arguments, tmp_path)


@pytest.mark.parametrize(("name", "arguments"), [
    *CASES.items(), *((name, {**CASES[name], "scale": 3}) for name in ("edsr", "fsrcnn", "rrdb")), *UNSHUFFLED,
    ("srcnn", {**CASES["srcnn"], "scale": 1, "channels": 3})])
def test_sizes(name, arguments):
    contracts.check_sizes(GENERATORS[name], arguments)


@pytest.mark.parametrize(("name", "arguments"), [
    *((name, {**CASES[name], "scale": scale}) for name, scale in SCALES if name not in EVERYWHERE), *UNSHUFFLED,
    SHUFFLED_SWINIR])
def test_receptive_radius(name, arguments):
    contracts.check_receptive_radius(GENERATORS[name], arguments)


@pytest.mark.parametrize(("name", "arguments"), FORMS)
def test_view(name, arguments):
    contracts.check_view(GENERATORS[name], arguments)


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
    ("plksr", {"kernel_size": 4}, "kernel_size of PLKSR must be odd; got 4"),
    ("plksr", {"features": 8}, "large_features of PLKSR must be at most features=8; got 16"),
    ("plksr", {"features": 18, "norm": "group"}, "features of PLKSR must be a multiple of norm_groups=4; got 18"),
    ("plksr", {"norm": "batch"}, "unknown norm of PLKSR 'batch'; known: group, layer, none"),
    ("plksr", {"upsampler": "dysample", "scale": 1}, "upsampler of PLKSR must be pixel_shuffle for scale 1; got 'dys"),
    ("bsrn", {"features": 20}, "features of BSRN must be a multiple of 4 and of reduction=16; got 20"),
    ("raisr", {"angles": 3}, "angles of RAISR must be even; got 3"),
    ("raisr", {"filter_size": 10}, "filter_size of RAISR must be odd and at least 3; got 10"),
    ("raisr", {"gradient_size": 8}, "gradient_size of RAISR must be odd and at least 3; got 8"),
    ("raisr", {"angles": 258}, "angles must be at most 256; got 258"),
    ("raisr", {"blending": 1}, "blending must be true or false; got 1"),
    ("rcan", {"features": 20}, "features of RCAN must be a multiple of reduction=16; got 20"),
    ("rrdb", {"unshuffle": 3}, "unshuffle of RRDB must be 1, 2 or 4, and 1 for scale 3; got 3"),
    ("rrdb", {"unshuffle": 2, "scale": 3}, "unshuffle of RRDB must be 1, 2 or 4, and 1 for scale 3; got 2"),
    ("srcnn", {"features": 5}, "features of SRCNN must be even; got 5"),
    ("srcnn", {"kernels": "9-9-9"}, "unknown kernels of SRCNN '9-9-9'; known: 9-1-5, 9-3-5, 9-5-5"),
    ("espcn", {"features": 5}, "features of ESPCN must be even; got 5"),
    ("vdsr", {"depth": 1}, "depth of VDSR must be at least 2; got 1"),
    ("drcn", {"channels": 2}, r"channels of DRCN must be 1 \(Y\) or 3 \(RGB\); got 2"),
    ("span", {"normalized": 1}, "normalized must be true or false; got 1"),
    ("span", {"folded": "yes"}, "folded must be true or false; got 'yes'"),
    ("omnisr", {"features": 18}, "features of OmniSR must be a multiple of 4; got 18"),
    ("omnisr", {"window": 65}, "window must be at most 64; got 65"),
    ("dat", {"upsampler": "none", "scale": 1},
     "upsampler of DAT must be pixelshuffle or pixelshuffledirect; got 'none'"),
    ("dat", {"window": "8-12"}, "window of DAT must be two sides, the second a multiple of the first; got '8-12'"),
    ("dat", {"heads": 3}, "features of DAT must be even, at least 32 and a multiple of heads=3, which must be even"),
    ("dat", {"expansion": 1.25}, "expansion of DAT must give an even number of features; got 1.25"),
    ("swinir", {"depths": "6-0"}, "depths of SwinIR must be 1 to 256 integers of 1 to 256; got '6-0'"),
    ("swinir", {"depths": "six"}, "depths of SwinIR must be positive integers as in 6-6-6-6; got 'six'"),
    ("swinir", {"heads": "6-6"}, "heads of SwinIR must be one integer, or one for each of 6 groups; got '6-6'"),
    ("swinir", {"heads": 7}, "features of SwinIR must be a multiple of heads=7; got 180"),
    ("swinir", {"window": 1}, "window of SwinIR must be 2 to 64; got 1"),
    ("swinir", {"mlp_ratio": 0.001}, "mlp_ratio must give 1 to 65536 features of 180; got 0.001"),
    ("swinir", {"upsampler": "none"}, "upsampler 'none' of SwinIR does not upscale by 4"),
    ("swinir", {"upsampler": "nearest+conv", "scale": 3}, r"upsampler 'nearest\+conv' of SwinIR does not upscale by 3"),
    ("swinir", {"upsampler": "none", "scale": 1, "unshuffle": 2},
     "unshuffle of SwinIR must be 1, 2 or 4, and 1 without an upsampler; got 2"),
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


def test_models_and_losses_run_under_jax_without_tensorflow(tmp_path):
    classes = {**GENERATORS, **CLIP_GENERATORS, **DISCRIMINATORS}
    cases = {**CASES, **CLIP_CASES, **DISCRIMINATOR_CASES}
    models = {name: contracts.randomize(classes[name](**case)) for name, case in cases.items()}
    sides = {name: (case["patch_size"],) * 2 if "patch_size" in case else (5, 7) for name, case in cases.items()}
    inputs = {name: contracts.images(*size) for name, size in sides.items()}
    random = np.random.default_rng(0)
    hr, sr = contracts.images(24, 24, seed=1), contracts.images(24, 24, seed=2)
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
        # Sums in another order: what is near 0 is as far off as what is large.
        np.testing.assert_allclose(outputs[name], value, rtol=1e-5, atol=1e-4 + 1e-6 * np.abs(value).max(),
                                   err_msg=name)


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
    assert {name.split(".")[1] for name in inside} <= {"atomic", "errors", "settings", "text"}
    assert {name for name in outside if name.split(".")[0] not in sys.stdlib_module_names} == {"h5py", "keras", "numpy"}
