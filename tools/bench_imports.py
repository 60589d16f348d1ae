#!/usr/bin/env python3
"""Measures imported architectures beside their PyTorch code, with the same random weights, and prints a Markdown table.

    pip install -e . spandrel
    python tools/bench_imports.py [--models=span,plksr,swinir,dat,omnisr] [--side=96] [--repeats=5]
    python tools/bench_imports.py --torch_python=PYTHON     # where PyTorch and spandrel are, if not here

float32 of [1,side,side,3] at x4, whole. The weights go through a .safetensors file, as a user's would. PyTorch runs
spandrel's network in inference_mode, in both memory formats. Each has a process of its own, and they alternate after
every image. Medians are printed, and the largest difference relative to the greatest value.
"""

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

LIGHT = {"features": 60, "upsampler": "pixelshuffledirect"}
MODELS = {
    "span": {"folded": True},
    "plksr": {},
    "swinir": {**LIGHT, "depths": "6-6-6-6"},
    "dat": {**LIGHT, "depths": "18", "expansion": 2, "connection": "3conv"},
    "omnisr": {},
}


def make(model: str, folder: Path) -> None:
    """Writes the weights: for us, and from that by `convert` for PyTorch."""
    from srgan_tf.models import GENERATORS, save_model

    save_model(GENERATORS[model](scale=4, **MODELS[model]), folder / "model.keras")
    subprocess.run([sys.executable, "-m", "srgan_tf.convert", f"--model={folder / 'model.keras'}",
                    f"--output={folder / 'model.safetensors'}"], check=True, stdout=subprocess.DEVNULL)


def keras_worker(folder: Path, kind: str, threads: int):
    """What `upscale` runs."""
    import tensorflow as tf

    from srgan_tf.runtimes import open_runtime

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    return open_runtime(str(folder / "model.safetensors")).run_float, f"TensorFlow {tf.__version__}"


def torch_worker(folder: Path, kind: str, threads: int):
    """The network in the code of spandrel."""
    from unittest import mock

    import torch

    if not importlib.util.find_spec("torchvision"):  # spandrel imports it for networks that are not measured here
        names = ("", ".transforms", ".transforms.functional", ".utils", ".models", ".ops")
        sys.modules.update({f"torchvision{name}": mock.MagicMock() for name in names})
    from safetensors.torch import load_file
    from spandrel import ModelLoader

    torch.set_num_threads(threads)
    network = ModelLoader().load_from_state_dict(load_file(folder / "model.safetensors")).model.eval()
    layout = {"channels_last": torch.channels_last}.get(kind, torch.contiguous_format)
    network = network.to(memory_format=layout)

    def run(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            given = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=layout)
            return network(given).permute(0, 2, 3, 1).numpy()

    return run, f"PyTorch {torch.__version__}"


WORKERS = {"Keras": keras_worker, "PyTorch": torch_worker}
CONTENDERS = ("Keras", "PyTorch", "PyTorch channels_last")


def serve(contender: str, folder: Path, side: int, threads: int) -> None:
    """The process of a contender: upscales at each line that it is sent, and answers with the seconds."""
    name, _, kind = contender.partition(" ")
    run, version = WORKERS[name](folder, kind, threads)
    images = np.random.default_rng(0).random((1, side, side, 3)).astype(np.float32)
    np.save(folder / f"{contender}.npy", run(images))
    print(f"ready {version}", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        run(images)
        print(time.perf_counter() - start, flush=True)


def race(model: str, options: argparse.Namespace) -> set[str]:
    """Prints the row of a model; returns the versions."""
    with tempfile.TemporaryDirectory(prefix="bench_imports_") as folder:
        make(model, Path(folder))
        processes, versions, times = {}, set(), {name: [] for name in CONTENDERS}
        for name in CONTENDERS:
            python = sys.executable if name == "Keras" else options.torch_python
            processes[name] = process = subprocess.Popen(
                [python, __file__, f"--serve={name}", f"--folder={folder}", f"--side={options.side}",
                 f"--threads={options.threads}"], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                env={**os.environ, "OMP_WAIT_POLICY": "passive"})  # who waits must not take the others' cores
            ready = next((line for line in process.stdout if line.startswith("ready ")), "")
            if not ready:
                raise SystemExit(f"{model}: the process of {name} ended, status {process.wait()}")
            versions.add(ready.split(" ", 1)[1].strip())
        for _ in range(1 + options.repeats):  # the first is a warm-up
            for name, process in processes.items():
                process.stdin.write("next\n")
                process.stdin.flush()
                times[name].append(float(process.stdout.readline()))
        for process in processes.values():
            process.stdin.close()
            process.wait()
        ours, theirs = (np.load(Path(folder, f"{name}.npy")) for name in CONTENDERS[:2])
    seconds = {name: statistics.median(found[1:]) for name, found in times.items()}
    best = min(seconds[name] for name in CONTENDERS[1:])
    difference = np.abs(ours - theirs).max() / np.abs(theirs).max()
    print(f"| {model} | {' | '.join(f'{seconds[name]:.3f}' for name in CONTENDERS)} | {best / seconds['Keras']:.2f} | "
          f"{difference:.1e} |", flush=True)
    return versions


def main() -> None:
    """Runs the races, or one contender."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--side", type=int, default=96, help="of the image, in LR pixels")
    parser.add_argument("--repeats", type=int, default=5, help="timed images of each contender, after one of warm-up")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--torch_python", default=sys.executable, help="the Python that has PyTorch and spandrel")
    parser.add_argument("--serve", default="", help=argparse.SUPPRESS)
    parser.add_argument("--folder", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, Path(options.folder), options.side, options.threads)
        return
    print(f"| model | {', s | '.join(CONTENDERS)}, s | faster by | difference |\n|---|---:|---:|---:|---:|---:|")
    versions = set().union(*(race(model, options) for model in options.models.split(",")))
    print(f"\n{', '.join(sorted(versions))}; {options.side}x{options.side} at x4, {options.threads} threads, medians "
          f"of {options.repeats}; faster by: the better of PyTorch's over Keras'")


if __name__ == "__main__":
    main()
