"""Numbers from bytes."""

import numpy as np


def item_bytes(kind: str) -> int:
    """Bytes of one number of a type: numpy's name, or bfloat16."""
    return 2 if kind == "bfloat16" else np.dtype(kind).itemsize


def decode(raw: bytes | memoryview, kind: str, sign: str = "<") -> np.ndarray:
    """Numbers [count] in the machine's order.

    Args:
        raw: a whole number of them.
        kind: numpy's name of their type, or bfloat16, which numpy has not: it becomes float32.
        sign: "<" for little-endian, ">" for big-endian.
    """
    if kind == "bfloat16":
        return (np.frombuffer(raw, f"{sign}u2").astype(np.uint32) << 16).view(np.float32)
    array = np.frombuffer(raw, np.dtype(kind).newbyteorder(sign))
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
