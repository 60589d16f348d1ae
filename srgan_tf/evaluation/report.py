"""Results as files: JSON, Markdown, CSV and the page."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srgan_tf.atomic import replacing
from srgan_tf.config import EvaluateConfig
from srgan_tf.evaluation.literature import SCALE
from srgan_tf.evaluation.measure import Scores
from srgan_tf.evaluation.page import draw_page
from srgan_tf.evaluation.result_table import OVER, Line, csv_table, markdown_table, published_table, table_lines
from srgan_tf.evaluation.runs import Evaluation, Results

NAMED = 5  # images in a message, at most


def report_lines(evaluation: Evaluation, config: EvaluateConfig) -> list[Line]:
    """The lines of the table that the configuration asks for."""
    published = config.published and config.scale == SCALE and not config.sr_dir
    return table_lines(evaluation.results, evaluation.parameters, published)


def write_report(folder: Path, evaluation: Evaluation, config: EvaluateConfig) -> None:
    """Writes results.json, results.md, results.csv and results.html, each whole or not at all.

    In JSON the PSNR of equal images, which is infinite, is null, and so is the average of no images.
    """
    lines, scale = report_lines(evaluation, config), config.scale
    document = json.dumps(_finite(_document(evaluation, scale)), indent=2, allow_nan=False)
    _write(folder / "results.json", document + "\n")
    how = f"Y is unrounded BT.601 luma; {scale} pixels are cropped from each side. {OVER}"
    title = f"{', '.join(evaluation.methods)}, x{scale}"
    _write(folder / "results.md", f"# {title}\n\n{how}\n\n{markdown_table(lines)}\n{published_table(lines)}")
    _write(folder / "results.csv", csv_table(lines))
    _write(folder / "results.html", draw_page(title, how, lines, evaluation.rows, scale))


def absent_lines(results: Results) -> list[str]:
    """What metrics could not be taken of, a line for each benchmark, metric and set of images."""
    found: dict[tuple, list[str]] = {}
    for benchmark, methods in results.items():
        for method, scores in methods.items():
            for metric, reasons in scores.absent.items():
                key = benchmark, metric, tuple(reasons), len(scores.images), next(iter(reasons.values()))
                found.setdefault(key, []).append(method)
    lines = []
    for (benchmark, metric, images, count, reason), methods in found.items():
        named = ", ".join(images[:NAMED]) + (", ..." if len(images) > NAMED else "")
        lines.append(f"{metric} of {len(images)} of {count} images of {benchmark} ({named}), {', '.join(methods)}: "
                     f"{reason}")
    return lines


def missing_metrics(results: Results, wanted: Sequence[str]) -> list[str]:
    """Those of the metrics that were asked for and could be taken of no image of a benchmark."""
    return [f"--metrics={metric} could be taken of no image of {benchmark}"
            for benchmark, methods in results.items() for metric in dict.fromkeys(wanted)
            if not any(metric in scores.counts() for scores in methods.values())]


def _document(evaluation: Evaluation, scale: int) -> dict[str, Any]:
    """The first model's figures where they are when there is one model; those of all under `models`."""
    first, datasets = evaluation.methods[0], {}
    for benchmark, methods in evaluation.results.items():
        datasets[benchmark] = {
            **_scores(methods[first]),
            "compared": {name: other.means() for name, other in methods.items() if name != first},
            "models": {name: _scores(methods[name]) for name in evaluation.methods},
        }
    return {"method": first, "scale": scale, "crop": scale, "methods": evaluation.methods,
            "parameters": evaluation.parameters, "datasets": datasets}


def _scores(scores: Scores) -> dict[str, Any]:
    return {**scores.means(), "counts": scores.counts(), "images": scores.images, "failures": scores.failures,
            "absent": scores.absent}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
