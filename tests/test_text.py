"""Names and numbers that others wrote."""

import os
from pathlib import Path

import pytest

from srgan_tf.errors import UserError
from srgan_tf.evaluation.result_table import Line, markdown_table
from srgan_tf.flags import message_of
from srgan_tf.hub import find_saved_model
from srgan_tf.text import MOST, counted, expand, printable, whole_number


@pytest.mark.parametrize(("text", "shown"), [
    ("café 日本 👩\u200d🚀 a\u202fb.png", "café 日本 👩\u200d🚀 a\u202fb.png"),  # as people write them
    ("a\x1b]0;title\x07\nb\r.png", "a\\x1b]0;title\\x07\\nb\\r.png"),
    ("\x9b31m\u2028\u202egnp.exe", "\\x9b31m\\u2028\\u202egnp.exe"),
    (os.fsdecode(b"\xff.png"), "\\udcff.png"),
])
def test_what_a_terminal_would_obey_is_written_out(text, shown):
    assert printable(text) == shown


def test_errors_and_tables_are_printable():
    assert message_of(FileNotFoundError(2, "No such file", "a\x1b[2J\nb")) == "No such file: a\\x1b[2J\\nb"
    assert message_of(ValueError("bad \x1b[2J")) == "bad \\x1b[2J"
    row = markdown_table([Line("Set\n5", "a|b\x1b", 1, {})]).splitlines()[2]
    assert row.startswith(r"| Set\n5 | a\|b\x1b | 1 |")


@pytest.mark.parametrize(("number", "said"), [(0, "0 images"), (1, "1 image"), (1200, "1,200 images")])
def test_numbers_of_things(number, said):
    assert counted(number, "image") == said


@pytest.mark.parametrize(("text", "number"), [
    ("0", 0), ("007", 7), (str(MOST), MOST), (str(MOST + 1), None), ("9" * 5000, None), ("0" * 5000 + "1", 1),
    ("٣", None), ("²", None), ("３", None), ("", None), ("-1", None), ("1_0", None), (" 1", None)])
def test_whole_numbers(text, number):
    assert whole_number(text) == number


def test_folders_that_are_no_versions(tmp_path):
    for name in ("2", "1", "9" * 30, "1٣"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    assert find_saved_model(tmp_path) == tmp_path / "2"


@pytest.mark.parametrize(("path", "said"), [("~nobody_of_this_name/x", "full path"), ("a\0b", "null character")])
def test_paths_that_no_file_can_have(path, said):
    with pytest.raises(UserError, match=said):
        expand(path)


def test_a_name_that_begins_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~nobody_of_this_name").mkdir()
    assert expand("~nobody_of_this_name") == Path("~nobody_of_this_name")
