"""What is recognised, and what is said where it is not."""

from pathlib import Path

import numpy as np
import pytest

from srgan_tf.hub import load_model
from srgan_tf.weights import read_checkpoint, write_safetensors
from srgan_tf.weights.containers.unwrapping import find_state

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
    assert "'conv_extra.weight' is left over: the rest is rrdb in basicsr keys" in refusal(
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


@pytest.mark.parametrize(("saved", "found"), [
    ({"a": 1}, {"a": 1}), ({"module.a": 1}, {"a": 1}), ({"module.module.a": 1}, {"a": 1}),
    ({"params": {"a": 1}, "params_ema": {"a": 2}}, {"a": 2}), ({"state_dict": {"module.a": 1}, "epoch": 3}, {"a": 1}),
    ({"model": {"params": {"a": 1}}}, {"a": 1}), ({"generator": {"a": 1}, "optimizer": {"b": 2}}, {"a": 1}),
])
def test_containers(saved, found):
    assert find_state(saved) == found


@pytest.mark.parametrize("saved", [[], {}, 3, None, {"params": {}}])
def test_containers_of_nothing(saved):
    with pytest.raises(ValueError, match="expected tensors by name"):
        find_state(saved)
