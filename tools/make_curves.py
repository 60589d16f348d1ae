#!/usr/bin/env python3
"""Draws validation PSNR, or another value of metrics.jsonl, over steps: a panel for each model, with its runs joined.

    pip install -e ".[bench]"
    python tools/make_curves.py docs/curves.svg edsr_x4=runs/edsr_x4_1,runs/edsr_x4_2 mobile_x4=runs/mobile_x4_1
    python tools/make_curves.py docs/curves_photo.svg --value=loss/vgg34 photo_x4=runs/photo_x4_1,runs/photo_x4_2
"""

import argparse
import json
from pathlib import Path

import matplotlib
from matplotlib import pyplot

GREY, BLUE = "#7a7a7a", "#1f6fb2"


def read_curve(runs: list[Path], value: str) -> tuple[list[float], list[float], list[float]]:
    """The steps and figures of a value, and where each run ends; steps are counted on from run to run."""
    steps, figures, ends = [], [], []
    for run in runs:
        before = ends[-1] if ends else 0
        if not (run / "metrics.jsonl").is_file():
            raise SystemExit(f"{run}: no metrics.jsonl, which a run folder has")
        records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        measured = {record["step"]: record[value] for record in records if value in record}
        if not measured:
            raise SystemExit(f"{run}: no {value} in metrics.jsonl")
        steps += [before + step for step in sorted(measured)]
        figures += [measured[step] for step in sorted(measured)]
        ends.append(before + max(record["step"] for record in records))
    return steps, figures, ends


def main() -> None:
    """Writes the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="the plot, .svg or .png")
    parser.add_argument("--value", default="validation/psnr_y", help="what to draw (%(default)s)")
    parser.add_argument("models", nargs="+", metavar="NAME=RUN[,RUN]", help="run folders, in their order")
    options = parser.parse_args()
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "curves", "font.size": 9,
                                "axes.spines.top": False, "axes.spines.right": False})
    figure, panels = pyplot.subplots(1, len(options.models), figsize=(3.4 * len(options.models), 2.7), squeeze=False,
                                     layout="constrained")
    for panel, text in zip(panels[0], options.models, strict=True):
        name, _, runs = text.partition("=")
        steps, figures, ends = read_curve([Path(run) for run in runs.split(",")], options.value)
        for end in ends[:-1]:
            panel.axvline(end / 1000, color=GREY, linewidth=0.6, linestyle=":")
        panel.plot([step / 1000 for step in steps], figures, color=BLUE, marker=".", markersize=4, linewidth=1.2)
        panel.annotate(f"{figures[-1]:.4g}", (steps[-1] / 1000, figures[-1]), textcoords="offset points",
                       xytext=(0, 5 if figures[-1] >= figures[0] else 9), ha="right", color=BLUE)
        panel.set(title=name, xlabel="thousands of steps")
        panel.grid(axis="y", color="#e4e4e4", linewidth=0.6)
    panels[0][0].set_ylabel("PSNR-Y, dB" if options.value == "validation/psnr_y" else options.value)
    figure.savefig(options.output, metadata={"Date": None} if options.output.suffix == ".svg" else None, dpi=160)
    print(options.output)


if __name__ == "__main__":
    main()
