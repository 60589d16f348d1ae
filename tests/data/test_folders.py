"""Folders of --dataset=folder:HR[,LR] whose names have commas."""

import pytest

from srgan_tf.data.folders import split_folders


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("HR", "LR", "Paris, 2024", "Paris, 2024 LR", "a", "b,c", "a,b", "c", "[x] y"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()


@pytest.mark.parametrize(("where", "expected"), [
    ("HR", ("HR", None)), ("HR,LR", ("HR", "LR")), ("HR, LR", ("HR", "LR")), ("Paris, 2024", ("Paris, 2024", None)),
    ("Paris, 2024,Paris, 2024 LR", ("Paris, 2024", "Paris, 2024 LR")), ("HR,b,c", ("HR", "b,c")),
    ("[x] y,LR", ("[x] y", "LR"))])
def test_divisions(where, expected):
    hr, lr = split_folders(where)
    assert (str(hr), lr and str(lr)) == expected


@pytest.mark.parametrize(("where", "message"), [
    ("", "needs the path of a folder"), ("a,b,c", "divided in 2 ways: a and b,c; a,b and c"),
    ("HR,none", "no folder 'none', and none of the whole name 'HR,none'"), ("no,LR", "no folder 'no', and none"),
    ("nowhere", "folder:nowhere: no such folder"), ("file", "folder:file: this is a file, not a folder")])
def test_mistakes(where, message):
    with pytest.raises(ValueError, match=message):
        split_folders(where)
