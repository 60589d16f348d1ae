"""Sites of `export --format=web`; what they do in a browser is checked by tools/check_web.py."""

import json
import re
import shutil
import subprocess
import sys

import pytest
from inference.lifelike import lifelike

from srgan_tf.config import ExportConfig
from srgan_tf.errors import UserError
from srgan_tf.exporting import export_web
from srgan_tf.hub import shipped_files
from srgan_tf.hub.litert_js import CORE, UTILS
from srgan_tf.runtimes import open_runtime


@pytest.fixture
def litert_js(tmp_path):
    """What npm unpacks, with little in it."""
    for package in (CORE, UTILS):
        for file in package.files:
            path = tmp_path / "npm" / package.name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text('import { createWasmLib } from "@litertjs/wasm-utils";' if package is CORE else "")
    return str(tmp_path / "npm")


def config(litert_js, **flags):
    return ExportConfig(model="-", output="-", format=("web",), litert_js=litert_js, **flags)


def version(site):
    return re.search(r'VERSION = "(\w{16})"', (site / "service-worker.js").read_text())[1]


def test_a_site_and_a_second_model(tmp_path, litert_js):
    site = tmp_path / "site"
    site.mkdir()
    assert export_web(lifelike("fsrcnn"), site, "mine", config(litert_js, quantize="float16")) == site
    first = version(site)
    assert '"./wasm-utils.js"' in (site / "litert/core.js").read_text()
    kept = json.loads(re.search(r"FILES = (\[.*\])", (site / "service-worker.js").read_text())[1])
    assert {"./", "app.js", "models.json"} <= set(kept)
    assert all((site / file).is_file() for file in kept if file != "./")
    listed = json.loads((site / "models.json").read_text())["models"]
    assert listed[0].pop("quantization") == "float16"
    (site / "models.json").write_text(json.dumps({"models": listed}))  # as earlier versions wrote it
    for name in ("again", "mine"):  # the second of these replaces what is there
        export_web(lifelike("espcn"), site, name, config(litert_js, quantize="float16"))
        listed = json.loads((site / "models.json").read_text())["models"]
        assert [one["quantization"] for one in listed] == ["float16", "float16"]
    assert version(site) != first
    models = json.loads((site / "models.json").read_text())["models"]
    assert [model["title"] for model in models] == ["mine", "again"]
    for model in models:
        assert "ESPCN" in model["note"]
        assert (model["io"], model["tile"]) == ("float1", 256)
        runtime = open_runtime(str(site / model["file"]))
        assert (runtime.scale, runtime.fixed_tile) == (model["scale"], None)


def test_nothing_but_the_site_is_said(tmp_path, litert_js):
    """In a process of its own, because LiteRT says once what it has to say."""
    done = subprocess.run(
        [sys.executable, "-m", "srgan_tf.export", "--format=web", f"--litert_js={litert_js}", "--output=site"],
        cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_a_site_of_files_as_they_are(command, refused, tmp_path, litert_js):
    web = ("export", "--format=web", f"--litert_js={litert_js}", "--output=site")
    done = command(*web)
    assert done.status == 0, done.err
    shutil.copytree(shipped_files()["mobile_x4_int8"].parent, tmp_path / "mine",
                    ignore=lambda _, names: [name for name in names if not name.startswith("mobile_x4_int8")])
    assert command(*web, "--model=mine/mobile_x4_int8.tflite").status == 0
    models = json.loads((tmp_path / "site/models.json").read_text())["models"]
    assert [one["title"] for one in models] == [
        "photo_x4, int8", "photo_x2, int8", "fidelity_x4, int8", "edsr_x4, int8", "mobile_photo_x4, int8",
        "mobile_x4", "mobile_x4, int8"]
    assert models[0]["note"] == "The default: photographs from phones and the web."
    assert [(one["io"], one["tile"], one["quantization"]) for one in (models[0], models[5])] == [
        ("uint8", 256, "int8"), ("float1", 256, "float16")]
    for one in models:
        name = one["file"].removeprefix("models/")
        assert (tmp_path / "site" / one["file"]).read_bytes() == shipped_files()[name[:-7]].read_bytes()
        assert (tmp_path / "site/models" / name.replace("tflite", "json")).is_file()
    assert "leave --quantize out" in refused(*web, "--model=photo_x4_int8", "--quantize=int8")
    card = json.loads((tmp_path / "mine/mobile_x4_int8.json").read_text())
    card["input"]["shape"] = [1, 64, 64, 3]
    (tmp_path / "mine/mobile_x4_int8.json").write_text(json.dumps(card))
    assert "the page needs a free size" in refused(*web, "--model=mine/mobile_x4_int8.tflite")
    whole = json.loads(shipped_files()["mobile_x4_int8"].with_suffix(".json").read_text())
    for damage in ({"alignment": None}, {"source": None}, {"sha256": "0" * 64}):
        card = {key: damage.get(key, value) for key, value in whole.items() if damage.get(key, value) is not None}
        (tmp_path / "mine/mobile_x4_int8.json").write_text(json.dumps(card))
        assert "missing, damaged or of another file" in refused(*web, "--model=mine/mobile_x4_int8.tflite")
    (tmp_path / "mine/mobile_x4_int8.json").unlink()
    assert "the card that export writes" in refused(*web, "--model=mine/mobile_x4_int8.tflite")


def test_what_a_site_cannot_be(tmp_path, litert_js):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/mine.txt").write_text("x")
    with pytest.raises(UserError, match="neither empty nor a site"):
        export_web(lifelike("fsrcnn"), tmp_path / "letters", "mine", config(litert_js))
    for text in ("{", "[]", '{"models": [3]}', '{"models": [{"title": "mine"}]}'):
        (tmp_path / "models.json").write_text(text)
        with pytest.raises(UserError, match="is not a list of models that this command wrote"):
            export_web(lifelike("fsrcnn"), tmp_path, "mine", config(litert_js))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="has neither a folder core nor a file core-"):
        export_web(lifelike("fsrcnn"), tmp_path / "empty", "mine", config(str(tmp_path / "letters")))
    with pytest.raises(UserError, match="give neither --io=float255"):
        config(litert_js, io="float255")
    assert [file.name for file in (tmp_path / "letters").iterdir()] == ["mine.txt"]


def test_another_version_of_litert_js(tmp_path, litert_js):
    (tmp_path / "npm/core/dist/index.js").write_text("import { createWasmLib } from './other.js';")
    (tmp_path / "site").mkdir()
    with pytest.raises(UserError, match="is not version"):
        export_web(lifelike("fsrcnn"), tmp_path / "site", "mine", config(litert_js))
    assert not list((tmp_path / "site").iterdir())


def test_offline_says_where_litert_js_belongs(tmp_path, monkeypatch):
    monkeypatch.setenv("SRGAN_TF_CACHE", str(tmp_path / "cache"))
    (tmp_path / "site").mkdir()
    with pytest.raises(FileNotFoundError, match=r"npmjs.org/@litertjs/core/.* save it as .*cache/npm/"):
        export_web(lifelike("fsrcnn"), tmp_path / "site", "mine", config("", offline=True))
