import json
import zipfile

import contracts
import keras
import numpy as np
import pytest

from srgan_tf.hub import load_model
from srgan_tf.models import EDSR, GENERATORS, RRDB, save_model

INPUTS = contracts.images(4, 5)


@pytest.fixture
def model():
    return contracts.randomize(EDSR(2, features=4, blocks=1))


@pytest.fixture
def path(model, tmp_path):
    path = tmp_path / "model.keras"
    save_model(model, path)
    return path


def rewrite(path, **members: bytes) -> None:
    """Replaces members of the zip, by name with a dot written as two underscores."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents |= {name.replace("__", "."): data for name, data in members.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            if data is not None:
                archive.writestr(name, data)


def config_of(path) -> dict:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("config.json"))


def refusal(path, error=ValueError) -> str:
    """The message with which load_model refuses, checked to be one line that names the path."""
    with pytest.raises(error) as caught:
        load_model(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def same(a, b) -> bool:
    return np.array_equal(a(INPUTS), b(INPUTS))


def test_run_folder(model, path):
    folder = path.parent
    path.rename(folder / "last.keras")
    assert same(load_model(folder), model)
    best = contracts.randomize(EDSR(2, features=4, blocks=1), seed=5)
    save_model(best, folder / "best.keras")
    assert same(load_model(str(folder)), best)
    assert not same(best, model)


def test_dtype(model, path):
    mixed = load_model(path, dtype="mixed_bfloat16")
    assert mixed.compute_dtype == "bfloat16"
    assert all(np.array_equal(a, b) for a, b in zip(mixed.get_weights(), model.get_weights(), strict=True))
    # Saved again it says nothing of how it computed.
    save_model(mixed, path)
    assert "bfloat16" not in json.dumps(config_of(path))
    assert same(load_model(path), model)


def test_saving_replaces_all_or_nothing(model, path, monkeypatch):
    before = path.read_bytes()

    def fail(target):
        target.write_bytes(b"half a file")
        raise OSError(28, "No space left on device")

    other = EDSR(2, features=4, blocks=2)
    monkeypatch.setattr(other, "save", fail)
    with pytest.raises(OSError, match="No space left"):
        save_model(other, path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_saving_checks_its_arguments(model, tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.keras; got "):
        save_model(model, tmp_path / "model.h5")
    with pytest.raises(ValueError, match=r"model must be one of .*EDSR.*; got Sequential"):
        save_model(keras.Sequential(), tmp_path / "model.keras")
    with pytest.raises(OSError, match="absent"):
        save_model(model, tmp_path / "absent" / "model.keras")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("content", "seen"), [
    (b"", "it is empty"),
    (b"a text file\n", "it begins with b'a text file"),
    (b"\x89PNG\r\n\x1a\n" + bytes(64), "it begins with"),
])
def test_other_files(tmp_path, content, seen):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    message = refusal(path)
    assert "not a .keras model file, or is damaged" in message
    assert seen in message


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_truncated_file(path, kept):
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    assert "is damaged" in refusal(path)


def test_one_wrong_bit_in_the_weights(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "Bad CRC-32" in refusal(path)


@pytest.mark.parametrize("members", [{"config__json": None}, {"config__json": b"{"}, {"config__json": b"[]"}])
def test_zip_without_a_configuration(path, members):
    rewrite(path, **members)
    assert "is not a .keras model file" in refusal(path)


def test_a_zip_that_wants_a_password(path):
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        at = data.find(mark)
        while at >= 0:
            data[at + place] |= 1
            at = data.find(mark, at + 4)
    path.write_bytes(data)
    assert "encrypted" in refusal(path)


def test_zip_without_weights(path):
    rewrite(path, model__weights__h5=None)
    assert "weights cannot be read" in refusal(path)


def test_weights_of_another_architecture(path):
    for config in (EDSR(2, features=8, blocks=1), EDSR(2, features=4, blocks=2), RRDB(blocks=1, features=4)):
        rewrite(path, config__json=json.dumps(keras.saving.serialize_keras_object(config)).encode())
        assert "do not fit" in refusal(path)


def test_models_of_others_are_not_read(tmp_path):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]).save(path)
    message = refusal(path)
    assert "holds a keras.Sequential" in message
    assert all(model.__name__ in message.partition("known: ")[2] for model in GENERATORS.values())


@pytest.mark.parametrize("change", [
    {"module": "os", "class_name": "system", "registered_name": "system"},
    {"module": "subprocess", "class_name": "Popen", "registered_name": None},
    {"registered_name": "other_package>EDSR"},
])
def test_foreign_classes_are_not_imported(path, change):
    rewrite(path, config__json=json.dumps({**config_of(path), **change}).encode())
    assert "not a model of this package" in refusal(path)


@pytest.mark.parametrize(("arguments", "said"), [
    ({"scale": 5}, "scale of EDSR must be one of"),
    ({"colour": 3}, "cannot be built"),
    ({"features": {"class_name": "Lambda", "config": {}}}, "must be plain numbers"),
    ([], "must be plain numbers"),
])
def test_wrong_arguments(path, arguments, said):
    rewrite(path, config__json=json.dumps({**config_of(path), "config": arguments}).encode())
    assert said in refusal(path)


def test_missing_file_and_empty_folder(tmp_path):
    assert "no file or folder has this path" in refusal(tmp_path / "absent.keras", FileNotFoundError)
    assert "it holds nothing" in refusal(tmp_path, FileNotFoundError)
    (tmp_path / "saved_model.pb").touch()
    assert "is a SavedModel, which holds no network of this package" in refusal(tmp_path)
