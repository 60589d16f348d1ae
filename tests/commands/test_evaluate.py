"""`evaluate` as people use it: what it writes, equal ways to equal figures, mistakes in one line."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from skimage import data, metrics

from srgan_tf.evaluation import runs
from srgan_tf.evaluation.sheets import CAPTION, GAP, SIDE
from srgan_tf.imaging import matlab_resize, read_image, write_image

BENCHMARK = ["--benchmark=Photos", "--scale=4"]


@pytest.fixture
def benchmark(tmp_path):
    """Photos/HR with two photographs and a grey one, Photos/LR_bicubic/X4 with their reductions."""
    images = {"cat": data.chelsea()[:240, :300], "cup": data.coffee()[100:204, 200:280],
                "man": data.camera()[:96, :88]}
    lr_folder = tmp_path / "Photos/LR_bicubic/X4"
    (tmp_path / "Photos/HR").mkdir(parents=True)
    lr_folder.mkdir(parents=True)
    for name, image in images.items():
        write_image(tmp_path / f"Photos/HR/{name}.png", image)
        write_image(lr_folder / f"{name}x4.png", matlab_resize(image, 1 / 4))
    return images


def results(folder) -> dict:
    return json.loads((folder / "results.json").read_text())["datasets"]


def test_bicubic(command, tmp_path, benchmark):
    done = command("evaluate", "--model=bicubic", *BENCHMARK)
    assert done.status == 0, done.err
    dataset = results(tmp_path / "results")["Photos"]
    names = {"psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb"}
    assert names | {"images"} <= set(dataset)
    assert list(dataset["images"]) == ["cat.png", "cup.png", "man.png"]
    for name, figures in dataset["images"].items():
        assert set(figures) == names
        hr = benchmark[name.removesuffix(".png")]
        sr = matlab_resize(matlab_resize(hr, 1 / 4), 4)
        a, b = (pixels[4:-4, 4:-4].astype(np.float64) for pixels in (sr, hr))
        if hr.ndim == 3:
            assert figures["psnr_rgb"] == pytest.approx(metrics.peak_signal_noise_ratio(b, a, data_range=255), abs=1e-6)
            a, b = (16 + pixels @ np.array([65.481, 128.553, 24.966]) / 255 for pixels in (a, b))
        assert figures["psnr_y"] == pytest.approx(metrics.peak_signal_noise_ratio(b, a, data_range=255), abs=1e-6)
    assert dataset["psnr_y"] == pytest.approx(np.mean([image["psnr_y"] for image in dataset["images"].values()]))
    row = f"| Photos | bicubic | 3 | {dataset['psnr_y']:.2f} | {dataset['ssim_y']:.4f} |"
    assert row in done.out
    assert row in (tmp_path / "results/results.md").read_text()


def test_workers_measure_what_one_machine_measures(command, tmp_path, benchmark, monkeypatch):
    pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install '.[beam]'")
    real, measured = runs.run_pipeline, []

    def run_pipeline(*arguments):
        real(*arguments)
        measured.extend(path for path in (tmp_path / "many").rglob("*") if path.is_file())

    monkeypatch.setattr(runs, "run_pipeline", run_pipeline)
    arguments = ["evaluate", "--model=mobile_x4_float16", *BENCHMARK, "--threads=1"]
    many = command(*arguments, "--cache=many", "--output=by_many",
                   "--beam=--runner=DirectRunner --direct_num_workers=2 --direct_running_mode=multi_threading")
    assert many.status == 0, many.err
    assert len(measured) == 14  # 3 images and their figures by 2 methods, and a note on each method
    assert len([path for path in (tmp_path / "many").rglob("*") if path.is_file()]) == len(measured)
    assert command(*arguments, "--cache=one", "--output=by_one").status == 0
    assert results(tmp_path / "by_many") == results(tmp_path / "by_one")


DIRECT = "--beam=--runner=DirectRunner"


def test_a_benchmark_in_a_store_is_measured_as_in_a_folder(command, tmp_path, benchmark, bucket, monkeypatch):
    for name, hr in benchmark.items():  # unlike what would be made of HR
        write_image(tmp_path / f"Photos/LR_bicubic/X4/{name}x4.png", 255 - hr[::4, ::4])
    (tmp_path / "Photos/HR/bad.png").write_text("no image")
    (tmp_path / "Photos/LR_bicubic/X4/badx4.png").write_text("no image")
    shutil.copytree(tmp_path / "Photos", bucket / "Photos")
    measured, real = [], runs.EvaluatedImage.upscaled_image
    here = command("evaluate", "--model=bicubic", *BENCHMARK, "--cache=", "--output=here", "--save_images")
    monkeypatch.setattr(runs.EvaluatedImage, "upscaled_image",
                        lambda image, method: measured.append(image.case.name) or real(image, method))
    stored = "evaluate", "--model=bicubic", "--benchmark=s3://b/Photos/", "--cache=s3://b/cache", DIRECT
    there = command(*stored, "--output=there", "--save_images")
    assert here.status == there.status == 2
    assert here.out.replace("here", "there") == there.out
    assert "failed: s3://b/Photos/HR/bad.png: " in there.err
    assert (tmp_path / "here/Photos/man.png").read_bytes() == (tmp_path / "there/Photos/man.png").read_bytes()
    figures = json.loads(json.dumps(results(tmp_path / "there")).replace("s3://b/", ""))  # in the reason of a failure
    assert results(tmp_path / "here") == figures
    assert measured
    measured.clear()
    again = command(*stored, "--output=again", "--sheet_rows=0")
    assert (again.status, measured) == (2, ["bad.png"] * 2)  # on the worker and here; all else is cached
    assert results(tmp_path / "again") == results(tmp_path / "there")


@pytest.mark.parametrize(("flags", "message"), [
    (["--benchmark=s3://b/Set5", "--cache=s3://b/cache"],
     "--benchmark=s3://b/Set5 is read and written with --beam alone (docs/scale.md)"),
    (["--benchmark=s3://b/Set5", "--cache=cache", DIRECT],
     "must all lie in stores, or none; got --benchmark=s3://b/Set5 and --cache=cache"),
    (["--benchmark=Set5", "--cache=gs://b/cache", DIRECT], "got --cache=gs://b/cache and --benchmark=Set5"),
    (["--benchmark=s3://b/Set5", "--cache=s3://b/cache", DIRECT], "no image in s3://b/Set5/HR"),
])
def test_what_cannot_be_evaluated_in_a_store(refused, bucket, flags, message):
    bucket.mkdir()
    assert message in refused("evaluate", "--model=bicubic", *flags)


def test_beam_needs_a_cache(refused, benchmark):
    assert "--cache: give both" in refused("evaluate", *BENCHMARK, "--cache=", "--beam=--runner=DirectRunner")


def test_the_sheet(command, tmp_path, benchmark):
    assert command("evaluate", "--model=bicubic", *BENCHMARK, "--sheet_rows=2").status == 0
    sheet = read_image(tmp_path / "results/Photos.png").pixels
    assert sheet.shape == (GAP + 2 * (SIDE + CAPTION + GAP), GAP + 3 * (SIDE + GAP), 3)
    cell = sheet[GAP : GAP + SIDE, GAP + 2 * (SIDE + GAP) :][:, :SIDE]
    places = np.lib.stride_tricks.sliding_window_view(benchmark["cat"], (SIDE, SIDE, 3))[::4, ::4, 0]
    assert any(np.array_equal(cell, place) for row in places for place in row)
    assert command("evaluate", "--model=bicubic", *BENCHMARK, "--sheet_rows=0", "--output=bare").status == 0
    assert sorted(path.name for path in (tmp_path / "bare").iterdir()) == [
        "results.csv", "results.html", "results.json", "results.md"]


def test_lr_is_made_where_it_is_absent(command, tmp_path, benchmark):
    assert command("evaluate", "--model=bicubic", *BENCHMARK, "--output=given").status == 0
    shutil.rmtree(tmp_path / "Photos/LR_bicubic")
    assert command("evaluate", "--model=bicubic", *BENCHMARK, "--output=made").status == 0
    assert results(tmp_path / "made") == results(tmp_path / "given")


def test_finished_images_measure_the_same(command, tmp_path, benchmark):
    assert command("evaluate", "--model=bicubic", *BENCHMARK, "--save_images").status == 0
    saved = tmp_path / "results/Photos"
    assert sorted(path.name for path in saved.iterdir()) == ["cat.png", "cup.png", "man.png"]
    (saved / "cat.png").rename(saved / "cat_rlt.png")
    (saved / "cup.png").rename(saved / "cup_SR.png")
    done = command("evaluate", f"--sr_dir={saved}", "--hr_dir=Photos/HR", "--output=theirs")
    assert done.status == 0, done.err
    assert results(tmp_path / "theirs")["Photos"]["images"] == results(tmp_path / "results")["Photos"]["images"]


def test_a_grey_result_for_a_coloured_image_is_not_compared_with_its_red(command, tmp_path, benchmark):
    shutil.copytree(tmp_path / "Photos/HR", tmp_path / "theirs")
    Image.open(tmp_path / "theirs/cat.png").convert("L").save(tmp_path / "theirs/cat.png")
    done = command("evaluate", "--sr_dir=theirs", "--hr_dir=Photos/HR")
    assert done.status == 2
    assert "failed: theirs/cat.png is grey and Photos/HR/cat.png is not: save" in done.err
    assert list(results(tmp_path / "results")["Photos"]["images"]) == ["cup.png", "man.png"]


def test_a_coloured_result_for_a_grey_image_is_averaged(command, tmp_path, benchmark):
    grey = np.asarray(Image.open(tmp_path / "Photos/HR/cup.png").convert("L"))
    for folder, pixels in (("HR", grey), ("theirs", np.stack([grey, grey - np.uint8(9) * (grey > 9), grey], 2))):
        (tmp_path / folder).mkdir()
        Image.fromarray(pixels).save(tmp_path / folder / "cup.png")
    assert command("evaluate", "--sr_dir=theirs", "--hr_dir=HR").status == 0
    found = results(tmp_path / "results")
    share = (grey[4:-4, 4:-4] > 9).mean()
    assert next(iter(found.values()))["psnr_y"] == pytest.approx(10 * np.log10(255**2 / (9 * share)))


def test_two_upscaled_images_of_one_name(refused, tmp_path, benchmark):
    shutil.copy(tmp_path / "Photos/HR/cup.png", tmp_path / "Photos/HR/cat.jpg")
    shutil.rmtree(tmp_path / "Photos/LR_bicubic")
    assert "2 images of Photos would be written to cat.png" in refused(
        "evaluate", "--model=bicubic", *BENCHMARK, "--save_images")


def test_a_model_beside_bicubic(command, tmp_path, benchmark, model_file):
    shutil.copytree(tmp_path / "Photos", tmp_path / "Others")
    done = command("evaluate", f"--model={model_file}", "--benchmark=Photos,Others", "--output=out")
    assert done.status == 0, done.err
    assert [line.split("|")[1:3] for line in done.out.splitlines()[2:6]] == [
        [" Photos ", " bicubic "], [" Photos ", " small "],
        [" Others ", " bicubic "], [" Others ", " small "]]
    assert read_image(tmp_path / "out/Photos.png").pixels.shape[1] == GAP + 4 * (SIDE + GAP)
    assert command("evaluate", "--model=bicubic", *BENCHMARK, "--output=plain").status == 0
    dataset, plain = results(tmp_path / "out")["Photos"], results(tmp_path / "plain")["Photos"]
    assert dataset["compared"]["bicubic"]["psnr_y"] == plain["psnr_y"] != dataset["psnr_y"]


def test_broken_images_are_reported_and_the_others_measured(command, tmp_path, benchmark):
    path = tmp_path / "Photos/HR/cup.png"
    path.write_bytes(path.read_bytes()[:3000])
    shutil.copytree(tmp_path / "Photos", tmp_path / "Others")
    done = command("evaluate", "--model=bicubic", "--benchmark=Photos,Others")
    assert done.status == 2
    lines = done.err.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["failed", "Photos/HR/cup.png"], ["failed", "Others/HR/cup.png"]]  # of each benchmark
    dataset = results(tmp_path / "results")["Photos"]
    assert list(dataset["images"]) == ["cat.png", "man.png"]
    assert "truncated" in dataset["failures"]["cup.png"]


def test_a_metric_that_one_image_is_too_small_for(command, tmp_path, benchmark):
    """The cat alone has NIQE's two blocks after the crop; PSNR stays the average over all three."""
    assert command("evaluate", "--model=bicubic", *BENCHMARK, "--output=plain").status == 0
    done = command("evaluate", "--model=bicubic", *BENCHMARK, "--metrics=niqe")
    assert done.status == 0, done.err
    plain, dataset = (results(tmp_path / name)["Photos"] for name in ("plain", "results"))
    assert dataset["psnr_y"] == plain["psnr_y"]
    assert dataset["counts"] == {"psnr_y": 3, "ssim_y": 3, "psnr_rgb": 3, "ssim_rgb": 3, "niqe": 1}
    assert dataset["niqe"] == dataset["images"]["cat.png"]["niqe"]
    assert " (1 of 3) |" in done.out
    assert "absent: niqe of 2 of 3 images of Photos (cup.png, man.png), bicubic: NIQE needs two blocks" in done.err
    (tmp_path / "Photos/HR/cat.png").unlink()
    done = command("evaluate", "--model=bicubic", *BENCHMARK, "--metrics=niqe")
    assert done.status == 2
    assert "failed: --metrics=niqe could be taken of no image of Photos" in done.err
    assert results(tmp_path / "results")["Photos"]["psnr_y"] > 20


def test_equal_images_give_null(command, tmp_path, benchmark):
    shutil.copytree(tmp_path / "Photos/HR", tmp_path / "copies")
    done = command("evaluate", "--sr_dir=copies", "--hr_dir=Photos/HR")
    assert done.status == 0, done.err
    assert "| inf | 1.0000 |" in done.out
    text = (tmp_path / "results/results.json").read_text()
    dataset = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))["datasets"]["Photos"]
    assert dataset["psnr_y"] is dataset["images"]["cat.png"]["psnr_rgb"] is None
    assert dataset["ssim_y"] == 1


@pytest.mark.parametrize(("arguments", "message"), [
    (["--model=bicubic"], "nothing to evaluate"),
    (["--model=bicubic", "--benchmrak=Photos"], "did you mean --benchmark?"),
    (["--model=bicubic", "--benchmark=Photos/HR"], "no folder Photos/HR/HR"),
    (["--model=bicubic", "--benchmark=nowhere"], "where to download them"),
    (["--model=bicubic", "--benchmark=empty"], "empty/HR: no image in this folder"),
    (["--model=bicubic", "--benchmark=Photos,twin/Photos"], "two benchmarks have the same name: Photos, twin/Photos"),
    (["--model=bicubic", "--benchmark=Photos", "--scale=5"], "scale"),
    (["--model=bicubic", "--benchmark=Photos", "--output=text.keras"], "Not a directory: text.keras"),
    (["--model=bicubic", "--benchmark=Photos", "--output=/proc/nowhere"], "/proc/nowhere"),
    (["--model=text.keras", "--benchmark=Photos"], "text.keras is not a .keras model file"),
    (["--model=nowhere.tflite", "--benchmark=Photos"], "nowhere.tflite"),
    (["--model={model}", "--benchmark=Photos", "--scale=2"], "has scale 4, but --scale=2"),
    (["--sr_dir=Photos/HR"], "must be given together"),
    (["--model=bicubic", "--benchmark=Photos", "--sr_pattern={{name}}*"], "chooses files of --sr_dir: give"),
    (["--sr_dir=one", "--hr_dir=Photos/HR", "--sr_pattern=*"], "--sr_pattern must hold {name}"),
    (["--sr_dir=one", "--hr_dir=Photos/HR", "--sr_pattern={{name}}?SR"], "cup.png: no image of that name in one by "
                                                                         "--sr"),
    (["--sr_dir=nowhere", "--hr_dir=Photos/HR"], "nowhere"),
    (["--sr_dir=one", "--hr_dir=Photos/HR"], "cup.png: no image of that name in one"),
    (["--sr_dir=Photos/LR_bicubic/X4", "--hr_dir=Photos/HR"], "differ in size: 75x60, 300x240"),
])
def test_mistakes_are_one_line(refused, tmp_path, benchmark, model_file, arguments, message):
    (tmp_path / "empty/HR").mkdir(parents=True)
    (tmp_path / "one").mkdir()
    shutil.copy(tmp_path / "Photos/HR/cat.png", tmp_path / "one/cat_SR.png")
    shutil.copytree(tmp_path / "Photos", tmp_path / "twin/Photos")
    (tmp_path / "text.keras").write_text("not a model")
    assert message in refused("evaluate", *(argument.format(model=model_file) for argument in arguments))
    assert not (tmp_path / "results/results.json").exists()


def test_a_model_named_by_a_dot(command, tmp_path, benchmark, model_file, monkeypatch):
    shutil.copy(model_file, tmp_path / "best.keras")
    done = command("evaluate", "--model=.", *BENCHMARK)
    assert done.status == 0, done.err
    assert f"| Photos | {tmp_path.name} | 3 |" in done.out
    assert Image.open(tmp_path / "results/Photos.png").width == GAP + 4 * (SIDE + GAP)
