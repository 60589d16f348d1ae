#!/usr/bin/env python3
"""Kills training runs by SIGKILL at random moments and compares their results with those of uninterrupted runs.

    python tools/check_kills.py [--kills=20] [--steps=400]

For a pixel run, an adversarial run and one of ESRGAN+ in mixed_bfloat16: one is uninterrupted, one is killed --kills
times and resumed each time. The final weights, the moving average and the JSON lines must be the same; the exit status
is 1 if they are not.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

FLAGS = ["--model=edsr", "--model_args=features:8,blocks:1", "--dataset=deadleaves:3", "--patch_size=32",
         "--batch_size=2", "--val_images=1", "--log_every=5", "--checkpoint_every=5", "--validate_every=25",
         "--learning_rate=1e-3"]
KINDS = {"pixel": [], "adversarial": ["--adversarial=relativistic:0.01", "--discriminator_args=features:4"],
         "noisy in bfloat16": ["--model=esrgan_plus", "--model_args=features:4,blocks:1,growth_channels:2",
                               "--precision=mixed_bfloat16"]}
TIMES = ("images_per_second", "input_wait")


def start(folder: Path, arguments: list[str]) -> subprocess.Popen:
    """Starts or resumes a run."""
    command = [sys.executable, "-m", "srgan_tf.train", *FLAGS, *arguments, f"--run_dir={folder}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def last_step(folder: Path) -> int:
    """The newest checkpoint's step."""
    path = tf.train.latest_checkpoint(str(folder / "checkpoints"))
    return int(path.rpartition("-")[2]) if path else 0


def run_killed(folder: Path, arguments: list[str], kills: int, dice: random.Random) -> list[int]:
    """Runs to the end with kills on the way; returns the newest checkpoint's step at each."""
    at = []
    while True:
        process = start(folder, arguments)
        before, deadline = last_step(folder), time.monotonic() + 120
        if len(at) < kills:
            # Most runs are killed while they train, some while they start.
            while dice.random() < 0.95 and last_step(folder) == before and process.poll() is None:
                time.sleep(0.2)
                if time.monotonic() > deadline:
                    break
            time.sleep(dice.uniform(0, 0.4))
            if process.poll() is None:
                process.kill()
                process.wait()
                at.append(last_step(folder))
                continue
        _, error = process.communicate()
        if process.returncode:
            sys.exit(f"a run ended with status {process.returncode}: {error}")
        return at


def differences(one: Path, other: Path) -> list[str]:
    """Names of the variables of the last checkpoints, and of the JSON lines, that differ."""
    readers = [tf.train.load_checkpoint(tf.train.latest_checkpoint(str(folder / "checkpoints")))
               for folder in (one, other)]
    names = [name for name in readers[0].get_variable_to_shape_map()
             if not name.startswith(("_CHECKPOINTABLE", "save_counter"))]
    found = [name for name in names if not np.array_equal(*(reader.get_tensor(name) for reader in readers))]
    print(f"  {len(names)} variables, {len(found)} differ")
    lines = [[{key: value for key, value in json.loads(line).items() if key not in TIMES}
              for line in (folder / "metrics.jsonl").read_text().splitlines()] for folder in (one, other)]
    print(f"  {len(lines[0])} JSON lines, {sum(a != b for a, b in zip(*lines, strict=False))} differ")
    return found + ([] if lines[0] == lines[1] else ["metrics.jsonl"])


def main() -> int:
    """Runs both kinds; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    dice, wrong = random.Random(options.seed), []
    with tempfile.TemporaryDirectory(prefix="check_kills_") as temporary:
        for kind, arguments in KINDS.items():
            whole, killed = Path(temporary, kind, "whole"), Path(temporary, kind, "killed")
            arguments = [*arguments, f"--steps={options.steps}"]
            run_killed(whole, arguments, 0, dice)
            at = run_killed(killed, arguments, options.kills, dice)
            print(f"{kind}: {options.steps} steps, killed {len(at)} times, after the checkpoints of steps {at}")
            wrong += differences(whole, killed)
    print(f"different: {', '.join(wrong)}" if wrong else "nothing is different")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
