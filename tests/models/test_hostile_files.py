""".keras files that claim more than they hold: each is refused in one line before it takes memory or time."""

import json
import re
import time
import zipfile

import h5py
import numpy as np
import pytest

from srgan_tf.models import DISCRIMINATORS, EDSR, GENERATORS, load_keras, save_model, sizes

WEIGHTS = "model.weights.h5"


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    path = tmp_path_factory.mktemp("honest") / "model.keras"
    save_model(EDSR(2, features=4, blocks=1), path)
    return path


@pytest.fixture
def members(honest):
    """config.json as a dict, and the bytes of the weights."""
    with zipfile.ZipFile(honest) as archive:
        return json.loads(archive.read("config.json")), archive.read(WEIGHTS)


def refusal(tmp_path, config, weights: bytes, compression=zipfile.ZIP_DEFLATED) -> str:
    """What load_keras says of such a file; it must say so soon."""
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr(WEIGHTS, weights)
    start = time.process_time()
    with pytest.raises(ValueError, match="keras") as caught:
        load_keras(path)
    assert time.process_time() - start < 5
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.isprintable()
    assert len(message) < 800
    return message


@pytest.mark.parametrize(("arguments", "said"), [
    ({"features": 2_000_000}, "features must be at most 65536; got 2000000"),
    ({"blocks": 200_000}, "blocks must be at most 65536; got 200000"),
    ({"features": 60_000}, "its weights do not fit: they are 226,803,720,003 numbers"),
    ({"blocks": 60_000}, "it has more than 33 layers"),
    ({"features": 10**4000}, "features must be at most"),
    ({"residual_scale": float("inf")}, "residual_scale must be a finite number"),
    ({"name": "\x1b[31m/"}, "cannot contain character"),
])
def test_claims_of_the_configuration(tmp_path, members, arguments, said):
    config, weights = members
    assert said in refusal(tmp_path, {**config, "config": config["config"] | arguments}, weights)


@pytest.mark.parametrize(("name", "arguments", "said"), [
    ("RCAN", {"features": 16, "groups": 65536, "blocks": 65536}, "more than 33 layers"),
    ("RDN", {"blocks": 1, "convolutions": 65536}, "more than 33 layers"),
    ("DRCN", {"features": 2, "recursions": 60_000}, "recursions must be at most 256"),
    ("SRGANDiscriminator", {"patch_size": 65536}, "its weights do not fit"),
    ("UNetDiscriminator", {"features": 65536}, "its weights do not fit"),
])
def test_claims_of_other_architectures(tmp_path, members, name, arguments, said):
    config, weights = members
    assert said in refusal(tmp_path, {**config, "registered_name": f"srgan_tf>{name}", "config": arguments}, weights)


@pytest.mark.parametrize("name", [["EDSR"], {"a": 1}, 5])
def test_a_name_that_is_not_a_text(tmp_path, members, name):
    config, weights = members
    assert "registered_name must be a text" in refusal(tmp_path, {**config, "registered_name": name}, weights)


def test_little_that_unpacks_to_much(tmp_path, members):
    config, _ = members
    assert "they would unpack to 33,554,432" in refusal(tmp_path, config, bytes(32 << 20))


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions(tmp_path, members, compression):
    config, weights = members
    assert "compressed in a way that Keras does not use" in refusal(tmp_path, config, weights, compression)


def replaced(make):
    """A change of an HDF5 file that puts what `make` gives, or makes itself, in the place of an array."""
    def change(file):
        found = []
        file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
        name, shape = found[0], file[found[0]].shape
        del file[name]
        made = make(file, name, shape, found[1])
        if made is not None:
            file[name] = made
    return change


def virtual(file, name, shape, _):
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource("other.h5", "a", shape)
    file.create_virtual_dataset(name, layout)


def shared(file, name, shape, other):
    for number in range(200):
        file[f"copy{number}"] = file[other]


CHANGES = {
    "a link to another file": (lambda *_: h5py.ExternalLink("other.h5", "/a"), "ExternalLink"),
    "a soft link": (lambda file, name, shape, other: h5py.SoftLink(f"/{other}"), "SoftLink"),
    "numbers in another file": (lambda file, name, shape, _: file.create_dataset(
        name, shape, "f4", external=[("/etc/hostname", 0, 4 * int(np.prod(shape)))]) and None, "in another file"),
    "a virtual array": (virtual, "in another file"),
    "a shape without numbers": (lambda file, name, *_: file.create_dataset(
        name, (1 << 36,), "f4", chunks=(1 << 20,)) and None, "claims more numbers than are stored"),
    "compressed numbers": (lambda file, name, *_: file.create_dataset(
        name, data=np.zeros(100_000, "f4"), compression="gzip") and None, "claims more numbers than are stored"),
    "texts": (lambda file, name, shape, _: np.full(shape, b"abcd", "S8"), "holds no numbers"),
    "texts of any length": (lambda file, name, shape, _: file.create_dataset(
        name, shape, h5py.string_dtype()) and None, "holds no numbers"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_weights_that_lie(tmp_path, members, kind):
    config, weights = members
    make, said = CHANGES[kind]
    (tmp_path / "weights.h5").write_bytes(weights)
    with h5py.File(tmp_path / "weights.h5", "r+") as file:
        replaced(make)(file)
    assert said in refusal(tmp_path, config, (tmp_path / "weights.h5").read_bytes())


def test_the_layers_of_every_architecture_are_counted(monkeypatch):
    """So that a file of few bytes cannot ask for many of them."""
    layered = [architecture for architecture in GENERATORS.values() if not architecture.closed_form]
    for architecture in (*layered, *DISCRIMINATORS.values()):
        with pytest.raises(ValueError, match="more than 1 layers"):
            sizes.construct(architecture, {}, None, lambda model: None, layers=1)


@pytest.mark.parametrize(("flags", "said"), [
    (("--model=edsr", "--model_args=features:60000"),
     "--model_args=features:60000: a EDSR of this size takes 19,795 GiB for its weights, 4 numbers"),
    (("--model=rcan", "--model_args=blocks:2000"), "it has more than 40 layers"),
    (("--discriminator=unet", "--adversarial=vanilla:1", "--discriminator_args=features:60000"), "GiB for its weights"),
])
def test_sizes_on_the_command_line(flags, said, monkeypatch):
    from srgan_tf import flags as command_line
    from srgan_tf.config import TrainConfig
    from srgan_tf.training.assembly import build_step

    monkeypatch.setattr(sizes, "LAYERS", 40)
    values, build = command_line.define(TrainConfig)
    values(["train", *flags])
    with pytest.raises(ValueError, match="_args=") as caught:
        build_step(build())
    assert re.search(said, str(caught.value))
