"""A .tflite file of others is run once in a process of its own: LiteRT checks little of it, and a damaged one can kill.

Run as a module, it is that process: it opens the file and upscales a tile. It ends with status 0, or with REFUSED and a
line on standard output where LiteRT says what is wrong; any other end is a crash.
"""

import contextlib
import functools
import os
import signal
import subprocess
import sys
from pathlib import Path

from srgan_tf.errors import ModelNotFoundError, UserError
from srgan_tf.hub.shipped import FOLDER
from srgan_tf.text import printable

REFUSED = 3
SECONDS = 120
OTHER_SIZE = (13, 21)  # a tile of another size than the one that tells the scale, where sizes are free


def require_survival(path: Path, threads: int = 0) -> None:
    """Refuses a file that LiteRT does not survive; those that ship, and files tried before, are not tried.

    Args:
        path: of a .tflite file.
        threads: as in `litert_runtime`.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is damaged, takes or makes something else than images, crashes or does not come to an end.
    """
    if not path.is_file():
        raise ModelNotFoundError(f"no model file {str(path)!r}")
    # A frozen application is no Python to run a module with.
    if path.resolve().parent == FOLDER.resolve() or getattr(sys, "frozen", False) or not sys.executable:
        return
    state = path.stat()
    _try(str(path), threads, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _try(path: str, threads: int, size: int, changed: int) -> None:
    """Runs the process; what passed is kept, by the file's size and time of change."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", __name__, path, str(threads)]
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise UserError(f"{path} did not upscale one tile within {SECONDS} s; --trust_model (trust_model=True in "
                         "Python) opens it without this trial") from None
    if done.returncode == REFUSED:
        raise UserError(printable(done.stdout.decode("utf-8", "replace").strip()))
    if done.returncode < 0:
        raise UserError(f"{path} is not a .tflite file that this package can run: LiteRT crashes on it "
                         f"({signal.Signals(-done.returncode).name})")
    if done.returncode:
        raise UserError(f"{path} could not be tried: the process ended with status {done.returncode}")


def main(path: str, threads: str) -> int:
    """Opens the file as `litert_runtime` does, and upscales a tile; returns the exit status."""
    import numpy as np

    from srgan_tf.runtimes.litert import litert_runtime

    _limit_memory()
    try:
        runtime = litert_runtime(Path(path), int(threads))
        runtime.run(np.zeros((1, *(runtime.fixed_tile or OTHER_SIZE), 3), np.uint8))
    except (ValueError, OSError, MemoryError) as error:
        print(" ".join(str(error).split()) or f"{path}: not enough memory")
        return REFUSED
    return 0


def _limit_memory() -> None:
    """What the file asks for fails here before it fills the machine's memory."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # no such limit, or a lower one
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),) * 2)


if __name__ == "__main__":
    # Without the interpreter's tidying up, of objects that a damaged file made.
    status = main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)
