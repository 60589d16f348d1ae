#!/usr/bin/env python3
"""Measures the seconds a megapixel of output that models take, beside Real-ESRGAN's small one in PyTorch and ncnn.

    python tools/bench_models.py realesr-general-x4v3.safetensors [--models=photo_x4,photo_x4_int8,fidelity_x4,edsr_x4]
    [--torch=PYTHON] [--ncnn=PYTHON] [--size=256] [--repeats=5]

Each contender has a process of its own, and they alternate after every image: uint8 [H,W,3] in, uint8 [4H,4W,3] out, in
one pass. --torch and --ncnn name other Pythons that have PyTorch and ncnn, which need not share a NumPy with this
package. The models run in float32 and bfloat16, .tflite files as they are. Medians are printed, and of the three that
run the weights of the file how far they are from this package in float32, in grey levels.
"""

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SCALE, WARM_UP = 4, 2
Run = Callable[[np.ndarray], np.ndarray]


def of_package(model: str, precision: str, threads: int) -> tuple[Run, str]:
    """A model by the runtimes of this package."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
    from srgan_tf.hub import resolve
    from srgan_tf.runtimes.base import Options
    from srgan_tf.runtimes.opening import open_runtime

    kind = resolve(model).kind
    options = Options(threads=threads) if kind == "litert" else Options(threads=threads, precision=precision)
    run = open_runtime(model, options).run
    return lambda image: run(image[None])[0], f"srgan_tf, {'LiteRT' if kind == 'litert' else 'TensorFlow'}"


def of_pytorch(weights: str, precision: str, threads: int) -> tuple[Run, str]:
    """SRVGG from the arrays of an .npz file, eager, channels last."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    arrays = [torch.from_numpy(array) for array in np.load(weights).values()]
    arrays = [array.to(memory_format=torch.channels_last) if array.ndim == 4 else array for array in arrays]

    def run(image: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            given = torch.from_numpy(image)[None].permute(0, 3, 1, 2).float() / 255
            x = given
            for at in range(0, len(arrays), 3):  # kernel, bias and slopes of each layer; the last has no slopes
                x = functional.conv2d(x, *arrays[at : at + 2], padding=1)
                x = functional.prelu(x, arrays[at + 2]) if at + 2 < len(arrays) else x
            x = functional.pixel_shuffle(x, SCALE).float() + functional.interpolate(given, scale_factor=SCALE)
            return (255 * x + 0.5).floor().clamp(0, 255).to(torch.uint8)[0].permute(1, 2, 0).contiguous().numpy()

    return run, f"PyTorch {torch.__version__}"


def of_ncnn(weights: str, precision: str, threads: int) -> tuple[Run, str]:
    """SRVGG from the arrays of an .npz file, written in ncnn's format."""
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads
    with tempfile.TemporaryDirectory() as folder:
        files = write_ncnn(list(np.load(weights).values()), Path(folder))
        assert net.load_param(str(files[0])) == 0
        assert net.load_model(str(files[1])) == 0

    def run(image: np.ndarray) -> np.ndarray:
        extractor = net.create_extractor()
        given = np.ascontiguousarray(image.transpose(2, 0, 1), np.float32) / np.float32(255)
        extractor.input("image", ncnn.Mat(given))
        made = np.array(extractor.extract("upscaled")[1])
        return np.clip(np.floor(255 * made + 0.5), 0, 255).astype(np.uint8).transpose(1, 2, 0)

    return run, f"ncnn {ncnn.__version__}"


def write_ncnn(arrays: list[np.ndarray], folder: Path) -> tuple[Path, Path]:
    """SRVGG as ncnn's .param, its layers as text, and .bin, their numbers: a tag of four zeros before each kernel."""
    layers, numbers, last = ["Input image 0 1 image", "Split split 1 2 image layer_in base"], b"", "layer_in"
    for at in range(0, len(arrays), 3):
        kernel, bias = arrays[at : at + 2]
        layers.append(f"Convolution conv{at} 1 1 {last} conv{at} 0={len(bias)} 1=3 4=1 5=1 6={kernel.size}")
        numbers, last = numbers + bytes(4) + kernel.tobytes() + bias.tobytes(), f"conv{at}"
        if at + 2 < len(arrays):
            layers.append(f"PReLU prelu{at} 1 1 {last} prelu{at} 0={arrays[at + 2].size}")
            numbers, last = numbers + arrays[at + 2].tobytes(), f"prelu{at}"
    layers += [f"PixelShuffle shuffle 1 1 {last} shuffled 0={SCALE}", f"Interp nearest 1 1 base larger 0=1 1={SCALE}.0 "
               f"2={SCALE}.0", "BinaryOp sum 2 1 shuffled larger upscaled 0=0"]
    blobs = sum(int(layer.split()[3]) for layer in layers)
    param, binary = folder / "srvgg.param", folder / "srvgg.bin"
    param.write_text("\n".join(["7767517", f"{len(layers)} {blobs}", *layers, ""]))
    binary.write_bytes(numbers)
    return param, binary


KINDS = {"srgan_tf": of_package, "PyTorch": of_pytorch, "ncnn": of_ncnn}


def serve(kind: str, model: str, precision: str, image: str, threads: str) -> None:
    """A contender's process: answers each line with the seconds of one image, which it writes to the line's path."""
    run, version = KINDS[kind](model, precision, int(threads))
    pixels = np.load(image)
    print(version, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        upscaled = run(pixels)
        seconds = time.perf_counter() - start
        if line.strip():
            np.save(line.strip(), upscaled)
        print(seconds, flush=True)


def ask(process: subprocess.Popen, line: str = "") -> float:
    """Has a contender upscale once."""
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def weights_of(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .safetensors file of SRVGG, in the order of its layers: kernel, bias and slopes of each."""
    from safetensors.numpy import load_file

    found = load_file(path)
    found = found if any(name.startswith("body.") for name in found) else {
        name.partition(".")[2]: array for name, array in found.items()}
    ordered = sorted(found, key=lambda name: (int(name.split(".")[1]), name.endswith("bias")))
    return {name: np.ascontiguousarray(found[name], np.float32) for name in ordered}


def main() -> None:
    """Runs the race."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="realesr-general-x4v3 as .safetensors")
    parser.add_argument("--models", default="photo_x4,photo_x4_int8,fidelity_x4,edsr_x4", help="of this package")
    parser.add_argument("--torch", default=sys.executable, help="a Python that has PyTorch")
    parser.add_argument("--ncnn", default=sys.executable, help="a Python that has ncnn")
    parser.add_argument("--size", type=int, default=256, help="side of the image, in LR pixels")
    parser.add_argument("--repeats", type=int, default=5, help="timed images of each, after two of warm-up")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if not options.weights.is_file():
        parser.error(f"no file {options.weights}")
    megapixels = (SCALE * options.size) ** 2 / 1e6
    with tempfile.TemporaryDirectory() as temporary:
        folder, arrays = Path(temporary), weights_of(options.weights)
        np.savez(folder / "weights.npz", **arrays)
        noise = np.random.default_rng(0).integers(0, 256, (options.size, options.size, 3), "uint8")
        np.save(folder / "image.npy", noise)
        peers = [(sys.executable, "srgan_tf", str(options.weights), kind) for kind in ("float32", "bfloat16")]
        peers += [(options.torch, "PyTorch", str(folder / "weights.npz"), kind) for kind in ("float32", "bfloat16")]
        peers += [(options.ncnn, "ncnn", str(folder / "weights.npz"), "float32")]
        ours = [(sys.executable, "srgan_tf", model, kind) for model in options.models.split(",")
                for kind in (("as it is",) if "_int8" in model else ("float32", "bfloat16"))]
        race([*peers, *ours], len(peers), folder, megapixels, options)


def race(contenders: list[tuple[str, ...]], peers: int, folder: Path, megapixels: float,
         options: argparse.Namespace) -> None:
    """Lets the contenders take turns and prints their rows; the first `peers` of them run the same weights."""
    processes, versions = [], []
    for python, kind, model, precision in contenders:
        command = [python, __file__, "--serve", kind, model, precision, str(folder / "image.npy"), str(options.threads)]
        processes.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          stderr=subprocess.DEVNULL, text=True))
        versions.append(processes[-1].stdout.readline().strip())
        if not versions[-1]:
            for process in processes:
                process.kill()
            raise SystemExit(f"{kind} does not run {model}; to see why: {shlex.join(command)}")
    times = [[ask(process) for process in processes] for _ in range(WARM_UP + options.repeats)][WARM_UP:]
    results = []
    for number in range(peers):
        ask(processes[number], str(folder / f"{number}.npy"))
        results.append(np.load(folder / f"{number}.npy").astype(int))
    for process in processes:
        process.communicate()
    print("| model | runtime | precision | s a megapixel | levels |\n|---|---|---|---:|---:|")
    for number, ((_, _, model, precision), version) in enumerate(zip(contenders, versions, strict=True)):
        seconds = statistics.median(turn[number] for turn in times) / megapixels
        levels = np.abs(results[number] - results[0]).max() if number < peers else ""
        name = options.weights.stem if number < peers else model
        print(f"| {name} | {version} | {precision} | {seconds:.3f} | {levels} |")
    print(f"\nimages of {options.size}x{options.size} pixels, {options.threads} threads, medians of {options.repeats}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(*sys.argv[2:])
    else:
        main()
