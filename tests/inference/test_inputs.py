"""Paths, links, patterns and folders as people and their programs make them."""

import os
from pathlib import Path

import pytest
from PIL import Image

from srgan_tf.inference.inputs import find_inputs, passed_over


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Makes images of the names that are given, in the current folder."""
    monkeypatch.chdir(tmp_path)

    def make(*names: str) -> None:
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (3, 2)).save(name)

    return make


def found(*inputs: str, recursive: bool = False) -> list[str]:
    return [str(found.path) for found in find_inputs(inputs, recursive, Path("out"))]


def test_two_links_to_one_file_are_two_images(here):
    here("one.png", "in/plain.png")
    for name in ("in/a.png", "in/b.png"):
        os.symlink("../one.png", name)
    os.symlink("in", "again")
    assert found("in", "again", "in/a.png") == ["in/a.png", "in/b.png", "in/plain.png"]


LITERAL = {"[2024] trip/a.png", "[2024] trip/b.png"}
CHOICE = {"2trip/a.png", "2trip/b.png"}


@pytest.mark.parametrize(("pattern", "expected"), [
    ("[2024] trip/*.png", LITERAL), ("[2024] trip/[ab].png", LITERAL), ("[2024] trip/[ab]*", LITERAL),
    ("./[2024] t*/*.png", LITERAL), ("[2024]*/*.png", CHOICE), ("[0-9]trip/*.png", CHOICE),
    ("**/[ab].png", LITERAL | CHOICE)])
def test_brackets_of_names_and_of_patterns(here, pattern, expected):
    here(*LITERAL, *CHOICE, "[2024] trip/c.jpg")
    assert set(found(pattern)) == expected


def test_an_image_whose_name_looks_like_a_choice_of_characters(here):
    here("x/photo [1].png", "x/photo [1] b.png")
    assert found("x/photo [1]*.png") == ["x/photo [1] b.png", "x/photo [1].png"]
    here("x/photo 1.png")
    assert found("x/photo [1]*.png") == ["x/photo 1.png"]


@pytest.mark.parametrize("folder", [".thumbnails", ".@__thumb", "@eaDir", "#recycle", "$RECYCLE.BIN", "__MACOSX"])
def test_folders_of_programs_are_left_alone_unless_named(here, folder):
    here("in/p.png", f"in/sub/{folder}/deep/t.png", f"in/{folder}/t.png")
    assert found("in", recursive=True) == ["in/p.png"]
    assert found("in/**/*.png") == ["in/p.png"]
    assert found(f"in/{folder}") == found(f"in/{folder}/*.png") == [f"in/{folder}/t.png"]


def test_a_pattern_from_the_home_folder(here, tmp_path, monkeypatch):
    here("[home]/a.png")
    monkeypatch.setenv("HOME", str(tmp_path / "[home]"))
    assert found("~/*.png") == [str(tmp_path / "[home]/a.png")]


def test_images_of_a_folder_that_are_not_taken_are_named(here):
    here("in/a.png", "in/sub/b.png")
    Path("in/a.png").rename("in/scan.dat")
    for name, content in (("c.psd", b"8BPS\0\1"), ("d.tga", b"\0\0\2"), ("notes.txt", b"hello"), (".e.psd", b"8BPS"),
                          ("sub/f.svg", b"<svg"), ("sub/g.exr", b"v/1\1")):
        Path("in", name).write_bytes(content)
    top = "in: passed over: c.psd (Photoshop), d.tga, scan.dat (PNG: give it by its name)"
    below = "in: images in sub-folders are left out (sub); --recursive takes them too"
    assert passed_over(["in", "in", "in/c.psd"], False, Path("out")) == [top, below]
    assert passed_over(["in"], True, Path("out")) == [f"{top}, f.svg (SVG), g.exr (OpenEXR)"]
    assert passed_over(["in/sub"], False, Path("in/sub")) == [
        "in/sub: passed over: f.svg (SVG), g.exr (OpenEXR)"]
    assert passed_over(["in"], True, Path("in/sub")) == [top]
