"""`compare` as people use it: one page that holds all, every kind of model, and what fails on its own."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from evaluation.reader import Reader
from imaging.samples import SRGB
from inference.lifelike import lifelike
from PIL import Image

from srgan_tf.hub import load_generator
from srgan_tf.inference import Upscaler
from srgan_tf.models import interpolate, save_model

SMALL = "mobile_x4_int8"


@pytest.fixture
def image(tmp_path, photo):
    """Saves 300x256 pixels, of which a square at the centre is compared, or what is given; returns its path."""
    def save(name: str = "a photo.png", pixels=None, **options) -> Path:
        Image.fromarray(np.pad(photo, ((0, 0), (0, 44), (0, 0)), "reflect") if pixels is None else pixels).save(
            tmp_path / name, **options)
        return tmp_path / name

    return save


def page_of(path: Path) -> tuple[Reader, dict]:
    """The page, and what its script reads."""
    reader = Reader(path.read_text(encoding="utf-8"))
    (text,) = [text for tag, text in reader.texts if tag == "script" and text.startswith('{"views"')]
    return reader, json.loads(text)


def pixels_of(view: dict) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(view["image"].partition(",")[2]))))


def view_of(document: dict, name: str) -> dict:
    (view,) = [view for view in document["views"] if view["name"] == name]
    return view


def table_of(reader: Reader) -> list[str]:
    """The texts of the table, titles first; names are on buttons."""
    return [text for tag, text in reader.texts if tag in ("th", "td")]


def test_one_page_and_a_sheet(command, image, tmp_path, photo):
    save_model(lifelike("espcn", scale=2, features=4), tmp_path / "mine.keras")
    image("a photo.png")
    done = command("compare", "a photo.png", f"--models={SMALL},mine.keras,bicubic,mobile_x4_float16", "-o", "deep/out")
    assert done.status == 0, done
    assert sorted(path.name for path in (tmp_path / "deep/out").iterdir()) == ["a photo.html", "a photo_sheet.png"]
    assert f"{SMALL}: 192x192 -> 768x768 in " in done.out
    assert "written to deep/out/a photo.html (open it in a browser) and deep/out/a photo_sheet.png" in done.out
    note = "mine has scale 2; its result is resized by 2 (bicubic) to be compared"
    assert done.err.count(note) == 1
    reader, document = page_of(tmp_path / "deep/out/a photo.html")
    assert [view["name"] for view in document["views"]] == ["input", "bicubic", SMALL, "mine", "mobile_x4_float16"]
    crop = np.asarray(Image.open(tmp_path / "a photo.png"))[32:224, 54:246]
    np.testing.assert_array_equal(pixels_of(document["views"][0]), crop)
    np.testing.assert_array_equal(pixels_of(view_of(document, SMALL)), Upscaler(SMALL)(crop))
    assert {pixels_of(view).shape for view in document["views"][1:]} == {(768, 768, 3)}
    assert view_of(document, "mine")["command"] == "python -m srgan_tf.upscale 'a photo.png' --model=mine.keras"
    assert (document["width"], document["height"], document["left"], document["right"]) == (768, 768, 1, 2)
    cells = table_of(reader)
    assert cells[:5] == ["result", "parameters", "seconds", "whole image", "licence"]
    assert {"57,960", "Apache-2.0", "not known", "not needed"} <= set(cells)
    assert (("p", f"{note}.")) in reader.texts
    assert any("192x192 pixels at +54+32 of 300x256, upscaled to 768x768" in text for _, text in reader.texts)
    (mark,) = [attributes["style"] for tag, attributes in reader.elements if tag == "i"]
    assert mark == "left:18.00%;top:12.50%;width:64.00%;height:75.00%"
    sheet = np.asarray(Image.open(tmp_path / "deep/out/a photo_sheet.png"))
    assert sheet.shape[1] > 3 * 320
    assert sheet.std() > 30


def test_the_page_asks_for_nothing(command, image, tmp_path):
    image("<b>.png")
    assert command("compare", "<b>.png", f"--models={SMALL}", "--crop=8x8", "-o", "page.html").status == 0
    reader, _ = page_of(tmp_path / "page.html")
    for _, attributes in reader.elements:
        for name in ("src", "href", "action", "data", "srcset"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert not any(word in text for _, text in reader.texts for word in ("url(", "@import", "fetch(", "import("))
    (data,) = [text for tag, text in reader.texts if tag == "script" and text.startswith('{"views"')]
    assert "<" not in data
    (policy,) = [found["content"] for found in reader.all("meta") if "http-equiv" in found]
    assert policy.startswith("default-src 'none'")
    assert ("h1", "<b>.png, upscaled by 4") in reader.texts
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_between_the_two_models_that_ship(command, image, tmp_path, photo):
    """What is shown is the network interpolation by which upscale, too, makes its --sharpness."""
    image("a.png", photo[:12, :10])
    assert command("compare", "a.png", "--models=perceptual_x4,fidelity_x4", "--sharpness=0.25").status == 0
    reader, document = page_of(tmp_path / "compared/a.html")
    names = [view["name"] for view in document["views"]]
    assert names == ["input", "bicubic", "perceptual_x4", "fidelity_x4", "sharpness 0.25"]
    assert document["path"] == [{"sharpness": "0", "view": 3}, {"sharpness": "0.25", "view": 4},
                                {"sharpness": "1", "view": 2}]
    (control,) = reader.all("input", id="strength")
    assert (control["min"], control["max"]) == ("0", "2")
    assert "whole image" not in table_of(reader)
    assert view_of(document, "sharpness 0.25")["command"].endswith(" a.png --sharpness=0.25")
    between = interpolate(load_generator("fidelity_x4"), load_generator("perceptual_x4"), 0.25)
    for view, model in ((4, between), (2, "perceptual_x4")):  # with colours matched, as upscale does
        expected = Upscaler(model, match_color=True)(photo[:12, :10])
        np.testing.assert_array_equal(pixels_of(document["views"][view]), expected)


def test_a_model_that_fails_does_not_stop_the_others(command, image, tmp_path):
    image("a.png")
    (tmp_path / "bad.keras").write_bytes(b"PK\3\4 nothing")
    done = command("compare", "a.png", f"--models=bad.keras,realesrgan-x4plus,{SMALL}", "--crop=8x8", "--offline")
    assert done.status == 2
    lines = done.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("failed: realesrgan-x4plus is not on this machine")
    assert lines[1].startswith("failed: bad.keras")
    reader, document = page_of(tmp_path / "compared/a.html")
    assert [view["name"] for view in document["views"]] == ["input", "bicubic", SMALL]
    failed = [text for tag, text in reader.texts if tag == "p" and text.startswith("Failed: ")]
    assert [text.split(":")[1].strip() for text in failed] == ["realesrgan-x4plus", "bad"]
    assert reader.all("input", id="strength") == []


def test_all_stands_for_what_is_on_this_machine(command, image, tmp_path, monkeypatch):
    from srgan_tf.evaluation import comparison

    monkeypatch.setattr(comparison, "present_models", lambda: [SMALL])
    image("a.png")
    done = command("compare", "a.png", "--crop=8x8")
    assert done.status == 0
    assert [view["name"] for view in page_of(tmp_path / "compared/a.html")[1]["views"]] == ["input", "bicubic", SMALL]
    assert "published models are not on this machine and are left out" in done.err
    assert "left out" not in command("compare", "a.png", "--crop=8x8", f"--models={SMALL}").err


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "I;16"])
def test_grey_transparent_and_deep_images(command, image, tmp_path, photo, mode):
    save_model(lifelike("espcn", scale=2, features=4), tmp_path / "mine.keras")
    colour = Image.fromarray(photo[:20, :30])
    if mode == "I;16":
        image("a.png", photo[:20, :30, 0].astype(np.uint16) * 257)
    else:
        made = colour.convert(mode)
        if "A" in mode:
            made.putalpha(Image.fromarray(photo[30:50, :30, 1]))
        made.save(tmp_path / "a.png")
    assert command("compare", "a.png", f"--models={SMALL},mine.keras").status == 0
    document = page_of(tmp_path / "compared/a.html")[1]
    channels = 4 if "A" in mode else 3
    assert [pixels_of(view).shape for view in document["views"]] == [(20, 30, channels), *[(80, 120, channels)] * 3]


def test_a_page_with_a_profile(command, refused, tmp_path, photo):
    """Colours are shown by the profile of the image, and the commands take the same page."""
    pages = [Image.fromarray(part) for part in (photo[:20, :30], photo[50:70, :30])]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:], icc_profile=SRGB)
    assert "--page=1 takes the first" in refused("compare", "a.tif", f"--models={SMALL}")
    assert command("compare", "a.tif", f"--models={SMALL}", "--page=2").status == 0
    document = page_of(tmp_path / "compared/a.html")[1]
    np.testing.assert_array_equal(pixels_of(document["views"][0]), photo[50:70, :30])
    assert view_of(document, SMALL)["command"].endswith(f"a.tif --model={SMALL} --page=2")
    shown = [io.BytesIO(base64.b64decode(view["image"].partition(",")[2])) for view in document["views"]]
    assert {Image.open(file).info["icc_profile"] for file in (*shown, tmp_path / "compared/a_sheet.png")} == {SRGB}


@pytest.mark.parametrize(("arguments", "said"), [
    ([], "name one image to compare models on; got none"),
    (["a.png", "b.png"], "name one image to compare models on; got 2"),
    (["none.png"], "No such file or directory: none.png"),
    (["."], ". is a folder: name one image to compare models on"),
    (["a.png", "--crop=20"], "--crop must be WIDTHxHEIGHT+X+Y or WIDTHxHEIGHT in pixels"),
    (["a.png", "--crop=20x0"], "got '20x0'"),
    (["a.png", "--crop=20x20+290+0"], "--crop=20x20+290+0 reaches beyond the image, which has 300x256 pixels"),
    (["a.png", "--crop=20x20+0+250"], "reaches beyond the image"),
    (["a.png", "--crop=301x20"], "--crop=301x20 reaches beyond the image, which has 300x256 pixels"),
    (["a.png", "--crop=full", "--max_megapixels=0.07"], "a crop of 300x256 has 0.1 megapixels"),
    (["a.png", "--models="], "--models is empty"),
    (["a.png", "--models=edsr_x5"], "did you mean edsr_x4?"),
    (["a.png", "--sharpness=0,0.5"], "--sharpness must lie between 0 (fidelity_x4) and 1 (perceptual_x4)"),
    (["a.png", "--sharpness=nan"], "--sharpness must lie between"),
    (["a.png", "-o", "page.png"], "--output must be a folder, or a file that ends in .html; got page.png"),
    (["a.png", "-o", "a.png"], "--output must be a folder, or a file that ends in .html; got a.png"),
    (["a.png", "-o", "/proc/sys"], "/proc/sys"),
    (["a.png", "-o", "a.png/deep"], "a.png/deep"),
    (["b_sheet.png", "-o", "folder"], "Is a directory: folder/b_sheet.html"),
    (["b_sheet.png", "-o", "b.html"], "would be overwritten by the sheet"),
])
def test_mistakes(refused, image, tmp_path, arguments, said):
    for name in ("a.png", "b_sheet.png"):
        image(name)
    (tmp_path / "folder/b_sheet.html").mkdir(parents=True)
    assert said in refused("compare", *arguments)
    assert not [path for path in tmp_path.rglob("*.html") if path.is_file()]
    assert not (tmp_path / "compared").exists()


def test_no_model_could_be_run(command, image, tmp_path):
    image("a.png")
    (tmp_path / "bad.keras").write_bytes(b"nothing")
    done = command("compare", "a.png", "--models=bad.keras")
    assert done.status == 2
    assert done.err.splitlines()[-1].endswith("none of the models could be run")
    assert not list(tmp_path.rglob("*.html"))


def test_a_second_time_replaces_the_first(command, image, tmp_path):
    image("a.png")
    for output in ("compared", "page.html"):
        for model in ("bicubic", SMALL):
            done = command("compare", "a.png", f"--models={model}", "--crop=8x8", "-o", output)
            assert done.status == 0, done.err
    assert SMALL in (tmp_path / "page.html").read_text()
