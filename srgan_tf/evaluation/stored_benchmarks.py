"""Benchmarks and caches in an object store or HDFS, for `evaluate --beam`: copies of an image's files, and entries."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from srgan_tf.config import EvaluateConfig
from srgan_tf.errors import MENDABLE, UserError
from srgan_tf.evaluation.benchmarks import Case
from srgan_tf.evaluation.cache import Cache
from srgan_tf.imaging import IMAGE_SUFFIXES
from srgan_tf.imaging.image_files import natural_order
from srgan_tf.imaging.name_matching import match_names
from srgan_tf.workers import Store, in_store


class StoredCase(NamedTuple):
    """An image of a benchmark in a store, as `Case`."""

    name: str
    hr_url: str
    other_url: str | None
    scale: int


class StoredCache(Cache):
    """A folder of entries in a store."""

    def __init__(self, url: str, options: str):
        """Uses the folder; `options` of the pipeline hold those of the store."""
        super().__init__(None)
        self._url, self._store, self.keeps = url.rstrip("/"), Store(options), True

    def _read(self, key: str) -> bytes:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name, key)
            self._store.fetch(self._place(key), path)
            return path.read_bytes()

    def _write(self, key: str, entry: bytes) -> None:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name, key)
            path.write_bytes(entry)
            self._store.put(path, self._place(key))

    def _place(self, key: str) -> str:
        return f"{self._url}/{key[:2]}/{key}"


def check_stores(config: EvaluateConfig) -> None:
    """Raises a UserError where some benchmarks or the cache lie in stores, and the others or the flags do not fit."""
    flags = {f"--benchmark={folder}": folder for folder in config.benchmark} | {f"--cache={config.cache}": config.cache}
    here, there = (next((flag for flag, path in flags.items() if in_store(path) == stored), "")
                   for stored in (False, True))
    if there and not config.beam:
        raise UserError(f"{there} is read and written with --beam alone (docs/scale.md)")
    if there and here:
        raise UserError(f"--benchmark and --cache must all lie in stores, or none; got {there} and {here}")


def load_stored_benchmark(options: str, url: str, scale: int) -> list[StoredCase]:
    """The images of a benchmark in a store.

    Raises:
        UserError: there is no image in its folder HR, or an image of LR_bicubic/X<scale> is missing.
        OSError: from the store.
    """
    store, root = Store(options), url.rstrip("/")
    hr, *others = (_images(store, f"{root}/{folder}") for folder in (
        "HR", f"LR_bicubic/X{scale}", f"LR_bicubic/x{scale}"))
    if not hr:
        raise UserError(f"--benchmark={url}: no image in {root}/HR; a benchmark is URL/HR/* and optionally "
                        f"URL/LR_bicubic/X{scale}/*")
    if all(others):
        raise UserError(f"{root}/LR_bicubic/X{scale} and x{scale} differ only in upper and lower case: rename one of "
                        "them")
    lr = others[0] or others[1]
    matched = match_names(list(hr), list(lr)) if lr else [None] * len(hr)
    return [StoredCase(path.name, hr[path], lr.get(other), scale) for path, other in zip(hr, matched, strict=True)]


def _images(store: Store, folder: str) -> dict[PurePosixPath, str]:
    """The URLs of a folder's images, each by what stands for it where names are compared."""
    urls = {PurePosixPath(url): url for url in store.children(folder)}
    return {path: urls[path] for path in sorted(urls, key=natural_order)
            if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")}


@contextlib.contextmanager
def on_this_machine(case: Case | StoredCase, options: str) -> Iterator[Case]:
    """The case itself, or one of copies that are here for as long as the context lasts.

    Raises:
        OSError: from the store.
    """
    if isinstance(case, Case):
        yield case
        return
    with tempfile.TemporaryDirectory() as name:
        copies = []
        for side, url in (("HR", case.hr_url), ("LR", case.other_url)):
            copies.append(Path(name, side, url.rpartition("/")[2]) if url else None)
            if url:
                copies[-1].parent.mkdir()
                Store(options).fetch(url, copies[-1])
        yield Case(case.name, *copies, case.scale)


def load_pair(case: Case | StoredCase, files: Case) -> tuple[np.ndarray, np.ndarray]:
    """What `files`, the case on this machine, holds; errors name the files as the case does. As `Case.load`."""
    try:
        return files.load()
    except MENDABLE as error:
        if files is case:
            raise
        text = str(error)
        for path, url in ((files.hr_path, case.hr_url), (files.other_path, case.other_url)):
            text = text.replace(str(path), url) if path else text
        raise UserError(text) from error
