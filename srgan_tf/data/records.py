"""Prepared data: decoded pairs in flat files that are mapped into memory as they lie.

    DIR/records.json        what they were made from: the settings of `prepare`; written first
    DIR/PART/00000.pixels   a shard: images one behind another and nothing else
    DIR/PART/index.json     names, places, sizes and a checksum for each shard; written last

PART is train or validation. An image is its rows, uint8 RGB, each row filled with zeros to a multiple of 64 bytes:
TensorFlow slices a tensor at such places without a copy. LR comes first, its HR behind it; where the settings name a
teacher, its image, of HR's size, behind that. The frames of a clip lie below each other as one image. A shard holds a
fixed number of the source's images, so that any process can write any shard and its bytes depend on nothing else.
"""

import contextlib
import hashlib
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from srgan_tf.atomic import replacing
from srgan_tf.errors import UserError
from srgan_tf.text import counted

FORMAT = "srgan_tf records 1"
TAUGHT_FORMAT = "srgan_tf records 2"  # with a teacher's images
CLIPS_FORMAT = "srgan_tf records 3"
SETTINGS_FILE, INDEX_FILE = "records.json", "index.json"
FORMER_NAMES = {"shard_pictures": "shard_images"}  # of settings in the records of earlier versions
_SHARD_FILE = re.compile(r"\d+\.pixels", re.ASCII)
_WORDS = {str: "text", int: "whole number"}
ROW_ALIGNMENT = 64  # bytes; Eigen's greatest alignment


class Entry(NamedTuple):
    """A pair in a shard: where its LR image begins, in bytes, and that image's size; the others follow it.

    Of a clip, `height` is that of all its `frames`; the index leaves out a number of 1.
    """

    name: str
    offset: int
    height: int
    width: int
    frames: int = 1


class Shard(NamedTuple):
    """What the index knows of a shard.

    Attributes:
        file: its name in the part's folder.
        bytes: its size.
        sha256: of its bytes, as sha256sum prints it.
        made_from: SHA-256 of the names of the source's images, a line each.
        pairs: what it holds, in order.
        skipped: (name, reason) of images that could not be used.
    """

    file: str
    bytes: int
    sha256: str
    made_from: str
    pairs: Sequence[Entry]
    skipped: Sequence[tuple[str, str]]


def row_bytes(width: int) -> int:
    """Bytes from one row of an image to the next. Also takes arrays of widths."""
    return -(-width * 3 // ROW_ALIGNMENT) * ROW_ALIGNMENT


def append_pair(write: Callable[[Any], Any], lr: np.ndarray, hr: np.ndarray, taught: np.ndarray | None = None) -> int:
    """Writes LR, then HR, then what a teacher made if there is that, rows filled up; returns the number of bytes."""
    of_pair = [lr, hr] if taught is None else [lr, hr, taught]
    for image in of_pair:
        height, width = image.shape[:2]
        rows = np.zeros((height, row_bytes(width)), np.uint8)
        rows[:, : width * 3] = image.reshape(height, width * 3)
        write(rows.data)
    return pair_bytes(*lr.shape[:2], hr.shape[0] // lr.shape[0], taught is not None)


def pair_bytes(height: int, width: int, scale: int, is_taught: bool = False) -> int:
    """Bytes of a pair, by its LR size. Also takes arrays."""
    return height * row_bytes(width) + (1 + is_taught) * height * scale * row_bytes(width * scale)


def read_pair(path: Path, entry: Entry, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """One pair out of a shard's file: (lr, hr)."""
    height, width = entry.height, entry.width
    lr = _read_image(path, entry.offset, height, width)
    return lr, _read_image(path, entry.offset + height * row_bytes(width), height * scale, width * scale)


def _read_image(path: Path, offset: int, height: int, width: int) -> np.ndarray:
    rows = np.fromfile(path, np.uint8, height * row_bytes(width), offset=offset)
    return pixels_of(rows, height, width)


def pixels_of(rows: np.ndarray, height: int, width: int) -> np.ndarray:
    """An image [H,W,3] from the bytes of its rows."""
    return rows.reshape(height, -1)[:, : width * 3].reshape(height, width, 3)


def read_index(folder: Path) -> list[Shard]:
    """The shards of a part.

    Raises:
        ValueError: the records are not finished, or the index is damaged.
    """
    path = folder / INDEX_FILE
    if not path.is_file():
        raise UserError(f"the records in {folder} are not finished: the same prepare command continues with them")
    shards = read_json(path)
    if not isinstance(shards, list):
        raise UserError(f"{path} is damaged: it is not a list of shards")
    return [shard_from(path, fields) for fields in shards]


def contents(shards: Sequence[Shard]) -> str:
    """What some shards hold, in words."""
    frames, size = [entry.frames for shard in shards for entry in shard.pairs], sum(shard.bytes for shard in shards)
    images = (f"{counted(len(frames), 'clip')} of {counted(sum(frames), 'frame')}" if max(frames) > 1 else
              counted(len(frames), "image"))
    return f"{images} in {counted(len(shards), 'shard')}, {size / 2**20:,.1f} MiB"


def fields_of(shard: Shard) -> dict[str, Any]:
    """What `shard_from` makes the shard from again, for JSON."""
    return shard._asdict() | {"pairs": [entry if entry.frames > 1 else entry[:-1] for entry in shard.pairs]}


def shard_from(path: Path, fields: Any) -> Shard:
    """A shard's description, as read from the JSON of `path`.

    Raises:
        ValueError: something in it is not of its type.
    """
    try:
        shard = Shard(**fields)
        pairs = [Entry(*entry) for entry in shard.pairs]
        skipped = [(name, reason) for name, reason in shard.skipped]
    except (TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged: {error}") from None
    texts = [shard.file, shard.sha256, shard.made_from, *(entry.name for entry in pairs), *itertools.chain(*skipped)]
    numbers = [shard.bytes, *(number for entry in pairs for number in entry[1:])]
    for kind, values in ((str, texts), (int, numbers)):
        for value in values:
            if type(value) is not kind:  # true and false are no numbers
                raise UserError(f"{path} is damaged: {json.dumps(value)[:40]} where a {_WORDS[kind]} belongs")
    if not _SHARD_FILE.fullmatch(shard.file):
        raise UserError(f"{path} is damaged: {shard.file[:40]!r} is not a shard")
    return shard._replace(pairs=pairs, skipped=skipped)


def check_shards(folder: Path, shards: Sequence[Shard], settings: dict[str, Any]) -> None:
    """Compares the shards' sizes with the index, and the index with itself.

    Args:
        folder: of the part.
        shards: of the index.
        settings: of the records.

    Raises:
        ValueError: naming the first that does not fit.
    """
    for shard in shards:
        path = folder / shard.file
        if not path.is_file():
            raise UserError(f"{path} is missing: the same prepare command writes it again")
        if path.stat().st_size != shard.bytes:
            raise UserError(f"{path} has {path.stat().st_size} bytes where the index says {shard.bytes}: delete it, "
                            "and the same prepare command writes it again")
        end = 0
        for entry in shard.pairs:
            fits = entry.offset == end and min(entry[2:]) > 0 and entry.height % entry.frames == 0
            if not fits or (entry.frames > 1 and not is_of_clips(settings)):
                raise UserError(f"{folder / INDEX_FILE} is damaged: {entry.name} cannot lie at {entry.offset}")
            end += pair_bytes(entry.height, entry.width, settings["scale"], is_taught(settings))
        if end != shard.bytes:
            raise UserError(f"{folder / INDEX_FILE} is damaged: the images of {shard.file} end at {end}")


def damaged_shards(folder: Path, shards: Sequence[Shard], progress: Callable[[], Any]) -> list[Path]:
    """The shards whose bytes do not have the checksum of the index."""
    damaged = []
    for shard in shards:
        with (folder / shard.file).open("rb") as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
        if digest.hexdigest() != shard.sha256:
            damaged.append(folder / shard.file)
        progress()
    return damaged


def read_settings(folder: Path) -> dict[str, Any]:
    """The settings that records were prepared with.

    Raises:
        ValueError: the folder holds no records, or those of another version.
    """
    path = folder / SETTINGS_FILE
    if not path.is_file():
        raise UserError(f"{folder} holds no records: python -m srgan_tf.prepare --output={folder} makes them")
    settings = read_json(path)
    known = isinstance(settings, dict) and settings.get("format") in (FORMAT, TAUGHT_FORMAT, CLIPS_FORMAT)
    if not known or not {"scale", "all"} <= settings.keys():
        raise UserError(f"{path} is not of the format {FORMAT!r}: prepare the records again")
    parts = settings["all"]
    if type(settings["scale"]) is not int or parts not in (["train"], ["train", "validation"]):
        raise UserError(f"{path} is damaged: scale {settings['scale']!r} and parts {parts!r}")
    return {FORMER_NAMES.get(name, name): value for name, value in settings.items()}


def is_taught(settings: dict[str, Any]) -> bool:
    """Whether records of these settings hold a teacher's images."""
    return settings["format"] == TAUGHT_FORMAT


def is_of_clips(settings: dict[str, Any]) -> bool:
    """Whether records of these settings hold clips."""
    return settings["format"] == CLIPS_FORMAT


def read_json(path: Path) -> Any:
    """The value in a JSON file; a ValueError names one that is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {error}") from None


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file, whole or not at all."""
    with new_durable_file(path) as file:
        file.write(json.dumps(value).encode())


@contextlib.contextmanager
def new_durable_file(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when it is whole and on the disk."""
    with replacing(path) as temporary, temporary.open("xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
