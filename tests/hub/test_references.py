"""What a model's name can be: every kind is found, by its content, and a name that is none says which is near."""

import shutil
import zipfile

import keras
import pytest

from srgan_tf.errors import ModelNotFoundError, UserError
from srgan_tf.hub import load_model, resolve, shipped_files
from srgan_tf.models import EDSR, save_model


@pytest.fixture
def network(tmp_path):
    keras.utils.set_random_seed(0)
    path = tmp_path / "small.keras"
    save_model(EDSR(2, features=4, blocks=1), path)
    return path


def run_folder(network, name, **flags):
    """A run folder whose best and last networks are the same file."""
    folder = network.parent / name
    folder.mkdir()
    for file in ("best.keras", "last.keras"):
        shutil.copy(network, folder / file)
    (folder / "config.flags").write_text("".join(f"--{flag}={value}\n" for flag, value in flags.items()))
    return folder


@pytest.mark.parametrize("name", shipped_files())
def test_every_model_that_ships_resolves_by_its_name(name):
    found = resolve(name)
    assert found.name == name
    assert found.kind == {".keras": "keras", ".tflite": "litert"}[found.path.suffix]
    assert found.licence == "Apache-2.0"
    assert not found.note


def test_bicubic_and_servers():
    assert resolve("bicubic").kind == "bicubic"
    found = resolve("http://127.0.0.1:8501/v1/models/edsr_x4")
    assert (found.kind, found.name) == ("remote", "edsr_x4")
    assert not found.digest  # a server's model can change unseen
    assert resolve(found) is found


def test_content_decides_and_not_the_ending(network):
    other = network.with_name("weights.bin")
    network.rename(other)
    assert resolve(other).kind == "keras"
    assert resolve(str(other)).name == "weights"
    renamed = network.with_name("model.pth")
    shutil.copy(shipped_files()["mobile_x4_int8"], renamed)
    assert resolve(renamed).kind == "litert"
    renamed.write_bytes(b"PNG or whatever")
    assert resolve(renamed).kind == "foreign"
    empty = network.with_name("empty.keras")
    empty.write_bytes(b"")
    assert resolve(empty).kind == "keras"  # its reader says what is wrong


def test_a_run_without_a_discriminator_gives_its_best(network):
    found = resolve(run_folder(network, "edsr_psnr", adversarial="", model="edsr"))
    assert (found.path.name, found.name) == ("best.keras", "edsr_psnr")
    assert "best.keras" in found.note


def test_a_run_with_a_discriminator_gives_its_newest(network):
    found = resolve(str(run_folder(network, "esrgan", adversarial="relativistic:0.005")))
    assert (found.path.name, found.name) == ("last.keras", "esrgan")
    assert "last.keras (the run has a discriminator)" in found.note


def test_a_run_with_a_discriminator_and_a_metric_of_its_own_gives_its_best(network):
    found = resolve(run_folder(network, "esrgan", adversarial="relativistic:0.005", best_by="lpips"))
    assert found.path.name == "best.keras"


def test_an_export_inside_a_run_does_not_hide_the_run(network):
    folder = run_folder(network, "run")
    (folder / "1").mkdir()
    (folder / "1" / "saved_model.pb").write_bytes(b"")
    assert resolve(folder).kind == "keras"


def test_saved_model_versions_are_numbers(tmp_path):
    for version in ("2", "10", "next"):
        (tmp_path / "edsr" / version).mkdir(parents=True)
        (tmp_path / "edsr" / version / "saved_model.pb").write_bytes(version.encode())
    found = resolve(tmp_path / "edsr")
    assert (found.kind, found.name, found.path.name) == ("saved_model", "edsr", "10")


def test_a_name_is_a_model_and_a_path_is_a_path(network, monkeypatch):
    monkeypatch.chdir(network.parent)
    shutil.copy(network, "mobile_x4")
    found = resolve("mobile_x4")
    assert found.path == shipped_files()["mobile_x4"]
    assert "./mobile_x4" in found.note
    assert load_model("./mobile_x4").scale == 2
    shutil.copy(network, "mine")
    assert resolve("mine").kind == "keras"  # no model has this name


def test_the_digest_is_of_the_content(network):
    other = network.with_name("copy.keras")
    shutil.copy(network, other)
    assert resolve(network).digest == resolve(other).digest != resolve("edsr_x4").digest


@pytest.mark.parametrize(("model", "message"), [
    ("edsr_x3", "did you mean edsr_x4?"),
    ("runs/nothing", "no model 'runs/nothing'"),
    ("", "no model ''"),
])
def test_what_is_not_there(model, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFoundError) as caught:
        resolve(model)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_model_says_what_it_holds(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ModelNotFoundError, match=r"holds neither a run .* notes.txt"):
        resolve(tmp_path)


def test_a_home_that_is_not_there():
    with pytest.raises(UserError, match="full path"):
        resolve("~nobody_of_this_name/model.keras")


def test_only_networks_load(tmp_path):
    for model in ("bicubic", "mobile_x4_int8", "http://127.0.0.1:8501/v1/models/m"):
        with pytest.raises(UserError, match="holds no network"):
            load_model(model)


def test_a_zip_of_pytorch_is_foreign_whatever_its_ending(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    assert resolve(tmp_path / "a.keras").kind == "foreign"


def test_published_models_are_found_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("SRGAN_TF_CACHE", str(tmp_path))
    monkeypatch.setenv("SRGAN_TF_OFFLINE", "1")
    with pytest.raises(FileNotFoundError, match=r"bsrgan is not on this machine"):
        resolve("bsrgan")
    with pytest.raises(UserError, match=r"did you mean bsrgan"):
        resolve("bsrgam")
