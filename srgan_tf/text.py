"""Text that others wrote: names made printable, paths and whole numbers read; and long text for a terminal."""

import os
import sys
import unicodedata
from pathlib import Path

from srgan_tf.errors import UserError

MOST = (1 << 63) - 1  # of int64: of protobuf's version numbers, among others
JOINERS = "\u200c\u200d"  # Persian names and emoji are written with them
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format (direction too), surrogate, line and paragraph separator


def printable(text: object) -> str:
    r"""The text in one line; characters that a terminal or a log would obey become escapes (\x1b, \n)."""
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in HIDDEN and character not in JOINERS else character
        for character in str(text))


def show(text: str) -> None:
    """Prints a text of several lines, whose reader (`head`, `less`) may leave before its end."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def expand(path: str | os.PathLike) -> Path:
    """A path as the user wrote it, with `~` and `~name` replaced; as it is where no user but a file has that name.

    Raises:
        UserError: there is no such user, or no home folder, or no file can have this name.
    """
    if "\0" in os.fspath(path):
        raise UserError(f"{os.fspath(path)!r}: a path cannot hold a null character")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        if os.path.lexists(path):
            return Path(path)
        reason = str(error).rstrip(".")
        raise UserError(f"{os.fspath(path)!r}: {reason}; write the folder's full path") from None


def whole_number(text: str, most: int = MOST) -> int | None:
    """The number of at most `most` that a text of ASCII digits stands for, else None.

    int() and str.isdecimal() take the digits of other scripts too, and int() refuses more than 4,300 digits.
    """
    short = text.lstrip("0") or "0"
    if not (text.isascii() and text.isdecimal()) or len(short) > len(str(most)):
        return None
    number = int(short)
    return number if number <= most else None


def counted(number: int, noun: str) -> str:
    """A number of things, as in "1 image" and "1,200 images"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def megapixels(pixels: int) -> str:
    """A number of pixels in words, never as 0 megapixels."""
    number = pixels / 1e6
    return f"{number:.0f} megapixels" if number >= 10 else f"{number:.2g} megapixels"
