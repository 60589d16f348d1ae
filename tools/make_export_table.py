"""Writes the table of docs/export.md: each model in each format, its PSNR on a benchmark, loss and size.

Example:
    python tools/make_export_table.py --models=mobile_x4,edsr_x4,runs/rrdb --benchmark=Set5

The exports are made in --work; existing ones are used again. Every .tflite has free sizes, so that
each format upscales each image whole. How fast each runs is measured by tools/bench_infer.py.
"""

import argparse
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from srgan_tf.config import QUANTIZATIONS, ExportConfig
from srgan_tf.evaluation.benchmarks import load_benchmark
from srgan_tf.exporting import export_saved_model, export_tflite
from srgan_tf.hub import find_saved_model, load_model, resolve
from srgan_tf.imaging import to_uint8
from srgan_tf.inference import Upscaler
from srgan_tf.metrics import psnr
from srgan_tf.models import Generator

MARKS = ("<!-- made by tools/make_export_table.py -->", "<!-- end -->")
HEAD = ("| model | format | PSNR-Y | loss, dB | pixels off by more than 1 | file |\n"
        "|---|---|---:|---:|---:|---:|\n")
Run = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    """Makes the rows of each model and writes them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", required=True, help="model files or run folders, separated by commas")
    parser.add_argument("--benchmark", required=True, help="folder with HR/* and optionally LR_bicubic/X4/*")
    parser.add_argument("--work", default="exports/table", help="folder for the exports")
    parser.add_argument("--page", default="docs/export.md", help="page with the marks that the table goes between")
    arguments = parser.parse_args()
    rows = []
    for model in arguments.models.split(","):
        rows += model_rows(model, Path(arguments.work), Path(arguments.benchmark))
    said = conditions(Path(arguments.benchmark).name)
    write_between_marks(Path(arguments.page), HEAD + "".join(rows) + "\n" + said)


def model_rows(model: str, work: Path, benchmark: Path) -> list[str]:
    """The rows of one model."""
    generator = load_model(model, dtype="float32")
    file = resolve(model).path
    name = file.stem if file.stem not in ("best", "last") else file.resolve().parent.name
    runs = {"Keras": (Upscaler(generator, tile=0), file), **saved_model_runs(generator, work / name)}
    for quantize in QUANTIZATIONS:
        path = tflite_file(generator, model, work / name, quantize)
        runs[f".tflite {quantize}"] = (Upscaler(path, tile=0), path)
    pairs = [case.load() for case in load_benchmark(benchmark, generator.scale)]
    expected = [runs["Keras"][0](lr) for lr, _ in pairs]
    rows, best = [], None
    for label, (run, path) in runs.items():
        made = [run(lr) for lr, _ in pairs]
        score = float(np.mean([psnr(sr, hr, crop=generator.scale) for sr, (_, hr) in zip(made, pairs, strict=True)]))
        best = score if best is None else best
        off = [np.abs(sr.astype(int) - keras).max(axis=-1) > 1 for sr, keras in zip(made, expected, strict=True)]
        share = sum(part.sum() for part in off) / sum(part.size for part in off)
        who = f"{name}: {type(generator).__name__}, {generator.count_params():,} parameters" if label == "Keras" else ""
        rows.append(f"| {who} | {label} | {score:.3f} | {best - score:.3f} | {share:.2%} | {size(path)} |\n")
        print(rows[-1], end="", flush=True)
    return rows


def tflite_file(generator: Generator, model: str, folder: Path, quantize: str) -> Path:
    """The file of that quantization, made unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ("model.tflite" if quantize == "none" else f"model_{quantize}.tflite")
    config = ExportConfig(model=model, output=str(folder), quantize=quantize, dynamic=True)
    return path if path.is_file() else export_tflite(generator, folder, "model", config)


def saved_model_runs(generator: Generator, folder: Path) -> dict[str, tuple[Run, Path]]:
    """Each signature of the SavedModel as a function of one image, with the SavedModel's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    config = ExportConfig(model="-", output=str(folder))
    path = find_saved_model(folder) or export_saved_model(generator, folder, "", config)
    loaded = tf.saved_model.load(str(path))
    known = {"serving_default": _serving_default, "float": _float, "encoded": _encoded}
    return {f"SavedModel `{name}`": (known[name](loaded), path) for name in known if name in loaded.signatures}


def _serving_default(loaded: tf.Module) -> Run:
    return lambda lr: loaded.signatures["serving_default"](image=tf.constant(lr[None]))["upscaled"].numpy()[0]


def _float(loaded: tf.Module) -> Run:
    run = loaded.signatures["float"]
    return lambda lr: to_uint8(run(input_0=tf.constant(lr[None], tf.float32))["output_0"].numpy()[0] / 255)


def _encoded(loaded: tf.Module) -> Run:
    run = loaded.signatures["encoded"]
    return lambda lr: tf.io.decode_png(
        run(image_bytes=tf.io.encode_png(lr)[None])["png_bytes"][0], channels=3).numpy()


def size(path: Path) -> str:
    """Size of a file, or of a folder's files, in readable form."""
    total = sum(part.stat().st_size for part in [path, *path.rglob("*")] if part.is_file())
    return f"{total / 2**20:.2f} MiB"


def conditions(benchmark: str) -> str:
    """The versions that the table was made with."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "ai-edge-litert"))
    return f"PSNR-Y on {benchmark}; the loss against Keras. {packages}.\n"


def write_between_marks(page: Path, text: str) -> None:
    """Replaces what is between the marks of a page."""
    before, _, rest = page.read_text().partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not end:
        raise SystemExit(f"{page}: {MARKS[0]!r} and {MARKS[1]!r} are not both there")
    page.write_text(f"{before}{MARKS[0]}\n{text}{end}{after}")


if __name__ == "__main__":
    main()
