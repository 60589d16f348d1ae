"""Which image files the inputs of a command stand for: files, folders and patterns.

What exists under the name as it is written comes first: a folder may be called `[2024] trip`, a file `~draft.png`.
"""

import contextlib
import difflib
import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from srgan_tf import lazy
from srgan_tf.errors import UserError
from srgan_tf.imaging import IMAGE_SUFFIXES, list_images
from srgan_tf.imaging.image_folders import is_left_alone
from srgan_tf.imaging.signatures import OTHER_SUFFIXES, PLUGINS, READ, kind_of
from srgan_tf.text import expand

mimetypes = lazy.module("mimetypes")

_MOST_NAMES = 5  # in a line
_ADDRESS = re.compile(r"(?i)[a-z]+://")


class Input(NamedTuple):
    """An image file, and its folder relative to the input that it was found in."""

    path: Path
    folder: Path


def find_inputs(inputs: Sequence[str], recursive: bool, output: Path) -> list[Input]:
    """The image files of files, folders and patterns, in the order given, each name once.

    Args:
        inputs: paths and patterns.
        recursive: whether images in sub-folders are taken too, but for hidden folders and those of programs.
        output: folder of the results, which are not taken for images where it lies within an input.

    Raises:
        UserError: an input that stands for nothing.
    """
    if not inputs:
        raise UserError("nothing to upscale: name images, folders or patterns")
    found: dict[Path, Input] = {}
    for text in inputs:
        path = _named(text)
        roots = [path] if path.exists() else _matches(path)
        if not roots:
            raise UserError(_nothing(text))
        for root in roots:
            for image in _images(root, recursive, output):
                # Two links to one file are two names, and have two results.
                key = image.parent.resolve() / image.name
                found.setdefault(key, Input(image, image.parent.relative_to(root) if root.is_dir() else Path()))
    return list(found.values())


def _nothing(text: str) -> str:
    """What is said of an input that stands for nothing: a name, a pattern or the address of a file elsewhere."""
    if _ADDRESS.match(text):
        return f"{text} is an address, and nothing is downloaded: save the file first, and give its path"
    if glob.has_magic(text):
        return f"no file matches the pattern {text}"
    path, names = Path(text), {}
    with contextlib.suppress(OSError):
        names = {name.lower(): name for name in os.listdir(path.parent)}
    near = difflib.get_close_matches(path.name.lower(), names, n=1)
    hint = f"; did you mean {path.parent / names[near[0]]}?" if near else ""
    return f"no such file or folder: {text}{hint}"


def _named(text: str) -> Path:
    """The path as it is written where it exists, for a name may begin with ~; else with the home folder for it."""
    path = Path(text)
    try:
        return path if path.exists() else expand(text)
    except UserError:  # no such user, or none with a home
        return path


def _matches(pattern: Path) -> list[Path]:
    """The files that a pattern stands for; folders among its matches are passed over."""
    named = set(pattern.parts)
    return [path for path in sorted(_expanded(Path(pattern.anchor), pattern.parts[bool(pattern.anchor):]))
            if path.is_file() and not any(is_left_alone(part) and part not in named for part in path.parts[:-1])]


def _expanded(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    """What a pattern, part by part, stands for below a folder. A part that exists as it is written is no pattern."""
    if not parts:
        yield folder
    elif os.path.lexists(folder / parts[0]):
        yield from _expanded(folder / parts[0], parts[1:])
    elif "**" in parts[0]:
        yield from (folder / match for match in _glob(folder, os.path.join(*parts)))
    else:
        for match in _glob(folder, parts[0]):
            yield from _expanded(folder / match, parts[1:])


def _glob(folder: Path, pattern: str) -> list[str]:
    """The matches of a pattern, whose brackets stand for themselves where as a choice of characters they find none."""
    return (glob.glob(pattern, root_dir=folder, recursive=True)
            or glob.glob(pattern.replace("[", "[[]"), root_dir=folder, recursive=True))


def _images(path: Path, recursive: bool, output: Path) -> list[Path]:
    """A file itself; of a folder its images, but not those of an `output` within it: they are earlier results."""
    if not path.is_dir():
        return [path]
    if not recursive:
        return list_images(path)
    results = output.resolve() if output.resolve() != path.resolve() else None
    found = [child for folder in _folders(path, results) for child in folder.iterdir()
             if child.suffix.lower() in IMAGE_SUFFIXES and child.is_file() and not child.name.startswith(".")]
    if not found:
        raise UserError(f"{path}: no image in this folder or its sub-folders ({', '.join(IMAGE_SUFFIXES)})")
    return sorted(found)


def passed_over(inputs: Sequence[str], recursive: bool, output: Path) -> list[str]:
    """Lines on each folder among the inputs: the images in it and below it that are not taken; arguments as above."""
    lines = []
    for root in dict.fromkeys(map(_named, inputs)):
        if root.is_dir():
            results = output.resolve() if output.resolve() != root.resolve() else None
            folders = _folders(root, results) if recursive else [root]
            files = [child for folder in folders for child in folder.iterdir()]
            named = [text for text in map(_described, sorted(files)) if text]
            more = f" and {len(named) - _MOST_NAMES} more" if len(named) > _MOST_NAMES else ""
            if named:
                lines.append(f"{root}: passed over: {', '.join(named[:_MOST_NAMES])}{more}")
            if below := [] if recursive else _folders_with_images(root, results):
                more = f" and {len(below) - _MOST_NAMES} more" if len(below) > _MOST_NAMES else ""
                lines.append(f"{root}: images in sub-folders are left out ({', '.join(below[:_MOST_NAMES])}{more}); "
                             "--recursive takes them too")
    return lines


def _folders_with_images(root: Path, results: Path | None) -> list[str]:
    """The names of the folders in a folder that hold images themselves and would be looked into."""
    return [child.name for child in sorted(root.iterdir())
            if child.is_dir() and not child.is_symlink() and not is_left_alone(child.name)
            and child.resolve() != results and _holds_image(child)]


def _holds_image(folder: Path) -> bool:
    try:
        return any(child.suffix.lower() in IMAGE_SUFFIXES for child in folder.iterdir())
    except OSError:
        return False


def _described(path: Path) -> str:
    """The name of a file that is an image or a clip and whose ending no image has that is read; else nothing."""
    if path.suffix.lower() in IMAGE_SUFFIXES or path.name.startswith(".") or not path.is_file():
        return ""
    try:
        with path.open("rb") as file:
            kind = kind_of(file)
    except OSError:
        kind = None
    if kind in (*READ, *PLUGINS, "video"):
        return f"{path.name} ({kind}: give it by its name)"
    if kind:
        return f"{path.name} ({kind})"
    type, _ = mimetypes.guess_type(path.name)
    return path.name if (type or "").startswith("image/") or path.suffix.lower() in OTHER_SUFFIXES else ""


def _folders(top: Path, results: Path | None) -> Iterator[Path]:
    """A folder and all below it; links to folders are not followed."""
    for folder, below, _ in os.walk(top):
        below[:] = [name for name in below if not is_left_alone(name) and (Path(folder, name).resolve() != results)]
        yield Path(folder)
