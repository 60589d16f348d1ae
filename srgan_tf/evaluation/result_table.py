"""The table of an evaluation: a line for each benchmark and method, and in a table of its own what papers report."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from srgan_tf.evaluation.literature import PUBLISHED, SOURCES, Source
from srgan_tf.evaluation.measure import Scores
from srgan_tf.metrics.presentation import PRESENTATIONS
from srgan_tf.text import printable

FIXED = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")


# What the averages of a table are over.
OVER = ("Averages are over as many images as the column images says; a figure followed by (n of m) is over the n of m "
        "images that the metric could be taken of.")
FOLDED = "Published figures: what papers report on these benchmarks at x4"
PUBLISHED_ENDING = " (published)"  # of the method's name, beside measured ones


class Line(NamedTuple):
    """A line of the table.

    Attributes:
        benchmark, method: what was measured.
        images: how many images were measured; None: it is published, not measured.
        figures: averages by metric; a metric that is not known is absent.
        parameters: of the network; None: not known.
        source: of a published line.
        counts: how many images each average is over, where that is not all of them.
        failed: how many images of the benchmark could not be measured at all.
    """

    benchmark: str
    method: str
    images: int | None
    figures: dict[str, float]
    parameters: int | None = None
    source: Source | None = None
    counts: Mapping[str, int] = MappingProxyType({})
    failed: int = 0

    def count(self, metric: str) -> int:
        """How many images a figure is the average over."""
        return self.counts.get(metric, self.images or 0) if metric in self.figures else 0

    def cell(self, metric: str) -> str:
        """A figure as text, with what it is over where that is not every image."""
        value = self.figures.get(metric, math.nan)
        if math.isnan(value):
            return "-"
        partly = f" ({self.counts[metric]} of {self.images})" if metric in self.counts else ""
        return format(value, PRESENTATIONS[metric].form) + partly

    @property
    def images_cell(self) -> str:
        """How many images were measured, and of how many where some could not be."""
        return f"{self.images} of {self.images + self.failed}" if self.failed else str(self.images)

    @property
    def parameters_cell(self) -> str:
        """The number of parameters as text."""
        return f"{self.parameters:,}" if self.parameters else "-"


def table_lines(results: Mapping[str, Mapping[str, Scores]], parameters: Mapping[str, int] | None = None,
                published: bool = False) -> list[Line]:
    """The table's lines, each benchmark's measured ones before the published.

    Args:
        results: scores by benchmark, then by method.
        parameters: by method.
        published: whether papers' figures are among them.
    """
    lines = []
    for benchmark, methods in results.items():
        lines += [_measured(benchmark, method, scores, (parameters or {}).get(method))
                  for method, scores in methods.items()]
        for method, paper in PUBLISHED.items() if published else ():
            if benchmark in paper.figures:
                psnr, ssim = paper.figures[benchmark]
                figures = {"psnr_y": psnr} | ({"ssim_y": ssim} if ssim else {})
                lines.append(Line(benchmark, method + PUBLISHED_ENDING, None, figures, paper.parameters,
                                  SOURCES[paper.source]))
    return lines


def _measured(benchmark: str, method: str, scores: Scores, parameters: int | None) -> Line:
    images = len(scores.images)
    partly = {metric: count for metric, count in scores.counts().items() if count < images}
    return Line(benchmark, method, images, scores.means(), parameters, counts=partly, failed=len(scores.failures))


def divided(lines: Iterable[Line]) -> tuple[list[Line], list[Line]]:
    """The measured lines, and the published ones."""
    lines = list(lines)
    return [line for line in lines if line.images is not None], [line for line in lines if line.images is None]


def shown_metrics(lines: Iterable[Line]) -> list[str]:
    """PSNR and SSIM, and those others that any line has."""
    lines = list(lines)
    return [name for name in PRESENTATIONS if name in FIXED or any(name in line.figures for line in lines)]


def markdown_table(lines: Sequence[Line]) -> str:
    """The measured lines in Markdown."""
    measured, _ = divided(lines)
    metrics = shown_metrics(measured)
    titles = " | ".join(PRESENTATIONS[name].title for name in metrics)
    text = [f"| benchmark | method | images | {titles} | parameters |", f"|---|---|---:|{'---:|' * len(metrics)}---:|"]
    for line in measured:
        cells = " | ".join(line.cell(name) for name in metrics)
        text.append(f"| {_name(line.benchmark)} | {_name(line.method)} | {line.images_cell} | {cells} | "
                    f"{line.parameters_cell} |")
    return "\n".join(text) + "\n"


def _name(text: str) -> str:
    """A name as a cell."""
    return printable(text).replace("|", "\\|")


def published_table(lines: Sequence[Line]) -> str:
    """The published lines in Markdown, folded, each with its source; empty where there are none."""
    _, published = divided(lines)
    if not published:
        return ""
    text = ["<details>", f"<summary>{FOLDED}</summary>", "",
            "| benchmark | method | PSNR-Y, dB | SSIM-Y | parameters | source |", "|---|---|---:|---:|---:|---|"]
    for line in published:
        link = f"[{line.source.table}](https://arxiv.org/abs/{line.source.paper})"
        method, psnr, ssim = line.method.removesuffix(PUBLISHED_ENDING), line.cell("psnr_y"), line.cell("ssim_y")
        text.append(f"| {_name(line.benchmark)} | {method} | {psnr} | {ssim} | {line.parameters_cell} | {link} |")
    return "\n".join([*text, "", "</details>"]) + "\n"


def csv_table(lines: Sequence[Line]) -> str:
    """The table as CSV, with all digits; what is not known is empty.

    A metric that could not be taken of every image has a second column, METRIC_images, with the number it is over.
    """
    metrics = shown_metrics(lines)
    partly = [name for name in metrics if any(name in line.counts for line in lines)]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["benchmark", "method", "source", "images", "failed", *metrics,
                     *(f"{name}_images" for name in partly), "parameters"])
    for line in lines:
        measured = line.images is not None
        figures = ["" if math.isnan(value := line.figures.get(name, math.nan)) else value for name in metrics]
        counts = [line.count(name) if measured else "" for name in partly]
        writer.writerow([line.benchmark, line.method, "measured" if measured else line.source,
                         *((line.images, line.failed) if measured else ("", "")), *figures, *counts,
                         line.parameters or ""])
    return file.getvalue()
