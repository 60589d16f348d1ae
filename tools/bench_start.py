#!/usr/bin/env python3
"""Times cold starts, whole processes, of this checkout beside another one of it, and prints a Markdown table.

    git worktree add --detach ../before REVISION
    python tools/bench_start.py --before=../before [--repeats=15]

Each command upscales one image of 320x240 (of 64x64 where so named, so that the start is nearly all), or shows its
help. The two checkouts take turns, each after a start that is not counted, which compiles its modules to bytecode as an
installation does. Medians of wall time, CPU time and peak memory.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SMALL, LARGE = "small.png", "large.png"
COMMANDS = {
    "`--help`": "--help",
    "`bicubic`": f"{LARGE} --model=bicubic",
    "mobile_x4_float16, 64x64": f"{SMALL} --model=mobile_x4_float16",
    "`.tflite` by path": f"{LARGE} --model=./exports/edsr_x4.tflite",
    "`.keras`": f"{LARGE} --model=edsr_x4",
    "SavedModel": f"{LARGE} --model=./exports",
}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, required=True, help="the other checkout")
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    checkouts = options.before.resolve(), ROOT
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        print(f"Python {sys.version.split()[0]}; {options.before.name}, then this checkout; s of wall time / s of CPU "
              "time / MiB of memory\n\n| `upscale` | before | now | ratio of wall times |\n|---|---|---|---|")
        for name, arguments in COMMANDS.items():
            rounds = [[start(checkout, arguments.split(), Path(folder)) for checkout in checkouts]
                      for _ in range(options.repeats + 1)][1:]
            before, now = ([statistics.median(values) for values in zip(*starts, strict=True)]
                           for starts in zip(*rounds, strict=True))
            cells = (f"{wall:.3f} / {cpu:.3f} / {memory:.0f}" for wall, cpu, memory in (before, now))
            print(f"| {name} | {' | '.join(cells)} | {now[0] / before[0]:.2f} |", flush=True)


def prepare(folder: Path) -> None:
    """Writes the images, and EDSR as files that both checkouts read."""
    rows, columns = np.mgrid[:240, :320]
    image = Image.fromarray(np.stack([rows, columns // 2, rows ^ columns & 255], axis=-1).astype(np.uint8))
    image.save(folder / LARGE)
    image.crop((0, 0, 64, 64)).save(folder / SMALL)
    subprocess.run([sys.executable, "-m", "srgan_tf.export", "--model=edsr_x4", "--dynamic", "--output=exports"],
                   cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def start(checkout: Path, arguments: list[str], folder: Path) -> tuple[float, float, float]:
    """Seconds of wall time and of CPU time, and MiB at most, of one command of a checkout."""
    shutil.rmtree(folder / "upscaled", ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "srgan_tf.upscale", *arguments], cwd=folder, env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{checkout}: upscale {' '.join(arguments)} ended with status {process.returncode}")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    main()
