"""The .safetensors format, read by the `safetensors` package and written here.

The package checks the table and that every byte belongs to one tensor. Its numpy side lacks the short types, so the
bytes become numbers here.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, deserialize

from srgan_tf.atomic import replacing
from srgan_tf.errors import UserError
from srgan_tf.text import printable
from srgan_tf.weights.containers.unwrapping import Contents

# Numbers of fewer bits than 16 become float32, as bfloat16 does.
TYPES = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E5M2": ml_dtypes.float8_e5m2,
    "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8, "U64": np.uint64, "U32": np.uint32,
    "U16": np.uint16, "U8": np.uint8, "BOOL": np.bool_,
}
DIMENSIONS, LONGEST = 8, 1 << 48
# A network of 1,600 layers has a table of 400 KB. The safetensors library takes 100 MB, which become gigabytes.
TABLE_BYTES = 4 << 20


def open_safetensors(data: bytes) -> Contents:
    """Reads a whole file.

    Args:
        data: the file's bytes.

    Raises:
        ValueError: it is damaged, or has numbers of a type that is not known here.
    """
    arrays = read_safetensors(data)
    return Contents(arrays, np.ndarray, lambda state: state)


def read_safetensors(data: bytes) -> dict[str, np.ndarray]:
    """Arrays by name, as they are in the file; see `open_safetensors`."""
    length = int.from_bytes(data[:8], "little")
    if TABLE_BYTES < length <= len(data):
        raise UserError(f"its table of tensors has {length:,} bytes; at most {TABLE_BYTES:,} are read")
    try:
        entries = deserialize(data)
    except SafetensorError as error:
        raise UserError(f"not a .safetensors file, cut off or damaged: it begins with {data[:16]!r} "
                        f"({printable(error)[:120]})") from None
    return {name: _array(name, entry) for name, entry in entries}


def _array(name: str, entry: Mapping) -> np.ndarray:
    kind, shape = entry["dtype"], entry["shape"]
    if kind not in TYPES:
        raise UserError(f"{name[:80]!r} has numbers of type {kind!r}; known: {', '.join(TYPES)}")
    if len(shape) > DIMENSIONS or max(shape, default=0) >= LONGEST:
        raise UserError(f"{name[:80]!r} has a shape that no tensor has: {str(shape)[:80]}")
    array = np.frombuffer(entry["data"], np.dtype(TYPES[kind]).newbyteorder("<")).reshape(shape)
    return array.astype(np.float32) if TYPES[kind].__module__ == "ml_dtypes" else array


def write_safetensors(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays by name, in their order, all or nothing: integers as int64, all others as float32.

    Raises:
        ValueError: the path does not end in .safetensors.
        OSError: the folder cannot be written to.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise UserError(f"path must end in .safetensors; got {str(path)!r}")
    table, end = {"__metadata__": {"format": "pt"}}, 0
    for name, array in arrays.items():
        kind = _written(array)
        size = np.dtype(TYPES[kind]).itemsize * array.size
        table[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as temporary, temporary.open("xb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array, np.dtype(TYPES[_written(array)]).newbyteorder("<")).tobytes())


def _written(array: np.ndarray) -> str:
    return "I64" if array.dtype.kind == "i" else "F32"
