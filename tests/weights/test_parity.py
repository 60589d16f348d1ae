"""Checkpoints that PyTorch wrote; tools/make_weight_references.py made them with the authors' networks."""

from pathlib import Path

import numpy as np
import pytest

from srgan_tf.hub import load_model
from srgan_tf.weights import FAMILIES, read_checkpoint, save_weights

WEIGHTS = Path(__file__).parents[1] / "references" / "weights"
# What the files do not say.
OVERRIDES = {
    "edsr_basicsr_x3": {"residual_scale": 0.5},
    "srvgg_basicsr_relu_x2": {"activation": "relu"},
    "unet_basicsr": {"patch_size": 16},
}
NAMES = sorted(path.stem for path in WEIGHTS.glob("*.pth"))


def test_every_set_of_names_has_a_reference():
    assert {f"{family}_{keys}" for family, table in FAMILIES.items() for keys in table.keys} == {
        "_".join(name.split("_x")[0].split("_") if "srvgg" not in name else name.split("_")[:2]) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_output_is_pytorchs_and_the_way_back_is_exact(name, tmp_path):
    path = WEIGHTS / f"{name}.pth"
    checkpoint = read_checkpoint(path)
    assert name.startswith(f"{checkpoint.family}_{checkpoint.keys}")
    model = load_model(path, **OVERRIDES.get(name, {}))
    with np.load(WEIGHTS / f"{name}.npz") as arrays:
        inputs, expected = arrays["input"].transpose(0, 2, 3, 1), arrays["output"]
    if expected.ndim == 4:
        expected = expected.transpose(0, 2, 3, 1)
        if hasattr(model, "scale"):
            assert expected.shape[1] == model.scale * inputs.shape[1]
    assert expected.std() > 0.05  # the reference tells something
    np.testing.assert_allclose(model(inputs), expected, rtol=0, atol=1e-4)

    save_weights(model, tmp_path / "back.safetensors", checkpoint.keys)
    back = read_checkpoint(tmp_path / "back.safetensors")
    assert back.arrays.keys() == checkpoint.arrays.keys()
    derived = {key for slot in FAMILIES[checkpoint.family].derived(model, checkpoint.keys) for key in slot.names}
    for key, array in checkpoint.arrays.items():
        if key in derived:
            continue
        # Biases of EDSR were divided by 255, which does not always give a float32 that can be multiplied back.
        ulps = 1 if checkpoint.family == "edsr" and key.endswith("bias") else 0
        np.testing.assert_array_max_ulp(back.arrays[key], array.astype(np.float32), ulps) if ulps else \
            np.testing.assert_array_equal(back.arrays[key], array)


def test_one_network_under_other_names(tmp_path):
    path = WEIGHTS / "rrdb_esrgan_x8.pth"
    model = load_model(path)
    for keys in FAMILIES["rrdb"].keys:
        save_weights(model, tmp_path / "other.safetensors", keys)
        assert read_checkpoint(tmp_path / "other.safetensors").keys == keys
        other = load_model(tmp_path / "other.safetensors")
        assert all(map(np.array_equal, model.get_weights(), other.get_weights()))


def test_a_network_that_upscales_once_may_do_so_by_three():
    assert load_model(WEIGHTS / "rrdb_esrgan_x2.pth", scale=3).scale == 3
