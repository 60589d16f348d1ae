"""Which images are taken and what their upscaled images are called."""

import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from imaging.samples import png
from PIL import Image, PngImagePlugin

from srgan_tf.errors import UserError
from srgan_tf.imaging import Encoding
from srgan_tf.inference import Upscaler, batch
from srgan_tf.inference.asked import Asked
from srgan_tf.inference.batch import upscale_files
from srgan_tf.inference.file_options import FileOptions
from srgan_tf.inference.jobs import Job, find_jobs
from srgan_tf.inference.preflight import Plan, make_plan
from srgan_tf.inference.result_size import SizeAsked


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder, also the current one, with images at several depths and things that are none."""
    monkeypatch.chdir(tmp_path)
    for name in ("in/b10.png", "in/b2.PNG", "in/c.JPG", "in/sub/d.tif", "in/sub/deep/e.webp", "in/.hidden.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (3, 2)).save(tmp_path / name)
    (tmp_path / "in" / "notes.txt").write_text("not an image")
    (tmp_path / "empty" / "below").mkdir(parents=True)
    return tmp_path


def names(jobs) -> dict[str, str]:
    return {str(job.source): str(job.target) for job in jobs}


def planned(jobs, files: FileOptions = FileOptions()) -> Plan:  # noqa: B008
    return Plan(jobs, Asked(Path("out"), files=files))


def test_files_keep_their_order(folder):
    jobs = find_jobs(["in/c.JPG", "in/b10.png"], Path("out"))
    assert list(names(jobs).items()) == [("in/c.JPG", "out/c.jpg"), ("in/b10.png", "out/b10.png")]


def test_a_folder_in_natural_order(folder):
    assert list(names(find_jobs(["in"], Path("out"))).values()) == ["out/b2.png", "out/b10.png", "out/c.jpg"]


def test_sub_folders_are_kept(folder):
    targets = set(names(find_jobs(["in"], Path("out"), recursive=True)).values())
    assert targets == {"out/b2.png", "out/b10.png", "out/c.jpg", "out/sub/d.png", "out/sub/deep/e.png"}


def test_earlier_results_within_the_folder_are_not_taken(folder):
    jobs = find_jobs(["in"], Path("in/sub"), recursive=True)
    assert set(names(jobs)) == {"in/b2.PNG", "in/b10.png", "in/c.JPG"}


def test_patterns(folder):
    assert set(names(find_jobs(["in/b*"], Path("out")))) == {"in/b10.png", "in/b2.PNG"}
    assert set(names(find_jobs(["in/**/*.[tw]*[fp]"], Path("out")))) == {"in/sub/d.tif", "in/sub/deep/e.webp"}


def test_a_name_that_looks_like_a_pattern(folder):
    os.rename("in/b10.png", "in/b[10].png")
    assert names(find_jobs(["in/b[10].png"], Path("out"))) == {"in/b[10].png": "out/b[10].png"}


def test_names_that_begin_with_a_tilde(folder, monkeypatch):
    os.rename("in/b10.png", "~draft.png")
    assert names(find_jobs(["~draft.png"], Path("out"))) == {"~draft.png": "out/~draft.png"}
    monkeypatch.setenv("HOME", str(folder))
    assert list(names(find_jobs(["~/in/c.JPG"], Path("out")))) == [str(folder / "in/c.JPG")]
    with pytest.raises(ValueError, match=r"no such file or folder: ~nobody_at_all/a.png$"):
        find_jobs(["~nobody_at_all/a.png"], Path("out"))


def test_suffix_and_format(folder):
    jobs = find_jobs(["in"], Path("out"), suffix="_x4", format=".webp")
    assert set(names(jobs).values()) == {"out/b2_x4.webp", "out/b10_x4.webp", "out/c_x4.webp"}


def test_the_scale_is_in_the_name(folder):
    for scale, target in ((3, "out/c_x3.jpg"), (0, "out/c_x{scale}.jpg")):
        assert names(find_jobs(["in/c.JPG"], Path("out"), suffix="_x{scale}", scale=scale)) == {"in/c.JPG": target}


def test_an_output_that_is_a_file(folder):
    assert names(find_jobs(["in/c.JPG"], Path("new/c.PNG"), suffix="_x4")) == {"in/c.JPG": "new/c.PNG"}
    assert names(find_jobs(["in/c.JPG"], Path("out.v2"))) == {"in/c.JPG": "out.v2/c.jpg"}
    with pytest.raises(UserError, match=r"c\.png is one file, and 3 images are to be upscaled: give a folder"):
        find_jobs(["in"], Path("c.png"))


def test_each_image_once(folder):
    assert len(find_jobs(["in", "in/c.JPG", "./in/c.JPG", "in/*.png"], Path("out"))) == 3


def test_endings_that_the_encoding_allows(folder):
    for encoding, ending in ((Encoding(lossless=True), "png"), (Encoding(bit_depth=16), "png"),
                             (Encoding(quality=80), "jpg"), (Encoding(bit_depth=8), "jpg")):
        assert names(find_jobs(["in/c.JPG"], Path("out"), encoding=encoding)) == {"in/c.JPG": f"out/c.{ending}"}


@pytest.mark.parametrize(("inputs", "recursive", "message"), [
    (["nowhere.png"], False, r"no such file or folder: nowhere\.png$"),
    (["in/C.jpg"], False, r"no such file or folder: in/C\.jpg; did you mean in/c\.JPG\?"),
    (["in/b01.png"], False, r"no such file or folder: in/b01\.png; did you mean in/b10\.png\?"),
    (["nowhere/b10.png"], False, r"no such file or folder: nowhere/b10\.png$"),
    (["in/*.gif"], False, r"no file matches the pattern in/\*.gif"),
    (["https://example.com/cat.jpg"], False, "cat.jpg is an address, and nothing is downloaded: save the file first"),
    (["empty"], False, "empty: no image in this folder"),
    (["empty"], True, "empty: no image in this folder or its sub-folders"),
])
def test_an_input_that_stands_for_nothing(folder, inputs, recursive, message):
    with pytest.raises(ValueError, match=message):
        find_jobs(["in", *inputs], Path("out"), recursive=recursive)


def test_images_that_differ_in_their_endings_alone(folder):
    for name in ("c.png", "c.webp", "d.png"):
        Image.new("RGB", (3, 2)).save(f"in/{name}")
    jobs = find_jobs(["in"], Path("out"), suffix="_x4", format="png")
    assert {name.removeprefix("in/"): target.removeprefix("out/") for name, target in names(jobs).items()} == {
        "b2.PNG": "b2_x4.png", "b10.png": "b10_x4.png", "c.JPG": "c_JPG_x4.png", "c.png": "c_png_x4.png",
        "c.webp": "c_webp_x4.png", "d.png": "d_x4.png"}
    assert {job.shared for job in jobs} == {None, Path("out/c_x4.png")}


def test_images_of_one_name_in_two_folders(folder):
    for name in ("other/c.JPG", "other/d.JPG", "third/deep/other/d.JPG"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (3, 2)).save(name)
    jobs = find_jobs(["in/c.JPG", "other/c.JPG", "other/d.JPG", "third/deep/other/d.JPG"], Path("out"))
    assert list(names(jobs).values()) == ["out/in/c.jpg", "out/other/c.jpg", "out/d.jpg", "out/d.jpg"]


def test_names_that_the_terminal_cannot_show(folder):
    name = os.fsdecode(b"caf\xe9\x1b[2J\n.png")
    for path in (name, "b.png"):
        Image.new("RGB", (3, 2)).save(path)
    code = f"import runpy, sys; sys.argv = ['upscale', {name!r}, 'b.png', '--model=bicubic']; "
    done = subprocess.run([sys.executable, "-c", code + "runpy.run_module('srgan_tf.upscale', run_name='__main__')"],
                          capture_output=True, text=True, env={**os.environ, "PYTHONIOENCODING": "utf-8:strict",
                                                               "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("upscaled/caf\\udce9\\x1b[2J\\n_x4.png: 3x2 -> 12x8")
    assert sorted(os.listdir("upscaled")) == sorted([name.replace(".png", "_x4.png"), "b_x4.png"])


def test_a_runtime_out_of_memory_is_one_failure(folder, capsys):
    class Greedy(Upscaler):
        def __call__(self, pixels, progress=None, **options):
            if pixels.shape[0] == 2:
                raise MemoryError
            return super().__call__(pixels, progress, **options)

    Image.new("RGB", (4, 4)).save("good.png")
    jobs = [Job(Path("in/b10.png"), Path("out/b10.png")), Job(Path("good.png"), Path("out/good.png"))]
    assert upscale_files(Greedy("bicubic"), planned(jobs)) == 1
    assert "in/b10.png: not enough memory for its output" in capsys.readouterr().err
    assert [path.name for path in Path("out").iterdir()] == ["good.png"]


def test_the_next_is_read_and_the_last_written_while_one_is_upscaled(folder, capsys, monkeypatch):
    """The second image is upscaled only when the third has been read, and the first written only then."""
    third_read, second_upscaled = threading.Event(), threading.Event()

    class Waiting(Upscaler):
        def __call__(self, pixels, progress=None, **options):
            if pixels.shape[1] == 2:
                assert third_read.wait(20)
                second_upscaled.set()
            return super().__call__(pixels, progress, **options)

    def reads(path, *arguments, **options):
        image = read(path, *arguments, **options)
        if path.name == "3.png":
            third_read.set()
        return image

    def writes(path, *arguments, **more):
        assert second_upscaled.wait(20)
        return write(path, *arguments, **more)

    read, write, timings = batch.read_image, batch.write_image, Counter()
    monkeypatch.setattr(batch, "read_image", reads)
    monkeypatch.setattr(batch, "write_image", writes)
    for number in range(1, 5):
        Image.fromarray(np.full((3, number, 3), 50 * number, np.uint8)).save(f"{number}.png")
    jobs = [Job(Path(f"{number}.png"), Path(f"out/{number}.png")) for number in range(1, 5)]
    assert upscale_files(Waiting("bicubic"), planned(jobs), timings) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()[:4]] == [
        f"out/{number}.png" for number in range(1, 5)]
    for number in range(1, 5):
        found = np.asarray(Image.open(f"out/{number}.png"))
        assert found.shape == (12, 4 * number, 3)
        assert (found == 50 * number).all()
    assert set(timings) == {"read", "upscale", "write"}


def test_failures_at_every_step(folder, capsys):
    for name in ("1.png", "3.png", "4.png"):
        Image.new("RGB", (3, 2)).save(name)
    Path("2.png").write_bytes(b"no image")
    Path("out").mkdir()
    Path("out/3.png").mkdir()
    jobs = [Job(Path(f"{number}.png"), Path(f"out/{number}.png")) for number in range(1, 5)]
    assert upscale_files(Upscaler("bicubic"), planned(jobs)) == 2
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "2 upscaled, 0 kept, 2 failed"
    assert [line.split(":")[1].strip() for line in printed.err.splitlines() if line.startswith("failed")] == [
        "2.png", "out/3.png"]
    assert Path("out/4.png").is_file()


def test_what_is_not_kept_is_said(folder, capsys):
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a tree, Steps: 20")
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save("a.png", pnginfo=info, dpi=(300, 300))
    assert upscale_files(Upscaler("bicubic"), planned([Job(Path("a.png"), Path("b.webp"))])) == 0
    assert "b.webp: not kept: PNG texts (parameters)\n" in capsys.readouterr().out
    options = FileOptions(software="a model")
    assert upscale_files(Upscaler("bicubic"), planned([Job(Path("a.png"), Path("c.png"))], options)) == 0
    assert "not kept" not in capsys.readouterr().out
    with Image.open("c.png") as image:
        assert (image.text, round(image.info["dpi"][0])) == (
            {"parameters": "a tree, Steps: 20", "Software": "a model"}, 300)
    options = FileOptions(strip_metadata=True, software="a model")
    assert upscale_files(Upscaler("bicubic"), planned([Job(Path("a.png"), Path("d.png"))], options)) == 0
    with Image.open("d.png") as image:
        assert (image.text, image.info) == ({}, {})


def test_a_cut_jpeg_is_taken_by_option(folder, capsys):
    Image.fromarray(np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)).save("a.jpg")
    Path("a.jpg").write_bytes(Path("a.jpg").read_bytes()[:1200])
    jobs = [Job(Path("a.jpg"), Path("b.png"))]
    assert upscale_files(Upscaler("bicubic"), planned(jobs)) == 1
    assert "a.jpg: the file ends early, in row " in capsys.readouterr().err
    assert upscale_files(Upscaler("bicubic"), planned(jobs, FileOptions(accept_truncated=True))) == 0
    assert "a.jpg: the file ends early: from row " in capsys.readouterr().out


def test_a_page_is_taken_by_option(folder, capsys):
    pages = [Image.fromarray(np.full((3, 4), level, np.uint8)) for level in (10, 20)]
    pages[0].save("a.tif", save_all=True, append_images=pages[1:])
    jobs = [Job(Path("a.tif"), Path("b.png"))]
    assert upscale_files(Upscaler("bicubic"), planned(jobs)) == 1
    assert "a.tif: 2 pages, where one image was expected: --page=1 takes the first" in capsys.readouterr().err
    assert upscale_files(Upscaler("bicubic"), planned(jobs, FileOptions(page=2))) == 0
    assert np.asarray(Image.open("b.png"))[0, 0] == 20


def test_megapixels_are_counted_before_the_image_is_decoded(folder, capsys):
    Path("large.png").write_bytes(png(20_000, 20_000, 1, 0, b""))  # more than Pillow's own limit, and cut
    plan = make_plan(["large.png"], Asked(Path("out")), 4)
    assert list(plan.failures) == [
        "large.png: 20000x20000 would become 6400 megapixels; the limit is --max_megapixels=400"]
    assert upscale_files(Upscaler("bicubic"), planned([Job(Path("large.png"), Path("b.png"))])) == 1
    asked = Asked(Path("out"), size=SizeAsked(width=5), max_megapixels=399)
    assert list(make_plan(["large.png"], asked, 4).failures) == [
        "large.png: 20000x20000 is 400 megapixels; the limit is --max_megapixels=399"]
