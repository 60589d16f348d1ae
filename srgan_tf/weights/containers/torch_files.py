"""PyTorch's own files, .pth and .pt, read without PyTorch: the zip of today, and the older stream of pickles.

Arrays are views of the file in memory: nothing is allocated by what a file says of itself.
"""

import io
import math
import sys
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.weights.containers.kinds import ZIP_MAGIC
from srgan_tf.weights.containers.numbers import decode, item_bytes
from srgan_tf.weights.containers.pickles import RefusedError, Storage, Tensor, read_pickle
from srgan_tf.weights.containers.unwrapping import Contents

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001

# Gives the bytes of the storage with that key, and numpy's sign of their order.
Storages = Callable[[str], tuple[bytes, str]]


def open_torch(data: bytes) -> Contents:
    """Reads what `torch.save` wrote.

    Args:
        data: the whole file.

    Returns:
        What was saved; the arrays are views of `data`, float32 in place of bfloat16.

    Raises:
        ValueError: the file is damaged, or asks for more than tensors.
    """
    saved, storages = _read_zip(data) if data[:4] == ZIP_MAGIC else _read_legacy(data)
    filler = Filler(storages, 4 * len(data))
    return Contents(saved, Tensor, lambda state: {name: filler.array(name, tensor) for name, tensor in state.items()})


def read_torch(data: bytes) -> dict[str, np.ndarray]:
    """The tensors of what `torch.save` wrote, freed of what is around them; see `open_torch`."""
    return open_torch(data).first()


def _read_zip(data: bytes) -> tuple[Any, Storages]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # zipfile raises whatever it met in a damaged file
        raise UserError(f"damaged zip ({_reason(error)})") from None
    members = _members(archive, len(data))
    pickles = [name for name in members if name.split("/")[1:] == ["data.pkl"]]
    if len(pickles) != 1:
        raise UserError(f"not a file of torch.save: the zip holds {', '.join(sorted(members)[:3])[:100] or 'nothing'}")
    root = pickles[0].removesuffix("data.pkl")

    def read(name: str) -> bytes:
        if root + name not in members:
            raise UserError(f"{name[:80]} is missing in the zip")
        try:
            return archive.read(members[root + name])
        except Exception as error:
            raise UserError(f"damaged zip ({_reason(error)})") from None

    order = read("byteorder") if f"{root}byteorder" in members else b"little"
    if order not in (b"little", b"big"):
        raise UserError(f"byteorder must be little or big; it is {order[:20]!r}")
    sign = "<" if order == b"little" else ">"
    return read_pickle(io.BytesIO(read("data.pkl"))), lambda key: (read(f"data/{key}"), sign)


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The zip's members by name, which together must fit into the file's size."""
    members = {}
    for entry in archive.infolist():
        name = entry.filename[:80]
        if entry.filename in members:
            raise UserError(f"{name!r} is in the zip twice")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise UserError(f"{name!r} is compressed or encrypted, as torch.save never writes it")
        members[entry.filename] = entry
    if sum(entry.file_size for entry in members.values()) > size:
        raise UserError("damaged zip (its members are larger than the file)")
    return members


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _read_legacy(data: bytes) -> tuple[Any, Storages]:
    """Five pickles (magic, protocol, machine, object, keys of the storages), then each storage: count and numbers."""
    file = io.BytesIO(data)
    try:
        magic = read_pickle(file)
    except RefusedError:
        raise
    except ValueError:
        magic = None
    if magic != LEGACY_MAGIC:
        raise UserError(f"not a file of torch.save: it begins with {data[:16]!r}")
    if read_pickle(file) != LEGACY_PROTOCOL:
        raise UserError("of a protocol other than 1001, which torch.save never wrote")
    machine = read_pickle(file)
    if not isinstance(machine, dict):
        raise UserError("damaged: what it says of the machine that wrote it is missing")
    sign = "<" if machine.get("little_endian", sys.byteorder == "little") else ">"
    types: dict[str, str] = {}
    saved, keys = read_pickle(file, types), read_pickle(file)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise UserError("damaged: the storages' keys are missing")
    return saved, _legacy_storages(data, file.tell(), keys, sign, types)


def _legacy_storages(data: bytes, position: int, keys: list[str], sign: str, types: Mapping[str, str]) -> Storages:
    places: dict[str, tuple[int, int]] = {}
    for key in keys:
        if key in places or key not in types:
            raise UserError(f"storage {key[:40]!r} {'is there twice' if key in places else 'belongs to no tensor'}")
        size = item_bytes(types[key])
        count = int.from_bytes(data[position : position + 8], "little" if sign == "<" else "big")
        position += 8
        if position + count * size > len(data):
            raise UserError(f"cut off: storage {key[:40]!r} does not fit into the file")
        places[key] = (position, position + count * size)
        position += count * size

    def storages(key: str) -> tuple[bytes, str]:
        if key not in places:
            raise UserError(f"storage {key[:40]!r} is missing")
        start, end = places[key]
        return memoryview(data)[start:end], sign

    return storages


class Filler:
    """Makes arrays of tensors, as views of their storages."""

    def __init__(self, storages: Storages, budget: int):
        self.storages, self.budget = storages, budget
        self.arrays: dict[str, np.ndarray] = {}

    def array(self, name: str, tensor: Tensor) -> np.ndarray:
        """A read-only view."""
        storage = self.storage(tensor.storage)
        count = math.prod(tensor.shape)
        last = tensor.offset + sum((side - 1) * step for side, step in zip(tensor.shape, tensor.strides, strict=True))
        if count > len(storage) or (last >= len(storage) if count else tensor.offset > len(storage)):
            raise UserError(f"{name[:80]!r} of shape {list(tensor.shape)} reaches beyond its {len(storage)} numbers")
        self.budget -= count * storage.itemsize
        if self.budget < 0:
            raise UserError(f"its tensors up to {name[:80]!r} share numbers, and together are larger than the file")
        return np.lib.stride_tricks.as_strided(
            storage[tensor.offset :], tensor.shape, [step * storage.itemsize for step in tensor.strides],
            writeable=False)

    def storage(self, storage: Storage) -> np.ndarray:
        """The numbers that tensors are views of, [count]."""
        kind, key, count = storage
        if key not in self.arrays:
            raw, sign = self.storages(key)
            if len(raw) != count * item_bytes(kind):
                raise UserError(f"storage {key[:40]!r} must have {count} numbers of {kind}; it has {len(raw)} bytes")
            self.arrays[key] = decode(raw, kind, sign)
        return self.arrays[key]
