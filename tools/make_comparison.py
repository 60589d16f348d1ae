"""Trains generators for some minutes each, measures all of them in one call of `evaluate`, and writes the table.

    python tools/make_comparison.py --minutes=10 --dataset=folder:bsds400 --benchmark=Set5,Set14,BSD100
    python tools/make_comparison.py --models=edsr,rrdb --minutes=2 --dataset=samples --benchmark=Set5

A short trial measures the steps per second of each network, so that its learning rate reaches zero, along a cosine,
when its time ends. If a network's run folder exists, it is not trained again; an interrupted training resumes. Flags
after -- are passed to every training.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from srgan_tf.models import GENERATORS

# Generators that learn something in minutes on a CPU: the architecture, its arguments and its learning rate.
RECIPES = {
    "fsrcnn": ("fsrcnn", "", 1e-3),
    "espcn": ("espcn", "", 1e-3),
    "srcnn": ("srcnn", "", 1e-3),
    "vdsr": ("vdsr", "", 1e-3),
    "mobile": ("mobile", "", 1e-3),
    "edsr": ("edsr", "features:32,blocks:16", 6e-4),
    "msrresnet": ("msrresnet", "features:32,blocks:8", 6e-4),
    "srresnet": ("srresnet", "blocks:4", 4e-4),
    "srvgg": ("srvgg", "features:48,convolutions:8", 6e-4),
    "rcan": ("rcan", "features:32,groups:2,blocks:4", 6e-4),
    "rdn": ("rdn", "features:32,growth_channels:16,blocks:4,convolutions:4", 6e-4),
    "rrdb": ("rrdb", "features:32,blocks:2,growth_channels:16", 6e-4),
}
TRIAL_STEPS = 40


def train(name: str, folder: Path, options: argparse.Namespace) -> None:
    """Trains one network for about --minutes."""
    if folder.is_dir():
        print(f"{name}: {folder} exists and is used as it is", flush=True)
        return
    model, model_args, rate = RECIPES[name]
    flags = [f"--model={model}", f"--model_args={model_args}", f"--learning_rate={rate}", "--schedule=cosine",
             f"--dataset={options.dataset}", "--batch_size=16", "--patch_size=96", *options.flags]
    trial = folder.with_name(f"{folder.name}_trial")
    run("train", *flags, f"--run_dir={trial}", f"--steps={TRIAL_STEPS}", f"--log_every={TRIAL_STEPS // 2}")
    records = [json.loads(line) for line in (trial / "metrics.jsonl").read_text().splitlines()]
    # The last record does not hold the time of tracing; a trial that an earlier one completed has no new record.
    speed = [record["images_per_second"] for record in records if "images_per_second" in record][-1] / batch(flags)
    steps = max(TRIAL_STEPS, round(speed * 60 * options.minutes))
    print(f"{name}: {speed:.2f} steps/s, {steps} steps", flush=True)
    part = folder.with_name(f"{folder.name}_part")
    run("train", *flags, f"--run_dir={part}", f"--steps={steps}", f"--validate_every={max(steps // 4, 1)}",
        f"--checkpoint_every={max(steps // 4, 1)}")
    part.rename(folder)


def batch(flags: list[str]) -> int:
    """The batch size that the last of the flags sets."""
    return int([flag for flag in flags if flag.startswith("--batch_size=")][-1].split("=")[1])


def run(command: str, *arguments: str) -> None:
    """Runs a command of the package and shows it; its failure ends this program."""
    print(f"\n$ python -m srgan_tf.{command} {' '.join(arguments)}", flush=True)
    subprocess.run([sys.executable, "-m", f"srgan_tf.{command}", *arguments], check=True)


def main() -> None:
    """Trains, then measures."""
    here = [name for name, (model, *_) in RECIPES.items() if model in GENERATORS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="for each network, without start and end")
    parser.add_argument("--models", default=",".join(here), help=f"of {', '.join(here)}; all unless said")
    parser.add_argument("--dataset", default="samples", help="as for train")
    parser.add_argument("--benchmark", required=True, help="as for evaluate")
    parser.add_argument("--metrics", default="niqe", help="as for evaluate")
    parser.add_argument("--extra", default="edsr_x4", help="further models to measure, separated by commas")
    parser.add_argument("--output", type=Path, default=Path("comparison"), help="folder of the runs and the results")
    parser.add_argument("flags", nargs="*", help="for train, after --")
    options = parser.parse_args()
    names = options.models.split(",")
    if unknown := set(names) - set(here):
        parser.error(f"--models must be of {', '.join(here)}; got {', '.join(sorted(unknown))}")
    for name in names:
        train(name, options.output / name, options)
    models = [str(options.output / name) for name in names] + [name for name in options.extra.split(",") if name]
    run("evaluate", f"--model={','.join(models)}", f"--benchmark={options.benchmark}", f"--metrics={options.metrics}",
        f"--output={options.output / 'results'}")


if __name__ == "__main__":
    main()
