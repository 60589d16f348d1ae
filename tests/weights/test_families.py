"""What is recognised, and what is said where it is not."""

from pathlib import Path

import numpy as np
import pytest

from srgan_tf.hub import load_model
from srgan_tf.weights import read_checkpoint, write_safetensors
from srgan_tf.weights.containers.unwrapping import candidates

WEIGHTS = Path(__file__).parents[1] / "references" / "weights"


@pytest.fixture
def arrays():
    return dict(read_checkpoint(WEIGHTS / "rrdb_basicsr_x2.pth").arrays)


@pytest.fixture
def refusal(tmp_path):
    """The line with which load_model refuses these arrays."""
    def load(arrays) -> str:
        path = tmp_path / "weights.safetensors"
        write_safetensors(path, arrays)
        with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
            load_model(path)
        assert str(caught.value).startswith(f"{path}: ")
        return str(caught.value)
    return load


def test_left_over(arrays, refusal):
    assert "'conv_extra.weight' is superfluous: all other tensors belong to rrdb in basicsr keys" in refusal(
        arrays | {"conv_extra.weight": np.ones(3)})


def test_missing(arrays, refusal):
    del arrays["body.0.rdb2.conv3.bias"]
    assert "'body.0.rdb2.conv3.bias' is missing for rrdb" in refusal(arrays)


def test_wrong_shape(arrays, refusal):
    arrays["conv_hr.bias"] = np.zeros(5)
    line = refusal(arrays)
    assert "'conv_hr.bias' must be floating-point numbers [4] for rrdb in basicsr keys; it is float32 [5]" in line


def test_not_finite(arrays, refusal):
    arrays["conv_hr.bias"] = np.full(4, np.nan)
    assert "NaN" in refusal(arrays)


def test_unknown_network_says_what_was_seen_and_what_is_known(refusal):
    line = refusal({"layers.0.attn.weight": np.zeros((3, 4)), "norm.bias": np.zeros(7)})
    for word in ("2 tensors", "layers.0.attn.weight [3, 4]", "norm.bias [7]", "rrdb (basicsr, bsrgan, esrgan)", "unet"):
        assert word in line


def test_another_mean_is_not_taken_for_the_authors(refusal):
    arrays = dict(read_checkpoint(WEIGHTS / "edsr_edsr_pytorch_x2.pth").arrays)
    arrays["sub_mean.bias"] = np.zeros(3)
    assert "'sub_mean.bias' must be [-114.4" in refusal(arrays)


def test_scale_that_is_not_known(arrays, refusal):
    for kind in ("weight", "bias"):
        for number in range(3, 9):
            arrays[f"conv_up{number}.{kind}"] = arrays[f"conv_up2.{kind}"]
    assert "scale of RRDB must be one of 1, 2, 3, 4, 8; got 128" in refusal(arrays)


def test_overrides_are_for_other_peoples_weights(model_file):
    with pytest.raises(ValueError, match="features cannot be given"):
        load_model(model_file, features=3)


ONE, TWO = np.zeros((1, 1)), np.ones((2, 2))


@pytest.mark.parametrize(("saved", "found"), [
    ({"a": ONE}, {"a": ONE}), ({"module.a": ONE}, {"a": ONE}), ({"module.module.a": ONE}, {"a": ONE}),
    ({"params": {"a": ONE}, "params_ema": {"a": TWO}}, {"a": TWO}),
    ({"state_dict": {"module.a": ONE}, "epoch": 3}, {"a": ONE}), ({"model": {"params": {"a": ONE}}}, {"a": ONE}),
    ({"generator": {"a": ONE}, "optimizer": {"b": TWO}}, {"a": ONE}),
    ({"some": {"other": {"x.a": ONE}}, "step": TWO}, {"x.a": ONE}),
    ({"some": {"a": ONE}, "optim_state": {"a": TWO}}, {"a": ONE}), ({"x.a": ONE, "steps": np.zeros(1)}, {"x.a": ONE}),
    ({"_orig_mod.x._orig_mod.a": ONE, "score": 3.5, "name": "x"}, {"x.a": ONE}),
])
def test_containers(saved, found):
    assert next(candidates(saved, np.ndarray)) == found


def test_prefixes_come_off_one_by_one():
    state = {"generator.net.a.b": ONE, "generator.net.c": TWO, "generator_ema.net.a.b": TWO, "discriminator.a": ONE}
    assert list(candidates(state, np.ndarray)) == [
        state, {"net.a.b": TWO}, {"a.b": TWO}, {"b": TWO}, {"net.a.b": ONE, "net.c": TWO}, {"a.b": ONE, "c": TWO}]


@pytest.mark.parametrize("saved", [[], {}, 3, None, {"params": {}}])
def test_containers_of_nothing(saved):
    with pytest.raises(ValueError, match="expected tensors by name"):
        next(candidates(saved, np.ndarray))


def test_containers_without_a_choice():
    with pytest.raises(ValueError, match="holds several dicts of tensors, one, two, "):
        next(candidates({"one": {"a": ONE}, "two": {"a": TWO}}, np.ndarray))
