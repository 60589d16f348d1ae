"""Files as they lie on disk, seen as one tensor.

Linux and macOS. The mapping is read-only: a private writable one (NumPy's mode "c") counts against the machine's
memory, so that Linux refuses it for files larger than that.
"""

import ctypes
import mmap
import os
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

_FIXED = 0x10  # MAP_FIXED, which Python's mmap does not name; the same on Linux and macOS
_FAILED = ctypes.c_void_p(-1).value


def map_files(files: Sequence[int | Path]) -> tuple[tf.Tensor, list[int]]:
    """Maps files one behind another, each from a page of its own.

    Nothing is read: pages come when they are looked at, and go when memory is short.

    Args:
        files: descriptors or paths.

    Returns:
        A tensor uint8 [bytes] that shares the mapping's memory, and where each file begins in it. What lies between
        two files is zero, or cannot be read.

    Raises:
        OSError: a file cannot be mapped.
    """
    sizes = [os.stat(file).st_size for file in files]
    starts = np.cumsum([0, *(-(-size // mmap.PAGESIZE) * mmap.PAGESIZE for size in sizes)]).tolist()
    length = starts.pop()
    # One stretch of addresses is set aside, and each file mapped to its place in it.
    address = _mmap(None, length, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1)
    for file, size, start in zip(files, sizes, starts, strict=True):
        if size:
            with open(file, "rb", closefd=not isinstance(file, int)) as opened:
                _mmap(address + start, size, mmap.PROT_READ, mmap.MAP_SHARED | _FIXED, opened.fileno())
    memory = np.ctypeslib.as_array((ctypes.c_uint8 * length).from_address(address))
    # Not at exit: threads of tf.data may still be reading.
    weakref.finalize(memory, _libc.munmap, address, length).atexit = False
    return tf.experimental.dlpack.from_dlpack(memory.__dlpack__()), starts


def _mmap(address: int | None, length: int, protection: int, flags: int, file: int) -> int:
    result = _libc.mmap(address, length, protection, flags, file, 0)
    if result == _FAILED:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot map {length / 2**20:.0f} MiB of decoded pictures: {os.strerror(number)}")
    return result


_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_int64]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
