"""What is known before a model is loaded: each case fails alone, and the others are done."""

import errno
import os
from pathlib import Path

import pytest
from imaging.samples import exif_of
from PIL import Image

from srgan_tf.errors import UserError
from srgan_tf.imaging import Encoding
from srgan_tf.inference import preflight
from srgan_tf.inference.asked import SUFFIX, Asked
from srgan_tf.inference.preflight import make_plan
from srgan_tf.inference.result_size import SizeAsked


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Saves images of a size and mode in the current folder's `in`; good.png is always there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()

    def save(name: str, width: int = 6, height: int = 4, mode: str = "RGB", **options) -> Path:
        Image.new(mode, (width, height)).save(tmp_path / "in" / name, **options)
        return Path("in", name)

    save("good.png")
    return save


def plan(*inputs: str, scale: int = 4, **asked):
    return make_plan(inputs or ("in",), Asked(Path("out"), SUFFIX)._replace(**asked), scale)


def done(plan) -> set[str]:
    return {job.target.name for job in plan.jobs}


def only_failure(plan) -> str:
    (reason, count), = plan.failures.items()
    assert count == 1
    assert "good_x4" in "".join(done(plan))
    return reason


def test_sides_that_a_format_does_not_hold(here):
    here("wide.png", 4096, 1)
    assert "out/wide_x4.webp: 16384 x 4 pixels; WEBP holds at most 16383" in only_failure(plan(format="webp"))
    assert not plan(format="png").failures
    here("wide.png", 16376, 1)
    assert "65504 x 4 pixels; JPEG holds at most 65500" in only_failure(plan(format="jpg"))


def test_transparency_that_a_format_does_not_hold(here):
    here("opaque.png", mode="LA")
    Image.new("RGBA", (6, 4), (9, 9, 9, 255)).save("in/opaque.png")
    Image.new("RGBA", (6, 4), (9, 9, 9, 254)).save("in/seen.png")
    found = plan(format="jpg")
    assert "out/seen_x4.jpg: JPEG has no transparency" in only_failure(found)
    assert done(found) == {"good_x4.jpg", "opaque_x4.jpg"}


def test_names_that_are_too_long(here):
    here(f"{'x' * 250}.png")
    assert only_failure(plan()).endswith("_x4.png: File name too long")
    Path("out").mkdir()
    assert only_failure(plan()).endswith("_x4.png: File name too long")


def test_images_that_cannot_be_read(here):
    Path("in/text.png").write_text("text")
    assert "in/text.png: not an image" in only_failure(plan())


def test_results_too_large(here):
    here("large.png", 60, 40)
    assert "in/large.png: 60x40 would become 0.038 megapixels" in only_failure(plan(max_megapixels=0.03))
    assert not plan(max_megapixels=0.0384).failures
    tall = plan("in/large.png", size=SizeAsked(width=9, height=2000), max_megapixels=0.0384)
    assert "is 0 megapixels" in next(iter(tall.failures)) or "would become 0.61 megapixels" in next(iter(tall.failures))


def test_a_folder_that_cannot_be_written_to_is_one_line(here, monkeypatch):
    """As on a read-only disk: the other folder's results are made."""
    def check(folder):
        if "full" in folder.parts:
            raise OSError(errno.EROFS, "said by the system", str(folder))

    for name in ("full/a.png", "full/b.png"):
        (Path("in") / name).parent.mkdir(exist_ok=True)
        here(name)
    monkeypatch.setattr(preflight, "check_writable", check)
    found = plan(recursive=True)
    assert found.failures == {f"out/full: {os.strerror(errno.EROFS)}": 2}
    assert done(found) == {"good_x4.png"}


def test_what_exists_is_kept_and_not_opened(here):
    Path("out").mkdir()
    Path("out/text_x4.png").touch()
    Path("in/text.png").write_text("text")
    found = plan()
    assert found.kept == (Path("out/text_x4.png"),)
    assert done(found) == {"good_x4.png"}
    assert plan(overwrite=True).failures
    Path("out/good_x4.png").mkdir()
    assert plan().failures == {"out/good_x4.png: Is a directory": 1}


def test_images_that_would_be_overwritten(here):
    here("good_x4.png")
    found = plan(output=Path("in"))
    assert done(found) == {"good_x4_x4.png"}
    assert list(found.failures) == ["in/good_x4.png, which is also an input, would be overwritten by the output of "
                                    "in/good.png: choose another --output or --suffix"]
    assert all("own output" in reason for reason in plan(output=Path("in"), suffix="", overwrite=True).failures)


def test_two_results_that_nothing_tells_apart(here):
    for folder in ("a/in", "b/in"):
        Path(folder).mkdir(parents=True)
        Image.new("RGB", (3, 2)).save(f"{folder}/same.png")
    found = plan("in", "a/in", "b/in")
    assert done(found) == {"good_x4.png"}
    assert len(found.failures) == 2
    assert "a/in/same.png and 1 more would be written to out/same_x4.png" in next(iter(found.failures))


def test_two_results_that_their_endings_tell_apart(here):
    here("good.webp")
    found = plan()
    assert done(found) == {"good_png_x4.png", "good_webp_x4.png"}
    assert found.notes == ("in/good.png and in/good.webp would have one result: they are written to "
                           "out/good_png_x4.png and out/good_webp_x4.png",)


@pytest.mark.parametrize(("size", "name", "note"), [
    (SizeAsked(), "good_x4.png", ""),
    (SizeAsked(scale=4), "good_x4.png", ""),
    (SizeAsked(scale=1.5), "good_x1.5.png",
     "--scale=1.5: the model upscales by 4; MATLAB's bicubic reduction does the rest"),
    (SizeAsked(scale=16), "good_x16.png", "--scale=16: the model upscales by 4 twice"),
    (SizeAsked(scale=8), "good_x8.png",
     "--scale=8: the model upscales by 4 twice; MATLAB's bicubic reduction does the rest"),
    (SizeAsked(width=7), "good_7x5.png",
     "--width=7: the model upscales by 4; MATLAB's bicubic reduction does the rest"),
    (SizeAsked(height=2), "good_3x2.png", "--height=2: larger images are reduced without the model"),
    (SizeAsked(width=5, height=9), "good_5x9.png", "--width=5 --height=9: the model upscales by 4; MATLAB's bicubic "
     "reduction does the rest; proportions are not kept"),
    (SizeAsked(max_side=24), "good_24x16.png", ""),
    (SizeAsked(scale=3, max_side=12), "good_12x8.png",
     "--scale=3 --max_side=12: the model upscales by 4; MATLAB's bicubic reduction does the rest"),
])
def test_sizes_and_how_they_come_about(here, size, name, note):
    found = plan(size=size)
    assert done(found) == {name}
    assert found.notes == ((note,) if note else ())
    assert done(plan(size=size, scale=0)) == ({"good_{width}x{height}.png"} if size == SizeAsked(max_side=24) else
                                              {name.replace("x4", "x{scale}") if size == SizeAsked() else name})


def test_sizes_of_images_that_lie_on_their_side(here):
    here("turned.jpg", 6, 4, exif=exif_of(6))
    assert done(plan("in/turned.jpg", size=SizeAsked(width=8))) == {"turned_8x12.jpg"}
    assert done(plan("in/turned.jpg", suffix="_{height}_{scale}", size=SizeAsked(width=10))) == {"turned_15_2.5.jpg"}


def test_a_model_that_keeps_the_size(here):
    assert "does not make images larger" in next(iter(plan(size=SizeAsked(scale=2), scale=1).failures))
    assert not plan(scale=1).failures


def test_flags_that_concern_some_files_or_none(here):
    here("photo.jpg")
    assert plan(encoding=Encoding(quality=80)).notes == (
        "--quality=80 does not concern 1 of 2 files: PNG is always lossless; JPEG and WebP have a quality",)
    assert done(plan(encoding=Encoding(lossless=True))) == {"good_x4.png", "photo_x4.png"}
    for format, encoding, words in (("png", Encoding(quality=80), "--quality=80: PNG is always lossless"),
                                    ("jpg", Encoding(lossless=True), "--lossless: JPEG is never lossless"),
                                    ("webp", Encoding(bit_depth=16), "--bit_depth=16: WEBP holds 8 bits")):
        with pytest.raises(UserError, match=words):
            plan(format=format, encoding=encoding)


def test_many_twins_are_a_few_lines(here):
    for number in range(8):
        here(f"{number}.png")
        here(f"{number}.bmp")
    assert len(plan().notes) == 6
