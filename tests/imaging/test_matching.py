"""Names of one folder found in another, as data sets and programs write them."""

from pathlib import Path

import pytest

from srgan_tf.imaging.matching import base_name, match_names


@pytest.mark.parametrize(("name", "expected"), [
    ("0001x4.png", "0001"), ("0001x4m.png", "0001"), ("0001x4w.png", "0001"), ("0001x4d.png", "0001"),
    ("baby_SR.png", "baby"), ("baby-sr.png", "baby"), ("baby_x2_SR.png", "baby"), ("a-out.webp", "a"),
    ("img_001_SRF_4_LR.png", "img_001"), ("img_001_SRF_4_HR.png", "img_001"), ("comic_bicubic.tif", "comic"),
    ("img_001.png", "img_001"), ("0001.png", "0001"), ("x4.png", "x4"), ("_SR.png", "_SR"), ("0001x5.png", "0001x5"),
    ("super.png", "super"), ("flower.png", "flower")])
def test_base_names(name, expected):
    assert base_name(Path("folder") / name) == expected


def paths(folder: str, *names: str) -> list[Path]:
    return [Path(folder, name) for name in names]


@pytest.mark.parametrize(("references", "others", "expected"), [
    (("a.png", "b.png"), ("b.jpg", "a.png"), ("a.png", "b.jpg")),
    (("0001.png", "0002.png"), ("0002x4.png", "0001x4.png"), ("0001x4.png", "0002x4.png")),
    (("baby_HR.png",), ("baby_SR.png", "bird_SR.png"), ("baby_SR.png",)),
    (("img_001_SRF_4_HR.png",), ("img_001_SRF_4_LR.png",), ("img_001_SRF_4_LR.png",)),
    (("a.png",), ("a_SR.png", "a.png"), ("a.png",)),  # the name itself goes before the base name
])
def test_matches(references, others, expected):
    assert match_names(paths("HR", *references), paths("SR", *others)) == paths("SR", *expected)


def test_no_picture_of_that_name():
    with pytest.raises(ValueError, match=r"b.png: no picture of that name in SR"):
        match_names(paths("HR", "a.png", "b.png"), paths("SR", "a.png", "c.png"))
    with pytest.raises(ValueError, match=r"a.png: no picture of that name in an empty folder"):
        match_names(paths("HR", "a.png"), [])


@pytest.mark.parametrize("others", [("a.png", "a.jpg"), ("ax4.png", "a_SR.png")])
def test_more_than_one_picture_of_that_name(others):
    with pytest.raises(ValueError, match=r"a.png: 2 pictures \(.*, .*\) of that name in SR"):
        match_names(paths("HR", "a.png"), paths("SR", *others))
