"""Results as files: JSON, Markdown, CSV and the page."""

import json
import math
from pathlib import Path
from typing import Any

from srgan_tf.config import EvaluateConfig
from srgan_tf.evaluation.measure import Scores
from srgan_tf.evaluation.page import draw_page
from srgan_tf.evaluation.published import SCALE
from srgan_tf.evaluation.runs import Evaluation
from srgan_tf.evaluation.table import Line, csv_table, markdown_table, table_lines
from srgan_tf.files import replacing


def report_lines(evaluation: Evaluation, config: EvaluateConfig) -> list[Line]:
    """The lines of the table that the configuration asks for."""
    published = config.published and config.scale == SCALE and not config.sr_dir
    return table_lines(evaluation.results, evaluation.parameters, published)


def write_report(folder: Path, evaluation: Evaluation, config: EvaluateConfig) -> None:
    """Writes results.json, results.md, results.csv and results.html, each whole or not at all.

    In JSON the PSNR of equal pictures, which is infinite, is null, and so is the mean of no pictures.
    """
    lines, scale = report_lines(evaluation, config), config.scale
    document = json.dumps(_finite(_document(evaluation, scale)), indent=2, allow_nan=False)
    _write(folder / "results.json", document + "\n")
    how = f"Y is unrounded BT.601 luma; {scale} pixels are cropped from each side; means over images."
    title = f"{', '.join(evaluation.methods)}, x{scale}"
    _write(folder / "results.md", f"# {title}\n\n{how}\n\n{markdown_table(lines)}")
    _write(folder / "results.csv", csv_table(lines))
    _write(folder / "results.html", draw_page(title, how, lines, evaluation.rows, scale))


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
    return {**scores.means(), "images": scores.images, "failures": scores.failures}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
