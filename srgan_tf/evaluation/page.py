"""The page: one HTML file that asks for nothing else, with the table, scatter plots and crops to compare."""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from string import Template

import numpy as np
from PIL import Image

from srgan_tf.evaluation.parts import part
from srgan_tf.evaluation.result_table import FOLDED, PUBLISHED_ENDING, Line, divided, shown_metrics
from srgan_tf.evaluation.scatter import draw_scatter
from srgan_tf.evaluation.sheets import CROP, Row, busiest_crop, rgb
from srgan_tf.metrics.presentation import PRESENTATIONS

QUALITY = 90
# Crops beyond this many bytes in all are left out, the last ones first.
CROP_BYTES = 8 << 20


def draw_page(title: str, how: str, lines: Sequence[Line], rows: Mapping[str, Sequence[Row]], scale: int) -> str:
    """The page as text.

    Args:
        title: of the evaluation.
        how: it was measured, a sentence or two.
        lines: of the table.
        rows: the images to show, by benchmark.
        scale: LR pixels are repeated this often.
    """
    measured, published = divided(lines)
    benchmarks = list(dict.fromkeys(line.benchmark for line in lines))
    charts = [(name, draw_scatter([line for line in lines if line.benchmark == name])) for name in benchmarks]
    figures = "".join(f"<figure><figcaption>{escape(name)}</figcaption>{chart}</figure>" for name, chart in charts
                      if chart)
    crops = json.dumps(_crops(rows, scale)).replace("<", "\\u003c")
    filters = "".join(f"<button data-benchmark=\"{escape(name)}\">{escape(name)}</button>" for name in benchmarks)
    return Template(part("page.html")).substitute(
        look=part("page.css"), slider=part("slider.html"), slider_look=part("slider.css"),
        slider_script=part("slider.js"), title=escape(title), how=escape(how), table=_table(measured),
        published=_published(published), charts=figures, crops=crops,
        filters=filters if len(benchmarks) > 1 else "")


def _table(lines: Sequence[Line]) -> str:
    """Head and body; each cell carries the value that it is sorted by."""
    metrics = shown_metrics(lines)
    titles = ["benchmark", "method", "images", *(PRESENTATIONS[name].title for name in metrics), "parameters"]
    rising = ["", "", "", *("1" if PRESENTATIONS[name].rising else "" for name in metrics), ""]
    head = "".join(f'<th scope="col" data-rising="{up}"><button>{escape(text)}</button></th>'
                   for text, up in zip(titles, rising, strict=True))
    best = {name: _best(lines, name) for name in metrics}
    body = "".join(_line(line, metrics, best) for line in lines)
    return f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"


def _published(lines: Sequence[Line]) -> str:
    """A folded table of what papers report, each line with its source; empty where there is none."""
    if not lines:
        return ""
    titles = ("benchmark", "method", "PSNR-Y, dB", "SSIM-Y", "parameters", "source")
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    body = []
    for line in lines:
        link = f'<a href="https://arxiv.org/abs/{line.source.paper}">{escape(line.source.table)}</a>'
        cells = (line.cell("psnr_y"), line.cell("ssim_y"), line.parameters_cell, link)
        body.append(f'<tr class="published" data-benchmark="{escape(line.benchmark)}"><td>{escape(line.benchmark)}</td>'
                    f'<th scope="row">{escape(line.method.removesuffix(PUBLISHED_ENDING))}</th>'
                    f'{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>')
    return (f"<details><summary>{escape(FOLDED)}</summary><div class=\"scroll\"><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{''.join(body)}</tbody></table></div></details>")


def _best(lines: Sequence[Line], metric: str) -> dict[str, float]:
    """The best figure of each benchmark, of those that are over the most images: others are not comparable."""
    pick = max if PRESENTATIONS[metric].rising else min
    found: dict[str, list[tuple[int, float]]] = {}
    for line in lines:
        if not math.isnan(value := line.figures.get(metric, math.nan)):
            found.setdefault(line.benchmark, []).append((line.count(metric), value))
    return {benchmark: pick(value for count, value in figures if count == max(figures)[0])
            for benchmark, figures in found.items()}


def _line(line: Line, metrics: Sequence[str], best: Mapping[str, Mapping[str, float]]) -> str:
    cells = [f'<td data-value="{escape(line.benchmark)}">{escape(line.benchmark)}</td>',
             f'<th scope="row" data-value="{escape(line.method)}">{escape(line.method)}</th>',
             _number(line.images, line.images_cell)]
    for name in metrics:
        value = line.figures.get(name)
        mark = ' class="best"' if value is not None and value == best[name].get(line.benchmark) else ""
        cells.append(_number(value, line.cell(name), mark))
    cells.append(_number(line.parameters, line.parameters_cell))
    return f'<tr class="measured" data-benchmark="{escape(line.benchmark)}">{"".join(cells)}</tr>'


def _number(value: float | None, text: object, mark: str = "") -> str:
    if value is None or math.isnan(value):
        return '<td data-value="">-</td>'
    return f'<td data-value="{value}"{mark}>{text}</td>'


def _crops(rows: Mapping[str, Sequence[Row]], scale: int) -> list[dict]:
    """The images that the slider compares: name and size of each, and for each method a caption and a data URI."""
    found, left = [], CROP_BYTES
    for benchmark, images in rows.items():
        for row in images:
            views = _views(row, scale)
            left -= sum(len(view["image"]) for view in views)
            if left >= 0:
                height, width = (min(CROP, side) for side in row.images["HR"].shape[:2])
                found.append({"name": f"{benchmark}: {row.name}", "width": width, "height": height, "views": views})
    return found


def _views(row: Row, scale: int) -> list[dict[str, str]]:
    *methods, hr = row.images.values()
    top, left = busiest_crop(hr, methods[0], CROP, scale)
    lr = np.kron(row.lr[top // scale :, left // scale :][: CROP // scale, : CROP // scale],
                 np.ones((scale, scale, 1), np.uint8))
    cells = {"LR": lr, **{name: image[top : top + CROP, left : left + CROP]
                          for name, image in row.images.items()}}
    captions = {**row.captions, "LR": "pixels repeated", "HR": "the original"}
    return [{"name": name, "caption": captions.get(name, ""), "image": _data_uri(cell)}
            for name, cell in cells.items()]


def _data_uri(pixels: np.ndarray) -> str:
    file = BytesIO()
    Image.fromarray(rgb(pixels)).save(file, "JPEG", quality=QUALITY, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
