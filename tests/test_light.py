"""The light install: what upscales by .tflite files does so where TensorFlow is missing; all else says why not."""

import json
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
from PIL import Image

import srgan_tf
from srgan_tf.errors import FULL_INSTALL_ONLY
from srgan_tf.hub import shipped_files
from srgan_tf.hub.litert_js import CORE, UTILS

ROOT = Path(__file__).parent.parent
# Runs commands in a process in which nothing can import what the light install leaves out.
CODE = """
import contextlib, io, json, runpy, sys
left_out, commands = json.load(sys.stdin)
sys.modules.update(dict.fromkeys(left_out))
for line in commands:
    sys.argv = line.split()
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_module(f"srgan_tf.{sys.argv[0]}", run_name="__main__", alter_sys=True)
        except SystemExit as end:
            print(json.dumps([end.code or 0, out.getvalue(), err.getvalue()]), file=sys.__stdout__)
"""
RUNNING = {
    "upscale a.png": "",
    "upscale a.png --model=mobile_x4_float16 -o b.png": "",
    "upscale --list": "",
    "compare a.png": "edsr_x4, fidelity_x2, fidelity_x4, mobile_photo_x4, mobile_x4, perceptual_x4, "
                     "photo_gentle_x4, photo_x2, photo_x4, raisr_x2, video_x4 and \n"
                     "photo_x2_int8 has scale 2; its result is resized by 2 (bicubic)",
    "evaluate --model=mobile_x4_int8 --benchmark=set --cache= --output=results": "",
    "evaluate --benchmark=set --cache= --output=default": "",
    "export --format=web --litert_js=npm --output=site": "",
}
# Of what could not take a .tflite file in place of a network.
PLAIN = "needs TensorFlow, which is not installed; `pip"
REFUSED = {
    "upscale a.png -o c.png --model=edsr_x4": "TensorFlow, which is not installed (edsr_x4_int8 runs without it)",
    "upscale a.png -o c.png --sharpness=0.5": f"fidelity_x4 {PLAIN}",
    "compare a.png --models=photo_x4": "photo_x4 needs TensorFlow, which is not installed (photo_x4_int8 runs without",
    "compare a.png --models=./small.keras": f"small.keras {PLAIN}",
    "evaluate --model=fidelity_x4 --benchmark=set": "not installed (fidelity_x4_int8 runs without it); `pip",
    "upscale a.png -o c.png --model=realesrgan-x4plus": "realesrgan-x4plus needs TensorFlow",  # and no download begins
    "upscale a.png -o c.png --model=./small.keras": f"small.keras {PLAIN}",
    "export --output=exports": f"photo_x4 {PLAIN}",
    "export --model=photo_x4 --format=web --output=other": f"photo_x4 {PLAIN}",
    "serve": f"photo_x4 {PLAIN}",
    "convert --model=photo_x4 --output=c.safetensors": f"photo_x4 {PLAIN}",
    "interpolate --model_a=fidelity_x4 --model_b=perceptual_x4 --output=between": f"fidelity_x4 {PLAIN}",
    "interpolate --model_a=small.keras --model_b=small.keras --output=c.keras": f"interpolate {PLAIN}",
    "export --model=small.keras --output=exports": f"export {PLAIN}",
    "prepare --dataset=div2k/bicubic_x4 --output=records": f"prepare {PLAIN}",
    "train --dataset=deadleaves --run_dir=run": f"train {PLAIN}",
    "train --flagfile=quickstart.flags": f"train {PLAIN}",  # and scikit-image is not looked for
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """How each command ended: status, standard output and standard error; and the folder they ran in."""
    folder = tmp_path_factory.mktemp("light")
    for name, size in (("a.png", 8), ("set/HR/b.png", 32)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.radial_gradient("L").resize((size, size)).convert("RGB").save(folder / name)
    shutil.copy(shipped_files()["mobile_x4"], folder / "small.keras")
    for file in (f"{package.name}/{file}" for package in (CORE, UTILS) for file in package.files):
        (folder / "npm" / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / "npm" / file).write_text('import { createWasmLib } from "@litertjs/wasm-utils";')
    left_out = [name.replace("-", "_") for name in FULL_INSTALL_ONLY]
    given = json.dumps([left_out, [*RUNNING, *REFUSED]])
    ended = subprocess.run([sys.executable, "-c", CODE], input=given, capture_output=True, text=True, cwd=folder,
                           check=True)
    return dict(zip([*RUNNING, *REFUSED], map(json.loads, ended.stdout.splitlines()), strict=True)), folder


@pytest.mark.parametrize("line", RUNNING)
def test_what_runs_without_tensorflow(done, line):
    status, _, err = done[0][line]
    assert status == 0, err
    for said, beginning in zip(err.splitlines(), RUNNING[line].splitlines(), strict=True):
        assert said.startswith(beginning)


def test_what_they_make(done):
    ended, folder = done
    assert Image.open(folder / "upscaled/a_x4.png").size == Image.open(folder / "b.png").size == (32, 32)
    listed = ended["upscale --list"][1]
    names = re.findall(r"^(\w+) +x\d", listed, re.MULTILINE)
    assert names == ["edsr_x4_int8", "fidelity_x4_int8", "mobile_photo_x4_float16", "mobile_photo_x4_int8",
                     "mobile_x4_float16", "mobile_x4_int8", "photo_x2_int8", "photo_x4_int8"]
    assert "`pip install .`" in listed
    assert "| fidelity_x4_int8 |" in ended["evaluate --benchmark=set --cache= --output=default"][1]
    assert all((folder / file).exists() for file in ("compared/a.html", "results/results.json",
                                                        "site/models/photo_x4_int8.tflite"))


@pytest.mark.parametrize("line", REFUSED)
def test_what_needs_the_full_install_says_so_in_one_line(done, line):
    status, _, err = done[0][line]
    assert status == 2
    assert len(err.splitlines()) == 1, err
    assert REFUSED[line] in err
    assert "`pip install .` in a clone" in err


def test_its_requirements_are_those_of_the_full_install_without_tensorflow(tmp_path):
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    full = set(filter(None, config["options"]["install_requires"].splitlines()))
    subprocess.run([sys.executable, "light/setup.py", "-q", "egg_info", f"--egg-base={tmp_path}"], check=True, cwd=ROOT,
                   capture_output=True)
    metadata = tmp_path / "srgan_tf.egg-info"
    light = set((metadata / "requires.txt").read_text().partition("\n[")[0].split())
    assert {re.match(r"[\w-]+", line)[0] for line in full - light} == set(FULL_INSTALL_ONLY)
    assert light < full
    made = (metadata / "PKG-INFO").read_text().replace("srgan_tf", "srgan-tf")
    assert f"\nName: srgan-tf\nVersion: {srgan_tf.__version__}+light\n" in made
