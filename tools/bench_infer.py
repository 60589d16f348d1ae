#!/usr/bin/env python3
"""Measures how long runtimes take to upscale an image with the same weights, and prints a Markdown table.

    pip install -e ".[bench]"
    python tools/bench_infer.py [--models=edsr,rrdb,mobile] [--sizes=96,256] [--repeats=5] [--contenders=...]
    python tools/bench_infer.py --sizes=1000 --repeats=1              # one megapixel; tiles of 256, overlap 16

uint8 [1,H,W,3] in, uint8 [1,4H,4W,3] out, for every contender: Keras and SavedModel (through srgan_tf's own runtimes),
LiteRT in each quantization, PyTorch (channels_last, inference_mode, autocast for bfloat16), ONNX Runtime (the PyTorch
network as ONNX; its CPU provider has no bfloat16) and OpenVINO (the Keras network). Each has a process of its own, and
they alternate after every image. Medians are printed, and the largest difference from Keras in float32, in grey levels.
Images larger than 256 are upscaled with the same tiles everywhere, except by the SavedModel, which has its own.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from bench_train import load_pytorch, random_weights

from srgan_tf.config import QUANTIZATIONS, ExportConfig

SCALE, TILE, OVERLAP, WARM_UP = 4, 256, 16, 2


def make_generator(model: str, precision: str = "float32"):
    """The Keras network with the weights that all contenders share."""
    from srgan_tf.models import GENERATORS

    generator = GENERATORS[model](scale=SCALE, dtype={"bfloat16": "mixed_bfloat16"}.get(precision, precision))
    generator.set_weights(random_weights([weight.shape for weight in generator.weights]))
    return generator


def export(model: str, folder: Path, contenders: list[str]) -> None:
    """Writes what the exported contenders run, in a process of its own."""
    from srgan_tf.exporting import FORMATS

    for contender in contenders:
        name, _, kind = contender.partition(" ")
        settings = {"SavedModel": {"format": ("saved_model",), "precision": kind},
                    "LiteRT": {"format": ("tflite",), "quantize": kind, "dynamic": True, "io": "uint8"}}.get(name)
        if settings:
            place = folder / contender.replace(" ", "_")
            place.mkdir()
            config = ExportConfig(model=model, output=str(place), **settings)
            FORMATS[config.format[0]](make_generator(model), place, model, config)


def keras_contender(model: str, folder: Path, kind: str, threads: int):
    """What upscale runs for a .keras file."""
    import tensorflow as tf

    from srgan_tf.runtimes.keras import open_network

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    return open_network(make_generator(model, kind)).run, f"TensorFlow {tf.__version__}"


def saved_model_contender(model: str, folder: Path, kind: str, threads: int):
    """The serving_default signature."""
    import tensorflow as tf

    from srgan_tf.hub import find_saved_model
    from srgan_tf.runtimes.saved_model import saved_model_runtime

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    return saved_model_runtime(find_saved_model(folder / f"SavedModel_{kind}")).run, ""


def litert_contender(model: str, folder: Path, kind: str, threads: int):
    """A .tflite of free size."""
    from importlib.metadata import version

    from srgan_tf.runtimes.litert import litert_runtime

    path, = (folder / f"LiteRT_{kind}").glob("*.tflite")
    return litert_runtime(path, threads).run, f"LiteRT {version('ai-edge-litert')}"


def pytorch_network(model: str):
    """The PyTorch network with the shared weights, uint8 NHWC -> uint8 NHWC."""
    import torch
    from make_torch_references import EDSR, MobileSR, RRDBNet

    network = {"edsr": lambda: EDSR(SCALE, 64, 16, 1.0), "mobile": lambda: MobileSR(SCALE, 28, 6),
               "rrdb": lambda: RRDBNet(64, 32, 23)}[model]()
    load_pytorch(network, model)

    class Upscale(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, images):
            upscaled = self.network(images.permute(0, 3, 1, 2).float() / 255).float()
            return (255 * upscaled + 0.5).floor().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)

    return Upscale().eval()


def pytorch_contender(model: str, folder: Path, kind: str, threads: int):
    """Eager PyTorch."""
    import torch

    torch.set_num_threads(threads)
    network = pytorch_network(model).to(memory_format=torch.channels_last)

    def run(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=kind == "bfloat16"):
            return network(torch.from_numpy(images)).numpy()

    return run, f"PyTorch {torch.__version__}"


def onnx_contender(model: str, folder: Path, kind: str, threads: int):
    """ONNX Runtime on what PyTorch exports."""
    import onnxruntime
    import torch

    path = folder / "network.onnx"
    sides = {1: torch.export.Dim("height"), 2: torch.export.Dim("width")}
    torch.onnx.export(pytorch_network(model), (torch.zeros(1, 24, 28, 3, dtype=torch.uint8),), path, dynamo=True,
                      dynamic_shapes=(sides,), verbose=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})[0], f"ONNX Runtime {onnxruntime.__version__}"


def openvino_contender(model: str, folder: Path, kind: str, threads: int):
    """OpenVINO on the Keras network's graph."""
    import openvino
    import tensorflow as tf

    image = tf.TensorSpec([None, None, None, 3], tf.uint8)
    graph = tf.function(make_generator(model).upscale, [image]).get_concrete_function()
    hint = {"float32": "f32", "bfloat16": "bf16"}[kind]
    compiled = openvino.Core().compile_model(openvino.convert_model(graph), "CPU", {
        "INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"})
    return lambda images: compiled(images)[0], f"OpenVINO {openvino.__version__}"


LOADERS = {"Keras": keras_contender, "SavedModel": saved_model_contender, "LiteRT": litert_contender,
           "PyTorch": pytorch_contender, "ONNX": onnx_contender, "OpenVINO": openvino_contender}
FLOATS = ("float32", "bfloat16")
CONTENDERS = ["ONNX float32", *(f"{name} {kind}" for name in ("Keras", "SavedModel", "PyTorch", "OpenVINO")
                                for kind in FLOATS), *(f"LiteRT {kind}" for kind in QUANTIZATIONS)]


def serve(pipe: Connection, contender: str, model: str, folder: Path, threads: int) -> None:
    """The process of a contender: sends the upscaled image and the seconds for each image."""
    from srgan_tf.inference import upscale_tiled
    from srgan_tf.runtimes import Runtime

    name, _, kind = contender.partition(" ")
    run, version = LOADERS[name](model, folder, kind, threads)
    runtime = Runtime(name, SCALE, run)
    pipe.send(version)
    while (image := pipe.recv()) is not None:
        start = time.perf_counter()
        upscaled = upscale_tiled(runtime, image, 0 if name == "SavedModel" else TILE, OVERLAP)
        pipe.send((upscaled, time.perf_counter() - start))


def race(model: str, contenders: list[str], sizes: list[int], repeats: int, threads: int) -> set[str]:
    """Prints the model's rows; returns the versions."""
    context, random = get_context("spawn"), np.random.default_rng(0)
    images = [random.integers(0, 256, (size, size, 3), "uint8") for size in sizes]
    with tempfile.TemporaryDirectory(prefix="bench_infer_") as temporary:
        exporter = context.Process(target=export, args=(model, Path(temporary), contenders))
        exporter.start()
        exporter.join()
        pipes, versions = {}, set()
        for name in contenders:
            pipes[name], theirs = context.Pipe()
            arguments = (theirs, name, model, Path(temporary), threads)
            context.Process(target=serve, args=arguments, daemon=True).start()
            versions.add(pipes[name].recv())
        found = measure(pipes, images, repeats)
        for pipe in pipes.values():
            pipe.send(None)
    print_rows(model, found, sizes)
    return versions - {""}


def measure(pipes: dict[str, Connection], images: list[np.ndarray], repeats: int) -> dict[str, list[tuple]]:
    """Median seconds and largest difference from Keras in float32, of each contender for each image."""
    found = {name: [] for name in pipes}
    for image in images:
        times, results = {name: [] for name in pipes}, {}
        for turn in range(WARM_UP + repeats):
            for name, pipe in pipes.items():
                pipe.send(image if turn >= WARM_UP else image[:TILE, :TILE])
                results[name], seconds = pipe.recv()
                times[name].append(seconds)
        for name, upscaled in results.items():
            reference = results.get("Keras float32", upscaled)
            difference = int(np.abs(upscaled.astype(np.int16) - reference).max())
            found[name].append((statistics.median(times[name][-repeats:]), difference))
    return found


def print_rows(model: str, found: dict[str, list[tuple]], sizes: list[int]) -> None:
    """A row for each contender: seconds, and in brackets the faster peer's time in that precision over it."""
    for name, measured in found.items():
        kind = name.partition(" ")[2]
        peers = [found[peer] for peer in (f"PyTorch {kind}", f"ONNX {kind}") if peer in found]
        cells = []
        for at in range(len(sizes)):
            seconds, difference = measured[at]
            best = min((peer[at][0] for peer in peers), default=None)
            cells.append(f"{seconds:.3f}{f' ({best / seconds:.2f})' if best else ''} | {difference}")
        print(f"| {model} | {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Runs the races."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="edsr,rrdb")
    parser.add_argument("--sizes", default="96,256", help="sides of the images, in LR pixels")
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--repeats", type=int, default=5, help="timed images of each contender, after two of warm-up")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    sizes, contenders = [int(size) for size in options.sizes.split(",")], options.contenders.split(",")
    columns = " | ".join(f"{size}x{size}, s | levels" for size in sizes)
    print(f"| model | runtime | {columns} |\n|---|---|{'---:|---:|' * len(sizes)}")
    versions = set()
    for model in options.models.split(","):
        versions |= race(model, contenders, sizes, options.repeats, options.threads)
    print(f"\n{', '.join(sorted(versions))}; {options.threads} threads of {platform.processor() or 'this machine'}, "
          f"medians of {options.repeats}; in brackets: the better of PyTorch and ONNX Runtime over this")


if __name__ == "__main__":
    main()
