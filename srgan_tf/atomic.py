"""Files that appear whole or not at all, and folders that one process writes at a time."""

import contextlib
import os
import re
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from srgan_tf import lazy
from srgan_tf.errors import UserError

platform = lazy.module("platform")

LOCK_FILE = ".lock"
_LEFT_BEHIND = 24 * 3600  # seconds: a temporary file of an unknown process that nobody has written to for so long
_TEMPORARY = re.compile(r"\.(?:([0-9a-f]{8})-(\d+)-([0-9a-f]{8})-)?[0-9a-f]{16}\.tmp(?:\.\w+)?")
_PROCESS = os.urandom(4).hex()  # tells this process from an earlier one of the same number


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to, which takes its name at the end: no reader and no full disk sees half a file.

    The place is hidden and has the same ending; where the block fails, it goes, and what had the name before stays.

    Raises:
        OSError: it cannot be written; the error names `path`.
    """
    temporary = path.with_name(f".{_machine()}-{os.getpid()}-{_PROCESS}-{os.urandom(8).hex()}.tmp{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(temporary)):
            raise
        # The caller asked for `path`, and knows nothing of the temporary name.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def check_writable(folder: Path) -> None:
    """Raises an OSError that names a folder where no file can be written to it; one that is not there is not made."""
    try:
        with tempfile.TemporaryFile(dir=_there(folder)):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from None


def check_name(path: Path) -> None:
    """Raises an OSError that names a file which is not there and cannot be, for its name is too long."""
    try:
        (_there(path.parent) / path.name).lstat()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _there(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(folder for folder in (path, *path.absolute().parents) if os.path.lexists(folder))


def sweep(folder: Path) -> None:
    """Deletes what killed processes left of `replacing` in a folder; the files of living ones stay."""
    for path in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(OSError):  # it may have gone meanwhile, or be somebody else's
            if _is_left_behind(path):
                path.unlink()


def _is_left_behind(path: Path) -> bool:
    found = _TEMPORARY.fullmatch(path.name)
    if not found or not path.is_file():
        return False
    machine, number, process = found.groups()
    if machine != _machine():  # another machine's, or an earlier version's, which did not say whose
        return time.time() - path.stat().st_mtime > _LEFT_BEHIND
    return process != _PROCESS if int(number) == os.getpid() else not _is_alive(int(number))


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _machine() -> str:
    """Eight digits for this machine, or for the container, in which processes are numbered anew."""
    name = _node()
    with contextlib.suppress(OSError):
        name += os.readlink("/proc/self/ns/pid")
    return f"{zlib.crc32(name.encode()):08x}"


def _node() -> str:
    """The name of the machine."""
    return os.uname().nodename if hasattr(os, "uname") else platform.node()


@contextlib.contextmanager
def locked(folder: Path, flag: str) -> Iterator[None]:
    """Keeps a folder from other processes that lock it, until the block ends or the process dies.

    Args:
        folder: exists.
        flag: what named it, for the message.

    Raises:
        ValueError: another process has it.
        OSError: its lock cannot be opened. Where the file system knows no locks, a line says so.
    """
    path = folder / LOCK_FILE
    descriptor = _lock(path, flag)
    try:
        yield
    finally:
        if descriptor is not None:
            with contextlib.suppress(OSError):
                path.unlink()
            os.close(descriptor)


def _lock(path: Path, flag: str) -> int | None:
    import fcntl  # not on Windows, where everything but training and preparing works

    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
            os.close(descriptor)
            raise UserError(f"{flag}={path.parent} is being written to by {owner}: wait for its end, or name another "
                            "folder") from None
        except OSError as error:
            os.close(descriptor)
            print(f"{str(path.parent)!r} cannot be locked ({error.strerror}): let one command at a time write there")
            return None
        # Whoever had it before may have deleted the file since it was opened here.
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                _sign(descriptor)
                return descriptor
        os.close(descriptor)


def _sign(descriptor: int) -> None:
    """Says whose the lock is."""
    with contextlib.suppress(OSError):  # a full disk
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {_node()}".encode(), 0)
