"""The table of an evaluation: a line for each benchmark and method, and for what papers report."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from srgan_tf.evaluation.measure import Scores
from srgan_tf.evaluation.published import PUBLISHED
from srgan_tf.text import printable


class Column(NamedTuple):
    """A metric as tables show it; `rising`: whether more is better."""

    title: str
    form: str
    rising: bool


COLUMNS = {
    "psnr_y": Column("PSNR-Y, dB", ".2f", True), "ssim_y": Column("SSIM-Y", ".4f", True),
    "psnr_rgb": Column("PSNR-RGB, dB", ".2f", True), "ssim_rgb": Column("SSIM-RGB", ".4f", True),
    "niqe": Column("NIQE", ".3f", False), "lpips": Column("LPIPS", ".4f", False),
    "dists": Column("DISTS", ".4f", False)}
FIXED = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")


class Line(NamedTuple):
    """A line of the table.

    Attributes:
        benchmark, method: what was measured.
        images: how many pictures were measured; None: it is published, not measured.
        figures: means by metric; a metric that is not known is absent.
        parameters: of the network; None: not known.
        paper: at arXiv, of a published line.
    """

    benchmark: str
    method: str
    images: int | None
    figures: dict[str, float]
    parameters: int | None = None
    paper: str = ""

    def cell(self, metric: str) -> str:
        """A figure as text."""
        value = self.figures.get(metric, math.nan)
        return "-" if math.isnan(value) else format(value, COLUMNS[metric].form)


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
        lines += [Line(benchmark, method, len(scores.images), scores.means(), (parameters or {}).get(method))
                  for method, scores in methods.items()]
        for method, paper in PUBLISHED.items() if published else ():
            if benchmark in paper.figures:
                psnr, ssim = paper.figures[benchmark]
                figures = {"psnr_y": psnr} | ({"ssim_y": ssim} if ssim else {})
                lines.append(Line(benchmark, f"{method} (published)", None, figures, paper.parameters, paper.paper))
    return lines


def shown_metrics(lines: Iterable[Line]) -> list[str]:
    """PSNR and SSIM, and those others that any line has."""
    lines = list(lines)
    return [name for name in COLUMNS if name in FIXED or any(name in line.figures for line in lines)]


def markdown_table(lines: Sequence[Line]) -> str:
    """The table in Markdown."""
    metrics = shown_metrics(lines)
    titles = " | ".join(COLUMNS[name].title for name in metrics)
    text = [f"| benchmark | method | images | {titles} | parameters |", f"|---|---|---:|{'---:|' * len(metrics)}---:|"]
    for line in lines:
        cells = " | ".join(line.cell(name) for name in metrics)
        images = "-" if line.images is None else line.images
        parameters = f"{line.parameters:,}" if line.parameters else "-"
        text.append(f"| {_name(line.benchmark)} | {_name(line.method)} | {images} | {cells} | {parameters} |")
    return "\n".join(text) + "\n"


def _name(text: str) -> str:
    """A name as a cell."""
    return printable(text).replace("|", "\\|")


def csv_table(lines: Sequence[Line]) -> str:
    """The table as CSV, with all digits; what is not known is empty."""
    metrics = shown_metrics(lines)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["benchmark", "method", "source", "images", *metrics, "parameters"])
    for line in lines:
        source = "measured" if line.images is not None else f"arXiv:{line.paper}" if line.paper else "published"
        figures = ["" if math.isnan(value := line.figures.get(name, math.nan)) else value for name in metrics]
        writer.writerow([line.benchmark, line.method, source, "" if line.images is None else line.images, *figures,
                         line.parameters or ""])
    return file.getvalue()
