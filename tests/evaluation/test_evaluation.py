"""Cases, scores, reports and sheets, against scikit-image and against figures made by hand."""

import csv
import json
import math
from functools import partial

import numpy as np
import pytest
from PIL import Image
from skimage import metrics

from srgan_tf.config import EvaluateConfig
from srgan_tf.evaluation import (
    Evaluation,
    Measured,
    Scores,
    draw_sheet,
    load_benchmark,
    markdown_table,
    report_lines,
    take,
    write_report,
)
from srgan_tf.evaluation.benchmarks import Case, lr_note
from srgan_tf.evaluation.literature import PUBLISHED, SOURCES
from srgan_tf.evaluation.report import absent_lines, missing_metrics
from srgan_tf.evaluation.sheets import CAPTION, GAP, SIDE, Row, busiest_crop
from srgan_tf.imaging import matlab_resize, write_image
from srgan_tf.metrics import METRICS


def luma(rgb: np.ndarray) -> np.ndarray:
    """BT.601's Y of uint8 RGB as the papers define it, unrounded."""
    return 16 + rgb.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255


def figures(sr, hr, crop) -> Measured:
    return take({name: partial(metric, sr, hr, crop=crop) for name, metric in METRICS.items()})


def structural_similarity(a, b) -> float:
    """scikit-image's SSIM with the papers' window, on the positions that lie within."""
    _, whole = metrics.structural_similarity(a, b, data_range=255, gaussian_weights=True, sigma=1.5, full=True,
                                             use_sample_covariance=False, channel_axis=-1 if a.ndim == 3 else None)
    return whole[5:-5, 5:-5].mean()


def test_scores_are_scikit_images(photo):
    hr = photo[:64, :80]
    sr = matlab_resize(matlab_resize(hr, 1 / 4), 4)
    scores = Scores()
    scores.measure("a.png", partial(figures, sr, hr, 4))
    a, b = sr[4:-4, 4:-4], hr[4:-4, 4:-4]
    expected = {"psnr_y": metrics.peak_signal_noise_ratio(luma(b), luma(a), data_range=255),
                "ssim_y": structural_similarity(luma(a), luma(b)),
                "psnr_rgb": metrics.peak_signal_noise_ratio(b, a, data_range=255),
                "ssim_rgb": structural_similarity(a.astype(np.float64), b.astype(np.float64))}
    assert scores.images["a.png"] == pytest.approx(expected, abs=1e-6)
    scores.measure("b.png", partial(figures, hr // 2, hr, 4))
    mean = (scores.images["a.png"]["psnr_y"] + scores.images["b.png"]["psnr_y"]) / 2
    assert scores.means()["psnr_y"] == pytest.approx(mean)


def test_a_metric_that_cannot_be_taken_leaves_the_others(photo):
    scores = Scores()
    scores.measure("small.png", partial(figures, photo[:8, :8] // 2, photo[:8, :8], 0))
    scores.measure("large.png", partial(figures, photo // 2, photo, 0))
    assert set(scores.images["small.png"]) == {"psnr_y", "psnr_rgb"}
    assert scores.failures == {}
    assert "SSIM needs 11 x 11" in scores.absent["ssim_y"]["small.png"]
    assert scores.counts() == {"psnr_y": 2, "psnr_rgb": 2, "ssim_y": 1, "ssim_rgb": 1}
    small, large = (scores.images[name] for name in ("small.png", "large.png"))
    assert scores.means()["psnr_y"] == (small["psnr_y"] + large["psnr_y"]) / 2
    assert scores.means()["ssim_y"] == large["ssim_y"]


def test_an_image_that_no_metric_can_be_taken_of():
    scores = Scores()
    small = np.zeros((8, 8, 3), np.uint8)
    scores.measure("small.png", partial(figures, small, small, 4))
    assert "no metric can be taken of it: crop must leave" in scores.failures["small.png"]
    assert scores.images == scores.means() == {}


def test_what_is_not_a_number_is_absent():
    assert take({"a": lambda: math.nan, "b": lambda: 1}) == Measured({"b": 1.0}, {"a": "it is not a number"})


def test_the_table_says_what_an_average_is_over(tmp_path):
    plain = {"psnr_y": 30.0, "ssim_y": 0.9}
    scores = Scores({"a.png": plain, "b.png": {**plain, "niqe": 5.0}}, {"c.png": "broken"},
                    {"niqe": {"a.png": "small"}})
    evaluation = Evaluation(["mine"], {"Set5": {"mine": scores}}, {}, {})
    config = EvaluateConfig(benchmark=("Set5",), metrics=("niqe",))
    write_report(tmp_path, evaluation, config)
    text = (tmp_path / "results.md").read_text()
    assert "| Set5 | mine | 2 of 3 | 30.00 | 0.9000 | - | - | 5.000 (1 of 2) | - |" in text
    assert "(n of m) is over the n of m images" in text
    assert ">5.000 (1 of 2)</td>" in (tmp_path / "results.html").read_text()
    row = next(csv.DictReader((tmp_path / "results.csv").open()))
    assert [row[name] for name in ("images", "failed", "niqe", "niqe_images")] == ["2", "1", "5.0", "1"]
    dataset = json.loads((tmp_path / "results.json").read_text())["datasets"]["Set5"]
    assert (dataset["counts"]["niqe"], dataset["absent"]) == (1, {"niqe": {"a.png": "small"}})
    assert absent_lines(evaluation.results) == ["niqe of 1 of 2 images of Set5 (a.png), mine: small"]
    assert missing_metrics(evaluation.results, config.metrics) == []


@pytest.mark.parametrize("shape", [(64, 80), (67, 81)])
def test_a_case_without_lr(tmp_path, photo, shape):
    (tmp_path / "HR").mkdir()
    write_image(tmp_path / "HR/a.png", photo[: shape[0], : shape[1]])
    (case,) = load_benchmark(tmp_path, 4)
    lr, hr = case.load()
    np.testing.assert_array_equal(hr, photo[:64, :80])
    np.testing.assert_array_equal(lr, matlab_resize(photo[:64, :80], 1 / 4))


def test_a_case_that_does_not_fit(tmp_path, photo):
    write_image(tmp_path / "hr.png", photo[:64, :80])
    write_image(tmp_path / "lr.png", photo[:16, :19])
    case = Case("hr.png", tmp_path / "hr.png", tmp_path / "lr.png", 4)
    with pytest.raises(ValueError, match=r"hr.png must be 4 times as large as .*lr.png; they are 80x64 and 19x16"):
        case.load()
    with pytest.raises(ValueError, match="differ in size: 19x16, 80x64"):
        case.load_finished()
    write_image(tmp_path / "dot.png", photo[:3, :80])
    with pytest.raises(ValueError, match=r"dot.png is smaller than the scale 4"):
        Case("dot.png", tmp_path / "dot.png", None, 4).load()


@pytest.mark.parametrize(("folder", "used"), [
    ("LR_bicubic/X4", True), ("LR_bicubic/x4", True), ("lr_Bicubic/x4", True), ("LR_bicubic/X2", False),
    ("LR_bicubic", False), ("LR", None)])
def test_the_folder_of_lr_in_capitals_or_not(tmp_path, photo, folder, used):
    for name, image in (("HR", photo[:64, :80]), (folder, photo[:16, :20])):
        (tmp_path / name).mkdir(parents=True)
        write_image(tmp_path / name / "a.png", image)
    (case,) = load_benchmark(tmp_path, 4)
    assert case.other_path == (tmp_path / folder / "a.png" if used else None)
    assert bool(lr_note(tmp_path, 4)) == (used is False)


def test_two_folders_of_lr(tmp_path, photo):
    for name in ("HR", "LR_bicubic/X4", "LR_bicubic/x4"):
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(ValueError, match=r"X4 and .*x4 differ only in upper and lower case"):
        load_benchmark(tmp_path, 4)


@pytest.mark.parametrize("transparent", ["hr.png", "other.png"])
def test_transparency_is_refused_and_an_alpha_that_hides_nothing_is_not(tmp_path, photo, transparent):
    hr = np.dstack([photo[:64, :80], np.full((64, 80), 255, np.uint8)])
    for name in ("hr.png", "other.png"):
        write_image(tmp_path / name, hr)
    case = Case("hr.png", tmp_path / "hr.png", tmp_path / "other.png", 4)
    sr, found = case.load_finished()
    np.testing.assert_array_equal(found, hr[..., :3])
    np.testing.assert_array_equal(sr, hr[..., :3])
    hr[5, 7, 3] = 254
    write_image(tmp_path / transparent, hr)
    for load in (case.load_finished, case._replace(scale=1).load):
        with pytest.raises(ValueError, match=f"{transparent} is transparent"):
            load()


def test_the_report(tmp_path):
    figures = {"psnr_y": 30.0, "ssim_y": 0.9, "psnr_rgb": math.inf, "ssim_rgb": 1.0}
    results = {"Set5": {"bicubic": Scores({"a.png": {**figures, "psnr_y": 28.0}}),
                        "mine": Scores({"a.png": figures, "b.png": {**figures, "psnr_y": 31.0}}, {"c.png": "broken"}),
                        "yours": Scores({"a.png": {**figures, "ssim_y": 0.8}})}}
    evaluation = Evaluation(["mine", "yours"], results, {"mine": 1234}, {})
    write_report(tmp_path, evaluation, EvaluateConfig(benchmark=("Set5",)))
    text = (tmp_path / "results.json").read_text()
    report = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    dataset = report["datasets"]["Set5"]
    assert dataset["images"]["a.png"] == {**figures, "psnr_rgb": None}
    assert (dataset["psnr_y"], dataset["psnr_rgb"]) == (30.5, None)
    assert dataset["failures"] == {"c.png": "broken"}
    assert dataset["compared"]["bicubic"]["psnr_y"] == 28.0
    assert dataset["models"]["yours"]["ssim_y"] == 0.8
    assert (report["method"], report["methods"], report["parameters"]) == ("mine", ["mine", "yours"], {"mine": 1234})
    table = markdown_table(report_lines(evaluation, EvaluateConfig(benchmark=("Set5",))))
    text = (tmp_path / "results.md").read_text()
    assert table in text
    assert "| Set5 | mine | 2 of 3 | 30.50 | 0.9000 | inf | 1.0000 | 1,234 |" in table
    assert "EDSR" not in table
    folded = text[text.index("<details>") : text.index("</details>")]
    assert ("| Set5 | EDSR-baseline | 32.09 | 0.8938 | 1,517,571 | [IMDN paper, table of the benchmarks]"
            "(https://arxiv.org/abs/1909.11856) |") in folded
    assert len({line.count("|") for line in table.splitlines()}) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "results.csv", "results.html", "results.json", "results.md"]
    rows = list(csv.DictReader((tmp_path / "results.csv").open()))
    assert rows[1] == {"benchmark": "Set5", "method": "mine", "source": "measured", "images": "2", "failed": "1",
                       "psnr_y": "30.5", "ssim_y": "0.9", "psnr_rgb": "inf", "ssim_rgb": "1.0", "parameters": "1234"}
    assert [row["source"] for row in rows if row["method"] == "VDSR (published)"] == [
        "VDSR paper, table of the benchmarks (arXiv:1511.04587)"]
    for config in (EvaluateConfig(benchmark=("Set5",), scale=2), EvaluateConfig(benchmark=("Set5",), published=False)):
        assert all(line.images for line in report_lines(evaluation, config))


def test_published_figures_have_a_source():
    """One table, by which more PSNR means more SSIM; by the figures that ESRGAN's row had it did not."""
    for source in SOURCES:
        for benchmark in ("Set5", "Set14", "BSD100", "Urban100"):
            figures = sorted(paper.figures[benchmark] for paper in PUBLISHED.values()
                             if paper.source == source and benchmark in paper.figures)
            assert (np.diff([ssim for _, ssim in figures]) > -0.001).all(), (source, benchmark, figures)
    assert {paper.source for paper in PUBLISHED.values()} == set(SOURCES)


def test_the_busiest_crop(photo):
    other = photo.copy()
    other[101:110, 63:72] ^= 255
    top, left = busiest_crop(photo, other, 32, 4)
    assert top % 4 == left % 4 == 0
    assert top <= 101 <= 110 <= top + 32
    assert left <= 63 <= 72 <= left + 32
    assert busiest_crop(photo[:20, :30], other[:20, :30], 32, 4) == (0, 0)


def test_a_sheet_shows_the_images(photo):
    hr = np.pad(photo, ((0, 24), (0, 24), (0, 0)), mode="reflect")
    lr = matlab_resize(hr, 1 / 4)
    bicubic = matlab_resize(lr, 4)
    grey = hr[:80, :120, 1:2]
    rows = [Row("a.png", lr, {"bicubic": bicubic, "mine": 255 - hr, "HR": hr}, {"bicubic": "1 dB"}),
            Row("grey.png", grey[::4, ::4], {"bicubic": grey // 2, "mine": grey // 3, "HR": grey}, {})]
    sheet = draw_sheet(rows, 4)
    assert sheet.shape == (GAP + 2 * (SIDE + CAPTION + GAP), GAP + 4 * (SIDE + GAP), 3)
    top, left = busiest_crop(hr, bicubic, SIDE, 4)
    cells = [sheet[GAP : GAP + SIDE, GAP + column * (SIDE + GAP) :][:, :SIDE] for column in range(4)]
    crop = slice(top, top + SIDE), slice(left, left + SIDE)
    for cell, image in zip(cells, (np.kron(lr, np.ones((4, 4, 1), np.uint8)), bicubic, 255 - hr, hr), strict=True):
        np.testing.assert_array_equal(cell, image[crop])
    second = 2 * GAP + SIDE + CAPTION
    np.testing.assert_array_equal(sheet[second:, GAP + 3 * (SIDE + GAP) :][:80, :120], np.repeat(grey, 3, axis=2))


def test_captions_stay_under_their_images(photo):
    lr, name = matlab_resize(photo, 1 / 4), "a_very_long_name_of_an_image_from_somewhere_else_entirely.png"
    sheets = [draw_sheet([Row(name[:length], lr, {"bicubic": photo, "HR": photo}, {})], 4) for length in (1, len(name))]
    beside = np.s_[:, GAP + SIDE : 2 * GAP + 2 * SIDE]
    assert not np.array_equal(*sheets)
    np.testing.assert_array_equal(sheets[0][beside], sheets[1][beside])


def test_hidden_files_and_natural_order(tmp_path):
    (tmp_path / "HR").mkdir()
    for name in ("10.png", "9.png", ".9.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / "HR" / name)
    assert [case.name for case in load_benchmark(tmp_path, 4)] == ["9.png", "10.png"]
