"""What a source holds, in a form that can be kept and compared: the size and the SHA-256 of each file."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from srgan_tf.data.pairs import Source
from srgan_tf.text import expand

Fingerprint = dict[str, str]  # by name: "BYTES SHA256", for each file of an image; or a version


def fingerprint(source: Source) -> Fingerprint:
    """Of every image of a source; of records, every shard as their index has it, which is not read again."""
    if source.shards:
        return {str(path): f"{shard.bytes} {shard.sha256}" for path, shard in source.shards}
    if source.version:
        return {source.name: source.version}
    return _of_files(source.files)


def fingerprint_of_folder(folder: str) -> Fingerprint:
    """Of the files that lie in a folder; of an empty name: nothing."""
    paths = sorted(expand(folder).iterdir()) if folder else []
    return _of_files({str(path): (path,) for path in paths if path.is_file() and not path.name.startswith(".")})


def _of_files(files: dict[str, Sequence[Path]]) -> Fingerprint:
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return dict(zip(files, pool.map(_digests, files.values()), strict=True))


def _digests(paths: Sequence[Path]) -> str:
    return ", ".join(_digest(path) for path in paths)


def _digest(path: Path) -> str:
    """The size and the checksum, or why there is none: an image that cannot be read costs that image alone."""
    digest, size = hashlib.sha256(), 0
    try:
        if not path.is_file():
            return "no file"
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
                size += len(block)
    except OSError as error:
        return error.strerror or "unreadable"
    return f"{size} {digest.hexdigest()}"
