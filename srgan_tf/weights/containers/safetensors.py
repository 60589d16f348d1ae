"""The .safetensors format: eight bytes of length, a JSON table, and raw numbers.

Read and written here in few lines instead of by the `safetensors` package, whose numpy side lacks bfloat16 and whose
errors are not those of this package.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from srgan_tf.files import replacing
from srgan_tf.weights.containers.numbers import decode, item_bytes

TYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "F64": "float64", "I64": "int64", "I32": "int32",
         "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool"}


def read_safetensors(data: bytes) -> dict[str, np.ndarray]:
    """Reads a whole file.

    Args:
        data: the file's bytes.

    Returns:
        Arrays by name, views of the bytes; float32 in place of bfloat16.

    Raises:
        ValueError: it is damaged.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 10 or length > len(data) - 8:
        raise ValueError(f"not a .safetensors file, or cut off: it begins with {data[:16]!r}")
    try:
        table = json.loads(data[8 : 8 + length].decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"damaged table of tensors ({' '.join(str(error).split())[:100]})") from None
    if not isinstance(table, dict):
        raise ValueError("its table of tensors is not one")
    table.pop("__metadata__", None)
    numbers, arrays, end = memoryview(data)[8 + length :], {}, 0
    for name, entry in sorted(table.items(), key=lambda item: _offsets(*item)):
        start, stop = _offsets(name, entry)
        kind, shape = entry.get("dtype"), entry.get("shape")
        if not isinstance(kind, str) or kind not in TYPES:
            raise ValueError(f"{name[:80]!r} has numbers of type {str(kind)[:20]!r}; known: {', '.join(TYPES)}")
        if not isinstance(shape, list) or len(shape) > 8 or not all(map(_is_count, shape)):
            raise ValueError(f"{name[:80]!r} has no shape")
        if start != end or stop > len(numbers) or stop - start != math.prod(shape) * item_bytes(TYPES[kind]):
            raise ValueError(f"{name[:80]!r} of shape {shape} does not fit the bytes {start} to {stop}")
        arrays[name], end = decode(numbers[start:stop], TYPES[kind]).reshape(shape), stop
    if end != len(numbers):
        raise ValueError(f"{len(numbers) - end} bytes belong to no tensor")
    return arrays


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:80]!r} is there twice")
    return table


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 48


def _offsets(name: str, entry: Any) -> tuple[int, int]:
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_count, offsets)):
        raise ValueError(f"{name[:80]!r} has no data_offsets")
    return offsets[0], offsets[1]


def write_safetensors(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes float32 arrays by name, in their order, all or nothing.

    Raises:
        ValueError: the path does not end in .safetensors.
        OSError: the folder cannot be written to.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"path must end in .safetensors; got {str(path)!r}")
    table, end = {"__metadata__": {"format": "pt"}}, 0
    for name, array in arrays.items():
        table[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [end, end + 4 * array.size]}
        end += 4 * array.size
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as temporary, temporary.open("xb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array, "<f4").tobytes())
