"""The page, as a browser would read it: nothing from outside, the table's values, the plot's points, the crops."""

import base64
import json
import math
from io import BytesIO

import numpy as np
import pytest
from evaluation.reader import Reader
from PIL import Image

from srgan_tf.evaluation import page
from srgan_tf.evaluation.literature import Source
from srgan_tf.evaluation.result_table import Line
from srgan_tf.evaluation.scatter import draw_scatter
from srgan_tf.evaluation.sheets import Row
from srgan_tf.imaging import matlab_resize

FIGURES = {"psnr_y": 30.0, "ssim_y": 0.9, "psnr_rgb": 28.0, "ssim_rgb": 0.8}
LINES = [Line("Set5", "bicubic", 5, {**FIGURES, "psnr_y": 28.0, "niqe": 7.5}),
         Line("Set5", "<b>mine</b>", 5, {**FIGURES, "niqe": 5.25}, 1_000_000),
         Line("Set5", "none", 0, {}),
         Line("Set5", "SRCNN (published)", None, {"psnr_y": 30.48}, 57_281, Source("A & B, table 2", "1809.00219")),
         Line("A & B", "bicubic", 2, {**FIGURES, "psnr_y": math.inf})]


@pytest.fixture(scope="module")
def rows(photo):
    hr = np.pad(photo, ((0, 24), (0, 24), (0, 0)), mode="reflect")
    lr = matlab_resize(hr, 1 / 4)
    return {"Set5": [Row("</script>.png", lr, {"bicubic": matlab_resize(lr, 4), "<b>mine</b>": hr // 2, "HR": hr},
                         {"bicubic": "1 dB", "<b>mine</b>": "2 dB"})]}


@pytest.fixture(scope="module")
def reader(rows):
    return Reader(page.draw_page("mine & yours", "How.", LINES, rows, 4))


def test_nothing_from_outside(reader):
    for tag, attributes in reader.elements:
        for name in ("src", "href", "action", "data", "srcset"):
            value = attributes.get(name, "data:")
            assert value.startswith("data:") or (tag == "a" and value.startswith("https://arxiv.org/abs/")), value
    assert not any("url(" in text or "@import" in text or "fetch(" in text for _, text in reader.texts)


def test_the_table(reader):
    lines = [attributes for attributes in reader.all("tr") if attributes]
    assert [(line["class"], line["data-benchmark"]) for line in lines] == [
        ("measured", "Set5"), ("measured", "Set5"), ("measured", "Set5"), ("measured", "A & B"), ("published", "Set5")]
    titles = [text for tag, text in reader.texts if tag == "button"]
    assert titles[:10] == ["Set5", "A & B", "benchmark", "method", "images", "PSNR-Y, dB", "SSIM-Y", "PSNR-RGB, dB",
                           "SSIM-RGB", "NIQE"]
    values = [attributes.get("data-value") for tag, attributes in reader.elements if tag == "td"]
    assert values[8 * 1 : 8 * 2] == ["Set5", "5", "30.0", "0.9", "28.0", "0.8", "5.25", "1000000"]
    assert values[8 * 2 : 8 * 3] == ["Set5", "0", "", "", "", "", "", ""]
    assert values[8 * 3 + 2] == "inf"
    best = [attributes["data-value"] for attributes in reader.all("td", class_="best")]
    assert {"30.0", "5.25", "inf"} <= set(best)
    assert "28.0" in best  # of PSNR-RGB, not of PSNR-Y
    assert ("th", "<b>mine</b>") in reader.texts


def test_published_figures_are_folded_with_their_sources(reader, rows):
    assert len(reader.all("details")) == 1
    assert reader.all("a") == [{"href": "https://arxiv.org/abs/1809.00219"}]
    assert ("a", "A & B, table 2") in reader.texts
    order = [tag for tag, attributes in reader.elements if tag == "details" or attributes.get("class") == "published"]
    assert order[0] == "details"
    assert "<details" not in page.draw_page("a", "b", LINES[:3], rows, 4)


def test_the_best_is_of_the_most_images():
    lines = [Line("Set5", "a", 5, {"niqe": 4.0}, counts={"niqe": 1}), Line("Set5", "b", 5, {"niqe": 5.0}),
             Line("Set5", "c", 4, {"niqe": 3.0}, failed=1)]
    best = Reader(page.draw_page("a", "b", lines, {}, 4)).all("td", class_="best")
    assert [cell["data-value"] for cell in best] == ["5.0"]


def test_the_crops(reader, rows, monkeypatch):
    (text,) = [text for tag, text in reader.texts if tag == "script" and text.startswith("[{")]
    (crop,) = json.loads(text)
    assert crop["name"] == "Set5: </script>.png"
    assert [view["name"] for view in crop["views"]] == ["LR", "bicubic", "<b>mine</b>", "HR"]
    assert (crop["width"], crop["height"]) == (page.CROP, page.CROP)
    kind, content = crop["views"][2]["image"].split(",")
    assert kind == "data:image/jpeg;base64"
    shown = np.asarray(Image.open(BytesIO(base64.b64decode(content)))).astype(int)
    assert shown.shape == (page.CROP, page.CROP, 3)
    hr = rows["Set5"][0].images["HR"]
    starts = range(0, len(hr) - page.CROP + 1, 4)
    places = [hr[top : top + page.CROP, left : left + page.CROP] // 2 for top in starts for left in starts]
    assert min(np.abs(shown - place).mean() for place in places) < 3
    monkeypatch.setattr(page, "CROP_BYTES", 1000)
    assert '<script type="application/json" id="crops">[]</script>' in page.draw_page("a", "b", LINES, rows, 4)


def test_the_scatter():
    by_niqe = Reader(draw_scatter(LINES[:4]))
    assert [circle["class"] for circle in by_niqe.all("circle")] == ["measured", "measured"]  # those with NIQE
    bicubic, mine = by_niqe.all("circle")
    assert float(mine["cx"]) < float(bicubic["cx"])
    assert float(mine["cy"]) < float(bicubic["cy"])
    assert float(mine["r"]) > float(bicubic["r"])
    bare = [line._replace(figures={"psnr_y": line.figures["psnr_y"]}) for line in LINES if "psnr_y" in line.figures]
    by_size = Reader(draw_scatter(bare))
    assert [circle["class"] for circle in by_size.all("circle")] == ["measured", "published"]
    assert "parameters" in [text for _, text in by_size.texts]
    assert draw_scatter(bare[:1]) == ""
