"""One checkpoint in every wrapping that is in use, each written as torch.save does; and names that nothing has."""

import argparse
import collections
import datetime
import io
import pathlib
import pickle
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest

from srgan_tf.hub import load_generator, load_model
from srgan_tf.weights import FAMILIES, read_checkpoint, write_safetensors

WEIGHTS = Path(__file__).parents[1] / "references" / "weights"
STATE = read_checkpoint(WEIGHTS / "rrdb_esrgan_x4.pth").arrays


class FloatStorage:
    """Stands for torch.FloatStorage by its name."""


class device:  # noqa: N801 - PyTorch's name
    """Stands for torch.device."""

    def __reduce__(self):
        return device, ("cpu",)

    def __init__(self, name="cpu"):
        pass


def _rebuild_tensor_v2():
    """Stands for PyTorch's."""


class Pickler(pickle.Pickler):
    """Pickles arrays as tensors whose numbers lie in files of their own."""

    def __init__(self, file):
        super().__init__(file, 2)
        self.storages = []

    def persistent_id(self, item):
        if not isinstance(item, bytes) or len(item) < 4:
            return None
        self.storages.append(item)
        return "storage", FloatStorage, str(len(self.storages) - 1), "cpu", len(item) // 4

    def reducer_override(self, item):
        if type(item) is not np.ndarray or item.dtype != np.float32:
            return NotImplemented
        strides = tuple(step // 4 for step in np.ascontiguousarray(item).strides)
        return _rebuild_tensor_v2, (item.tobytes(), 0, item.shape, strides, False, collections.OrderedDict())


@pytest.fixture
def save(tmp_path, monkeypatch):
    """Writes what torch.save would; the path."""
    for name, values in {"torch": {"FloatStorage": FloatStorage, "device": device},
                         "torch._utils": {"_rebuild_tensor_v2": _rebuild_tensor_v2}}.items():
        module = types.ModuleType(name)
        for key, value in values.items():
            monkeypatch.setattr(value, "__module__", name)
            setattr(module, key, value)
        monkeypatch.setitem(sys.modules, name, module)

    def write(saved, name: str = "it.pth") -> Path:
        file = io.BytesIO()
        pickler = Pickler(file)
        pickler.dump(saved)
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("archive/data.pkl", file.getvalue())
            for number, data in enumerate(pickler.storages):
                archive.writestr(f"archive/data/{number}", data)
        return tmp_path / name
    return write


def before(prefix: str, state: dict = STATE) -> dict:
    return collections.OrderedDict((prefix + name, array) for name, array in state.items())


OTHER = {"a.weight": np.ones((3, 3), np.float32)}
ADAM = {"state": {0: {"step": 3, "exp_avg": np.ones(3, np.float32)}}, "param_groups": [{"lr": 1e-4, "params": [0]}]}
WRAPPINGS = {
    "plain": STATE,
    "params_ema": {"params": before("", OTHER), "params_ema": STATE},
    "dash": {"params-ema": STATE},
    "module": before("module."),
    "compiled": before("module._orig_mod."),
    "netG": before("netG."),
    "net_g with a discriminator": before("net_g.") | before("net_d.", OTHER),
    "model": before("model."),
    "any prefix": before("anything."),
    "two prefixes": before("generator.net."),
    "lightning": {"epoch": 3, "state_dict": before("net_g."), "optimizer_states": [ADAM], "parameters": {"lr": 1.0}},
    "mmagic": {"meta": {"time": datetime.datetime(2024, 1, 2)}, "state_dict": before("generator.")},
    "mmagic, averaged": {"state_dict": before("generator.", OTHER) | before("generator_ema.") | {
        "step_counter": np.ones(1, np.float32)}},
    "any key": {"weights_of_it": STATE, "epoch": 1},
    "any key in any key": {"run": {"best": STATE}, "optimizer": ADAM},
    "a generator and a discriminator": {"netD": OTHER, "netG": STATE, "optimG": ADAM},
    "scores": {"params": STATE, "best_psnr": np.float64(31.2), "history": [np.float32(3), np.arange(3)]},
    "device": {"params": STATE, "device": device()},
    "settings": {"state_dict": STATE, "args": argparse.Namespace(lr=1, path=pathlib.PurePosixPath("x"), names={"a"})},
    "schedulers": {"net": STATE, "schedulers": [collections.Counter([3, 5])], "seen": {3, 4}, "c": frozenset([1])},
    "averaged model": before("module.") | {"n_averaged": np.ones(1, np.float32)},
    "defaultdict": {"state_dict": collections.defaultdict(list, STATE), "rng": (np.uint32(3), b"x", None, True)},
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_wrapping(name, save):
    found = read_checkpoint(save(WRAPPINGS[name]))
    assert (found.family, found.keys, found.arguments["scale"]) == ("rrdb", "esrgan", 4)
    assert found.arrays.keys() == STATE.keys()
    for key, array in STATE.items():
        np.testing.assert_array_equal(found.arrays[key], array)


@pytest.mark.parametrize("name", ["it.ckpt", "IT.PTH", "it.pth.tar", "pytorch_model.bin", "it", "it.safetensors"])
def test_the_ending_does_not_matter(name, save):
    assert load_model(save(STATE, name)).scale == 4


def test_safetensors_by_content(tmp_path):
    write_safetensors(tmp_path / "it.safetensors", STATE)
    (tmp_path / "it.safetensors").rename(tmp_path / "it.pth")
    assert load_model(tmp_path / "it.pth").scale == 4


@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels(channels, save):
    state = dict(STATE)
    state["model.0.weight"] = np.repeat(STATE["model.0.weight"][:, :1], channels, 1)
    for key in ("weight", "bias"):
        state[f"model.10.{key}"] = np.repeat(STATE[f"model.10.{key}"][:1], channels, 0)
    path = save({"params": state})
    model = load_model(path)
    assert model.image_channels == channels
    images = np.random.default_rng(0).random((1, 5, 6, 1), np.float32)
    outputs = np.asarray(model(np.repeat(images / channels, channels, -1)))
    assert outputs.shape == (1, 20, 24, channels)
    np.testing.assert_allclose(outputs, np.repeat(outputs[..., :1], channels, -1), rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match=f"for images with {channels} channels"):
        load_generator(path)


@pytest.mark.parametrize("name", ["srvgg_basicsr_prelu_x4", "rrdb_basicsr_x2", "edsr_basicsr_x3", "unet_basicsr",
                                  "vgg128_basicsr", "rcan_rcan_x4", "msrresnet_basicsr_x3", "esrgan_plus_esrgan_x2"])
def test_odd_names_and_shapes(name):
    """No family's `infer` fails on names or shapes that a file may hold."""
    random = np.random.default_rng(3)
    shapes = {key: array.shape for key, array in read_checkpoint(WEIGHTS / f"{name}.pth").arrays.items()}
    for _ in range(200):
        odd = dict(shapes)
        for key in random.choice(list(shapes), 2):
            shape = ((), (3,), (0, 0, 0, 0), (7, 0, 3, 3), (1 << 40, 1, 1, 1), (5, 2, 3, 3))[random.integers(6)]
            odd[str(key)] = shape
            odd[str(key).replace(".0.", ".00.").replace("1", "\u0663")] = shape
            if random.random() < 0.3:
                del odd[str(key)]
        for family in FAMILIES.values():
            found = family.infer(odd)
            assert found is None or found[0] in family.keys


def test_odd_name_is_one_line(save):
    arrays = dict(read_checkpoint(WEIGHTS / "srvgg_basicsr_prelu_x4.pth").arrays)
    arrays["body.02.weight"] = arrays["body.2.weight"]
    with pytest.raises(ValueError, match=r"'body\.02\.weight' is superfluous"):
        load_model(save(arrays))
    with pytest.raises(ValueError, match="no network that is known"):
        load_model(save(STATE | {"model.1.sub.0.RDB1.conv1.0.weight": np.float32(3).reshape(())}))
