"""What a user can mend.

Commands turn a UserError, and the operating system's own errors, into one line and exit status 2. Any other exception
that reaches a command is a fault of this package: it is shown with its traceback.
"""

import contextlib
import sys
import typing
from collections.abc import Iterator

# What the full install requires and the light one (light/setup.py) does not.
FULL_INSTALL_ONLY = ("importlib_resources", "keras", "tensorboard", "tensorflow", "tensorflow-datasets")
_WELL_KNOWN = {"keras": "TensorFlow", "tensorflow": "TensorFlow"}
TO_FULL_INSTALL = "`pip install .` in a clone of srgan_tf makes this light install the full one"


class UserError(ValueError):
    """Something that the user gave cannot be used; the message says what it is, the value received and what to do."""


# What a command answers with one line; a batch continues after them.
MENDABLE = (UserError, OSError, MemoryError)


class ModelNotFoundError(UserError, FileNotFoundError):
    """No model has this name, and no file or folder of this path is one."""


class MissingPackageError(UserError, ImportError):
    """An optional package is not installed; the message has the command that installs it."""


def end_without_packages() -> typing.NoReturn:
    """Ends a command, with one line, where this Python has not the packages that every command needs."""
    print(f"srgan_tf is not installed for {sys.executable}: activate the environment that it was installed in, or run "
          "`pip install .` in a clone of srgan_tf", file=sys.stderr)
    sys.exit(2)


@contextlib.contextmanager
def light_install(what: str) -> Iterator[None]:
    """Where a package is missing that only the full install has, raises a MissingPackageError that says so.

    Args:
        what: needs it: a command or a model.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0].replace("_", "-")
        if package not in FULL_INSTALL_ONLY:
            raise
        needed = _WELL_KNOWN.get(package, package)
        raise MissingPackageError(f"{what} needs {needed}, which is not installed; {TO_FULL_INSTALL}") from error
