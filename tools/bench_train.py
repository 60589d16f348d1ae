#!/usr/bin/env python3
"""Measures the bare training step (forward, L1, backward, Adam) against PyTorch's, and prints a Markdown table.

    pip install -e ".[bench]"
    python tools/bench_train.py [--models=edsr,rrdb] [--precisions=bfloat16,float32] [--steps=5] [--threads=2]
    python tools/bench_train.py --whole [--models=edsr] [--precisions=bfloat16] [--steps=20]

Ours is training's own compiled PixelStep. PyTorch's is written as its users would: channels_last, autocast, fused Adam.
Batch 16 at x4; EDSR-baseline on LR 48x48, RRDB-23 on LR 32x32. Both start from the same weights; the exit status is 1
if their first losses differ. Each contender has a process of its own, so that neither's threads or memory touch the
other's, and they alternate at every step. Medians are printed, and CPU seconds beside them: where other programs run
on the machine, those are the steadier figure.

--whole compares the bare step with `srgan_tf.train` as users run it (data, moving average, records), whose own figure
of images per second is read from metrics.jsonl.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

BATCH, SCALE, RATE = 16, 4, 1e-4
LR_SIDES = {"edsr": 48, "rrdb": 32}
PRECISIONS = {"bfloat16": "mixed_bfloat16", "float32": "float32"}


def images(model: str) -> tuple[np.ndarray, np.ndarray]:
    """One batch of LR and HR noise, uint8 NHWC."""
    random, side = np.random.default_rng(0), LR_SIDES[model]
    return tuple(random.integers(0, 256, (BATCH, size, size, 3), "uint8") for size in (side, SCALE * side))


def random_weights(shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """Kernels [height, width, inputs, outputs] of a small spread, and zero biases, the same for both contenders."""
    random = np.random.default_rng(1)
    return [random.normal(0, 0.5 / np.prod(shape[:-1]) ** 0.5, shape).astype("float32") if len(shape) == 4
            else np.zeros(shape, "float32") for shape in shapes]


def tensorflow_step(model: str, precision: str, threads: int):
    """The step of this package, and its versions."""
    import keras
    import tensorflow as tf

    from srgan_tf.losses import parse_terms
    from srgan_tf.models import GENERATORS
    from srgan_tf.training.ema import MovingAverage
    from srgan_tf.training.engine import Engine
    from srgan_tf.training.steps import OptimizedNetwork, PixelStep

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    generator = GENERATORS[model](scale=SCALE, dtype=PRECISIONS[precision])
    generator.set_weights(random_weights([weight.shape for weight in generator.weights]))
    network = OptimizedNetwork(generator, keras.optimizers.Adam(RATE, epsilon=1e-8))
    engine = Engine(PixelStep(network, parse_terms("l1")), MovingAverage(generator, 0))
    lr, hr = (tf.constant(batch[None]) for batch in images(model))
    return lambda: float(engine(lr, hr)[0, 0]), f"TensorFlow {tf.__version__}, Keras {keras.__version__}"


def pytorch_step(model: str, precision: str, threads: int):
    """A PyTorch step as an experienced user writes it, and its version."""
    import torch
    from make_torch_references import EDSR, RRDBNet

    torch.set_num_threads(threads)
    network = EDSR(SCALE, 64, 16, 1.0) if model == "edsr" else RRDBNet(64, 32, 23)
    load_pytorch(network, model)
    network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), RATE, eps=1e-8, fused=True)
    batches = [torch.from_numpy(batch).permute(0, 3, 1, 2) for batch in images(model)]  # NHWC -> NCHW, channels_last

    def step() -> float:
        lr, hr = (batch.float() / 255 for batch in batches)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            sr = network(lr)
        loss = (sr.float() - hr).abs().mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step, f"PyTorch {torch.__version__}"


def load_pytorch(network, model: str) -> None:
    """Gives the network the weights of random_weights: HWIO -> OIHW, and a pixel shuffle's channels in its order."""
    import torch

    values = list(network.named_parameters())
    shapes = [tuple(value.permute(2, 3, 1, 0).shape) if value.ndim == 4 else tuple(value.shape) for _, value in values]
    with torch.no_grad():
        for (name, value), weight in zip(values, random_weights(shapes), strict=True):
            if weight.ndim == 4:
                weight = weight.transpose(3, 2, 0, 1)
                parts = {("edsr", "upsample"): 4, ("mobile", "tail"): 16}.get((model, name.partition(".")[0]))
                if parts:  # ours k C + c -> theirs c r^2 + k
                    weight = weight.reshape(parts, -1, *weight.shape[1:]).swapaxes(0, 1).reshape(weight.shape)
                if model == "edsr" and name == "conv_first.weight":  # theirs works on 0..255 between the ends
                    weight = weight / 255
                if model == "edsr" and name == "conv_last.weight":
                    weight = 255 * weight
            value.copy_(torch.from_numpy(np.ascontiguousarray(weight)))


CONTENDERS = {"srgan_tf": tensorflow_step, "PyTorch": pytorch_step}


def serve(pipe: Connection, contender: str, model: str, precision: str, threads: int) -> None:
    """A contender's process: for each message one step, answered with loss, seconds and CPU seconds."""
    step, versions = CONTENDERS[contender](model, precision, threads)
    pipe.send(versions)
    while pipe.recv():
        wall, cpu = time.perf_counter(), time.process_time()
        loss = step()
        pipe.send((loss, time.perf_counter() - wall, time.process_time() - cpu))


def race(model: str, precision: str, steps: int, threads: int) -> tuple[dict[str, np.ndarray], str]:
    """Interleaved steps of all contenders: [steps + 2, (loss, seconds, CPU seconds)] each, two of them warm-up."""
    context = get_context("spawn")
    pipes, found = {}, {name: [] for name in CONTENDERS}
    for name in CONTENDERS:
        pipes[name], theirs = context.Pipe()
        context.Process(target=serve, args=(theirs, name, model, precision, threads), daemon=True).start()
    versions = ", ".join(pipe.recv() for pipe in pipes.values())
    for _ in range(steps + 2):
        for name, pipe in pipes.items():
            pipe.send(True)
            found[name].append(pipe.recv())
    for pipe in pipes.values():
        pipe.send(False)
    return {name: np.array(rows) for name, rows in found.items()}, versions


def race_whole(model: str, precision: str, steps: int, threads: int) -> str:
    """A row of the table: the bare step, the whole command, the bare step again."""
    step, _ = tensorflow_step(model, precision, threads)

    def seconds() -> float:
        start = time.perf_counter()
        step()
        return time.perf_counter() - start

    before = [seconds() for _ in range(2 + steps // 2)][2:]
    whole = BATCH / whole_command(model, precision, steps)
    bare = statistics.median([*before, *(seconds() for _ in range(steps // 2))])
    return f"| {model} | {precision} | {bare:.3f} | {whole:.3f} | {bare / whole:.3f} |"


def whole_command(model: str, precision: str, steps: int) -> float:
    """Images per second of `srgan_tf.train`: the median of its records without the first."""
    with tempfile.TemporaryDirectory(prefix="bench_train_") as folder:
        command = [sys.executable, "-m", "srgan_tf.train", f"--model={model}", f"--precision={PRECISIONS[precision]}",
                   f"--batch_size={BATCH}", f"--patch_size={SCALE * LR_SIDES[model]}", f"--steps={steps + 4}",
                   "--dataset=deadleaves:32", "--val_images=1", "--log_every=4", f"--run_dir={folder}/run"]
        subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[1])
        lines = map(json.loads, Path(folder, "run", "metrics.jsonl").read_text().splitlines())
        return statistics.median([line["images_per_second"] for line in lines if "loss" in line][1:])


def main() -> int:
    """Runs every race; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="edsr,rrdb")
    parser.add_argument("--precisions", default="bfloat16,float32")
    parser.add_argument("--steps", type=int, default=5, help="timed steps of each contender, after two of warm-up")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--whole", action="store_true", help="the whole command beside the bare step, no PyTorch")
    options = parser.parse_args()
    if options.whole:
        print("| model | precision | bare step s | train s | ratio of steps/s |\n|---|---|---:|---:|---:|")
        for model in options.models.split(","):
            for precision in options.precisions.split(","):
                print(race_whole(model, precision, options.steps, options.threads), flush=True)
        return 0
    different, versions = False, ""
    print("| model | precision | srgan_tf s (CPU s) | PyTorch s (CPU s) | ratio of steps/s | by CPU s | losses |\n"
          "|---|---|---:|---:|---:|---:|---|")
    for model in options.models.split(","):
        for precision in options.precisions.split(","):
            rows, versions = race(model, precision, options.steps, options.threads)
            losses = [found[0, 0] for found in rows.values()]
            different |= not np.isclose(*losses, rtol=1e-2 if precision == "bfloat16" else 1e-5)
            walls, cpus = ([statistics.median(found[2:, at]) for found in rows.values()] for at in (1, 2))
            times = " | ".join(f"{wall:.3f} ({cpu:.3f})" for wall, cpu in zip(walls, cpus, strict=True))
            print(f"| {model} | {precision} | {times} | {walls[1] / walls[0]:.2f} | {cpus[1] / cpus[0]:.2f} | "
                  f"{losses[0]:.6f}, {losses[1]:.6f} |", flush=True)
    print(f"\n{versions}; {options.threads} threads, {options.steps} steps, medians")
    return int(different)


if __name__ == "__main__":
    sys.exit(main())
