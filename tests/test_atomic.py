"""Temporary files that killed processes left, and folders that one process has at a time."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from srgan_tf.atomic import LOCK_FILE, check_name, check_writable, locked, replacing, sweep

HOLDER = ("import sys, time; from pathlib import Path; from srgan_tf.atomic import locked, replacing\n"
          "with locked(Path(sys.argv[1]), '--run_dir'), replacing(Path(sys.argv[1], 'a.keras')) as temporary:\n"
          "    temporary.write_text('half'); print(temporary, flush=True); time.sleep(60)")


@pytest.fixture
def holder(tmp_path):
    """A process that has locked the folder and is writing a file there, and that file's place."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path], stdout=subprocess.PIPE, text=True,
                               env=environment)
    try:
        yield process, tmp_path / process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def test_a_lock_and_a_file_being_written_last_as_long_as_their_process(holder, tmp_path):
    process, half_written = holder
    message = re.escape(f"--run_dir={tmp_path} is being written to by process {process.pid}")
    with pytest.raises(ValueError, match=message), locked(tmp_path, "--run_dir"):
        pass
    sweep(tmp_path)
    assert half_written.read_text() == "half"
    process.kill()
    process.wait()
    with locked(tmp_path, "--run_dir"):
        sweep(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [LOCK_FILE]
    assert not list(tmp_path.iterdir())


def test_only_what_is_ours_and_dead_is_swept(tmp_path):
    with replacing(tmp_path / "mine.png") as temporary:
        temporary.write_text("being written")
        names = {".0123456789abcdef.tmp.png": 100_000, ".1123456789abcdef.tmp": 10, ".user.tmp.png": 100_000,
                 "0123456789abcdef.tmp.png": 100_000, temporary.name.replace(f"-{os.getpid()}-", "-999999999-"): 10}
        other = temporary.name.split("-")
        other[2] = "00000000"  # an earlier process of this number
        names["-".join(other)] = 10
        for name, age in names.items():
            (tmp_path / name).touch()
            now = (tmp_path / name).stat().st_mtime
            os.utime(tmp_path / name, (now - age, now - age))
        sweep(tmp_path)
        left = {path.name for path in tmp_path.iterdir()}
        assert left == {".1123456789abcdef.tmp", ".user.tmp.png", "0123456789abcdef.tmp.png", temporary.name}
    assert (tmp_path / "mine.png").read_text() == "being written"
    sweep(tmp_path / "nowhere")


def test_places_that_cannot_be_written_to(tmp_path):
    """Nothing is left of the trial, and no folder is made for it."""
    (tmp_path / "file").touch()
    check_writable(tmp_path / "not" / "there")
    check_name(tmp_path / "not" / "there.png")
    with pytest.raises(NotADirectoryError) as caught:
        check_writable(tmp_path / "file" / "below")
    assert caught.value.filename == str(tmp_path / "file" / "below")
    for name in (tmp_path / ("x" * 256), tmp_path / "not" / "there" / ("ä" * 128)):
        with pytest.raises(OSError, match="File name too long") as caught:
            check_name(name)
        assert caught.value.filename == str(name)
    check_name(tmp_path / ("ä" * 127))
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc takes no files, not even root's")
def test_a_folder_that_takes_no_files():
    with pytest.raises(FileNotFoundError, match="/proc"):
        check_writable(Path("/proc"))
