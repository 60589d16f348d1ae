#!/usr/bin/env python3
"""Writes a trained generator to srgan_tf/pretrained/NAME.keras, its weights in half precision, and measures it.

    python tools/make_pretrained.py runs/edsr_x4 edsr_x4 --purpose="faithful upscaling" --benchmark=Set5,Set14,BSD100

Every weight is rounded to float16, half the bytes; the model loads as float32 again. The rounded file is what is
measured, by `evaluate`, and shipped. The figures go to NAME.json, which `upscale --list` reads, and are printed for
the card, NAME.md.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import numpy as np

from srgan_tf.hub import load_model, resolve
from srgan_tf.hub.shipped import FOLDER


def halve(source: Path, target: Path) -> None:
    """Copies an HDF5 file, its float32 data sets as float16."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:
        def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Group):
                made = new.require_group(name)
            else:
                values = item[()]
                values = values.astype(np.float16) if values.dtype == np.float32 else values
                made = new.create_dataset(name, data=values)
            made.attrs.update(item.attrs)

        old.visititems(copy)
        new.attrs.update(old.attrs)


def measure(model: Path, purpose: str, benchmark: str, lpips_weights: str) -> None:
    """Evaluates the file, prints the table and writes its facts."""
    generator = load_model(model)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "srgan_tf.evaluate", f"--model={model}", f"--benchmark={benchmark}",
                   f"--scale={generator.scale}", f"--output={folder}", "--sheet_rows=0"]
        command += ["--metrics=niqe,lpips", f"--lpips_weights={lpips_weights}"] if lpips_weights else ["--metrics=niqe"]
        subprocess.run(command, check=True)
        datasets = json.loads(Path(folder, "results.json").read_text())["datasets"]
    figures = {metric: {name: round(scores[metric], 4) for name, scores in datasets.items()}
               for metric in ("psnr_y", "ssim_y", "niqe", *(["lpips"] if lpips_weights else []))}
    facts = {"architecture": type(generator).__name__, "arguments": generator.get_config(), "scale": generator.scale,
             "parameters": generator.count_params(), "purpose": purpose, **figures}
    model.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")


def main() -> None:
    """Writes the file and reports how much the rounding changed the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a .keras file or run folder")
    parser.add_argument("name", help="name of the shipped model")
    parser.add_argument("--purpose", required=True, help="in a few words, for upscale --list")
    parser.add_argument("--benchmark", required=True, help="folders, as for evaluate")
    parser.add_argument("--lpips_weights", default="", help="as for evaluate: LPIPS is measured as well")
    options = parser.parse_args()
    source, target = resolve(options.model).path, FOLDER / f"{options.name}.keras"
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(source) as archive:
        archive.extractall(folder)
        weights = Path(folder, "model.weights.h5")
        halve(weights, Path(folder, "half.h5"))
        os.replace(Path(folder, "half.h5"), weights)
        temporary = Path(folder, "model.zip")
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as made:
            for name in archive.namelist():
                made.write(Path(folder, name), name)
        shutil.copy(temporary, target)
    pairs = zip(load_model(source).get_weights(), load_model(target).get_weights(), strict=True)
    moved = max(float(np.abs(old - new).max()) for old, new in pairs)
    measure(target, options.purpose, options.benchmark, options.lpips_weights)
    print(f"{target}: {target.stat().st_size / 2**20:.2f} MiB; the largest change of a weight is {moved:.1e}")


if __name__ == "__main__":
    main()
