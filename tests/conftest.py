"""Shared fixtures: photographs, small trained-looking models, and commands run as users run them."""

import gc
import os
import runpy
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


# The files that take longest begin first, so that the processes of `tools/test` end together.
LONGEST = ("training/test_distribution.py", "training/test_steps.py", "training/test_recipes.py",
           "runtimes/test_openvino.py", "models/test_generators.py", "exporting/test_exporting.py",
           "training/test_train.py", "inference/test_tiling.py")


def pytest_configure(config):
    """Files begin in the order below, and not in that of their number of tests (pytest-xdist 3.8 and later)."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    """Puts the longest files first, their tests in order."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_collection_finish():
    """What was imported stays: the garbage collector, which TensorFlow's converter calls too, need not look there."""
    gc.collect()
    gc.freeze()


class Done(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """A real photograph, uint8 [256,256,3]."""
    import skimage.data

    return np.ascontiguousarray(skimage.data.astronaut()[:256, 128:384])


@pytest.fixture
def command(tmp_path, monkeypatch, capfd):
    """Runs `python -m srgan_tf.NAME ...` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user_cache"))

    def run(name: str, *arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            runpy.run_module(f"srgan_tf.{name}", run_name="__main__", alter_sys=True)
        captured = capfd.readouterr()
        return Done(stop.value.code or 0, captured.out, captured.err)

    return run


@pytest.fixture
def refused(command):
    """Runs a command that must answer with one line on standard error and status 2; returns the line."""

    def run(name: str, *arguments: object) -> str:
        done = command(name, *arguments)
        assert done.status == 2, done
        lines = [line for line in done.err.splitlines() if line.strip()]
        assert len(lines) == 1, done.err
        return lines[0]

    return run


@pytest.fixture(scope="session")
def model_file(tmp_path_factory) -> Path:
    """A small EDSR x4 whose weights are random but whose output is an image."""
    import keras

    from srgan_tf.models import GENERATORS, save_model

    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("model") / "small.keras"
    save_model(GENERATORS["edsr"](scale=4, features=8, blocks=2), path)
    return path


@pytest.fixture
def bucket(tmp_path, monkeypatch) -> Path:
    """The folder of what lies in s3://b/, for Beam."""
    pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install '.[beam]'")
    from apache_beam.io.filesystem import FileMetadata
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.io.localfilesystem import LocalFileSystem

    folder = tmp_path / "bucket"

    def place(url: str) -> Path:
        return folder / url.removeprefix("s3://b/")

    class Bucket(LocalFileSystem):
        """A store of files without folders, for Beam."""

        def has_dirs(self):
            return False

        def _list(self, prefix):
            return [self.metadata(f"s3://b/{path.relative_to(folder)}") for path in folder.rglob("*") if path.is_file()]

        def metadata(self, url):
            return FileMetadata(url, place(url).stat().st_size)

        def exists(self, url):
            return place(url).is_file()

        def open(self, url, *_, **__):
            return place(url).open("rb")

        def create(self, url, *_, **__):
            place(url).parent.mkdir(parents=True, exist_ok=True)
            return place(url).open("wb")

        def rename(self, urls, new):
            os.replace(place(urls[0]), place(new[0]))

        def delete(self, urls):
            place(urls[0]).unlink()

    monkeypatch.setattr(FileSystems, "get_filesystem", staticmethod(lambda _: Bucket(None)))
    return folder
