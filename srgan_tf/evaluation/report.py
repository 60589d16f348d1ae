"""Results as JSON and as a Markdown table."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srgan_tf.evaluation.measure import Scores

COLUMNS = {"psnr_y": ("PSNR-Y, dB", ".2f"), "ssim_y": ("SSIM-Y", ".4f"),
           "psnr_rgb": ("PSNR-RGB, dB", ".2f"), "ssim_rgb": ("SSIM-RGB", ".4f")}


def markdown_table(results: Mapping[str, Mapping[str, Scores]]) -> str:
    """A table with a row for each benchmark and method.

    Args:
        results: scores by benchmark, then by method.
    """
    lines = [f"| benchmark | method | images | {' | '.join(title for title, _ in COLUMNS.values())} |",
             f"|---|---|---:|{'---:|' * len(COLUMNS)}"]
    for benchmark, methods in results.items():
        for method, scores in methods.items():
            means = scores.means()
            cells = " | ".join("-" if math.isnan(means[name]) else format(means[name], form)
                               for name, (_, form) in COLUMNS.items())
            lines.append(f"| {benchmark} | {method} | {len(scores.images)} | {cells} |")
    return "\n".join(lines) + "\n"


def write_report(folder: Path, method: str, scale: int, results: Mapping[str, Mapping[str, Scores]]) -> None:
    """Writes results.json (of `method`, and the means of the others) and results.md, whole or not at all.

    In JSON the PSNR of equal pictures, which is infinite, is null, and so is the mean of no pictures.
    """
    datasets = {}
    for benchmark, methods in results.items():
        scores = methods[method]
        datasets[benchmark] = {**scores.means(), "images": scores.images, "failures": scores.failures,
                               "compared": {name: other.means() for name, other in methods.items() if name != method}}
    document = _finite({"method": method, "scale": scale, "crop": scale, "datasets": datasets})
    _write(folder / "results.json", json.dumps(document, indent=2, allow_nan=False) + "\n")
    how = f"Y is unrounded BT.601 luma; {scale} pixels are cropped from each side; means over images."
    _write(folder / "results.md", f"# {method}, x{scale}\n\n{how}\n\n{markdown_table(results)}")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
