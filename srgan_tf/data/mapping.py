"""Files as they lie on disk, seen as one tensor.

Linux and macOS. The mapping is read-only: a private writable one (NumPy's mode "c") counts against the machine's
memory, so that Linux refuses it for files larger than that.

Where a mapped file is cut short, what is read beyond its new end raises the signal SIGBUS in the thread that reads,
which no code can take back. The process then ends with one line instead of a crash.
"""

import ctypes
import mmap
import os
import signal
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from srgan_tf.errors import UserError

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
    _watch({file: size for file, size in zip(files, sizes, strict=True) if isinstance(file, Path)})
    memory = np.ctypeslib.as_array((ctypes.c_uint8 * length).from_address(address))
    # Not at exit: threads of tf.data may still be reading.
    weakref.finalize(memory, _libc.munmap, address, length).atexit = False
    return tf.experimental.dlpack.from_dlpack(memory.__dlpack__()), starts


def _watch(sizes: dict[Path, int]) -> None:
    """Ends the process with a line, from now on, when one of these files has become shorter than it was mapped."""
    if sizes and not _watched:
        # Python's own handlers run later, in the main thread: by then the read has been tried again, without end.
        _before.append(_libc.signal(signal.SIGBUS, _end))
    _watched.update(sizes)


def check_mapped() -> None:
    """Finds files that have been cut since they were mapped; in the page of the new end there are only zeros.

    Raises:
        ValueError: naming the first.
    """
    for path, size in _watched.items():
        try:
            found = os.stat(path).st_size
        except OSError:
            continue  # deleted or replaced: what was mapped is still there
        if found < size:
            raise UserError(f"{path} has {found} bytes where {size} were mapped: it was cut while it was being read. "
                            "What was saved is intact; the prepare command that made it writes it again")


@ctypes.CFUNCTYPE(None, ctypes.c_int)
def _end(number: int) -> None:
    """Runs in the thread that has read, which holds no lock there, and does not return if a file has been cut."""
    try:
        check_mapped()
    except UserError as error:
        os.write(2, f"\n{error}\n".encode(errors="replace"))
        os._exit(2)
    _libc.signal(number, _before[0])  # it was something else, which happens again at once


def _mmap(address: int | None, length: int, protection: int, flags: int, file: int) -> int:
    result = _libc.mmap(address, length, protection, flags, file, 0)
    if result == _FAILED:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot map {length / 2**20:.0f} MiB of decoded images: {os.strerror(number)}")
    return result


_watched: dict[Path, int] = {}
_before: list[int | None] = []
_libc = ctypes.CDLL(None, use_errno=True)
_libc.signal.restype, _libc.signal.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p]
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_int64]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
