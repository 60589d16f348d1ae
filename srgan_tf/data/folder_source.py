"""`--dataset=folder:HR[,LR]`: the images of a folder and of those below it, and which of them are held out.

An image is held out if the hash of its name, from the folder on and without its ending, falls into the lowest
twentieth: so it stays held out whatever comes to the folder or goes. Only where no image that can be read falls there,
those of the next higher hashes are taken until one can. Nothing else is read before the split.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from srgan_tf.data.folders import split_folders
from srgan_tf.data.pairs import Pair, Source, load_both, load_hr
from srgan_tf.errors import UserError
from srgan_tf.imaging import IMAGE_SUFFIXES, list_images
from srgan_tf.imaging.image_folders import is_left_alone
from srgan_tf.imaging.name_matching import match_names
from srgan_tf.metrics import SSIM_WINDOW

HELD_OUT = 0.05  # of a folder's images
_EARLIER_MOST = 16  # images that earlier versions held out, the last by name
_RUN_FILE = "config.flags"  # what is below a run folder is no data
_LOW_RESOLUTION = re.compile(r"(?i)l[rq](?:[_-].*)?")

Images = list[tuple[str, Callable[[], Pair]]]


class Held(NamedTuple):
    """The split that a run began with, which stays: names of images.

    Attributes:
        training: that it trains on.
        validation: that it validates on, in this order.
        apart: that it never trains on, those of `validation` included.
    """

    training: Collection[str]
    validation: Collection[str]
    apart: Collection[str]


def folder(where: str, scale: int, part: str, held: Held | None = None, leave_out: Path | None = None) -> Source:
    """`folder:HR` makes LR by MATLAB's bicubic reduction; `folder:HR,LR` reads both, matched by name.

    Args:
        where: HR or HR,LR. An existing folder of that whole name comes first.
        scale: HR side over LR side.
        part: "train", "validation" or "all".
        held: an earlier split, which stays as it is.
        leave_out: a folder whose images are not taken.

    Raises:
        ValueError, OSError: there are no such images, or nothing is left to validate on.
    """
    hr_folder, lr_folder = split_folders(where)
    _refuse_low_resolution(hr_folder, lr_folder)
    hr_paths = list(images_below(hr_folder, [path for path in (lr_folder, leave_out) if path]))
    if not hr_paths:
        raise UserError(_nothing_in(hr_folder))
    files = {str(path): (path,) for path in hr_paths}
    loaders = [partial(load_hr, path, scale) for path in hr_paths]
    if lr_folder:
        lr_paths = _match(hr_folder, hr_paths, lr_folder)
        files = {str(hr): (hr, lr) for hr, lr in zip(hr_paths, lr_paths, strict=True)}
        loaders = [partial(load_both, lr, hr, scale) for lr, hr in zip(lr_paths, hr_paths, strict=True)]
    images = [(str(path), load) for path, load in zip(hr_paths, loaders, strict=True)]
    if part != "all":
        if len(images) < 2:
            raise UserError(f"{hr_folder} holds one image: none is left to validate on; give --val_dataset")
        validation, apart = _split(hr_folder, images, scale, held)
        images = validation if part == "validation" else [one for one in images if one[0] not in apart]
        if not images:
            raise UserError(f"every image in {hr_folder} is held out: none is left to train on")
    return Source(f"folder:{where}", len(images), images, files={name: files[name] for name, _ in images})


def images_below(top: Path, leave_out: Collection[Path] = ()) -> Iterator[Path]:
    """The image files of a folder, then those of each folder in it, in natural order.

    Links are followed. Hidden folders, those of programs (@eaDir), run folders, those of `leave_out` and any that has
    been seen are passed over.
    """
    seen = {path.resolve() for path in leave_out} - {top.resolve()}

    def below(inner: Path) -> Iterator[Path]:
        seen.add(inner.resolve())
        children = [child for child in inner.iterdir() if not child.name.startswith(".")]
        if any(child.suffix.lower() in IMAGE_SUFFIXES and child.is_file() for child in children):
            yield from list_images(inner)
        for child in sorted(children, key=lambda path: (path.name.casefold(), path.name)):
            new = child.is_dir() and child.resolve() not in seen and not is_left_alone(child.name)
            if new and not (child / _RUN_FILE).is_file():
                yield from below(child)

    return below(top)


def _nothing_in(top: Path) -> str:
    return f"{top}: no image in this folder or below it ({', '.join(IMAGE_SUFFIXES)})"


def _refuse_low_resolution(hr_folder: Path, lr_folder: Path | None) -> None:
    """LR images beside HR ones would be trained on as if they were HR."""
    for child in sorted(hr_folder.iterdir()) if not lr_folder else ():
        if _LOW_RESOLUTION.fullmatch(child.name) and child.is_dir() and any(images_below(child)):
            raise UserError(f"--dataset=folder:{hr_folder} has the low-resolution images of {child} below it: name "
                            f"both, as in folder:{hr_folder}/HR,{child}, or the HR folder alone")


def _match(hr_folder: Path, hr_paths: Sequence[Path], lr_folder: Path) -> list[Path]:
    """For each HR the LR of its name: in the folder of the same name where there is one."""
    lr_paths = list(images_below(lr_folder, [hr_folder]))
    if not lr_paths:
        raise UserError(_nothing_in(lr_folder))
    inner = [path.parent.relative_to(hr_folder) for path in hr_paths]
    if not set(inner) <= {path.parent.relative_to(lr_folder) for path in lr_paths}:
        return match_names(hr_paths, lr_paths)
    found = {}
    for place in dict.fromkeys(inner):
        ours = [path for path in hr_paths if path.parent == hr_folder / place]
        theirs = [path for path in lr_paths if path.parent == lr_folder / place]
        found |= zip(ours, match_names(ours, theirs), strict=True)
    return [found[path] for path in hr_paths]


def _split(top: Path, images: Images, scale: int, held: Held | None) -> tuple[Images, set[str]]:
    """The images to validate on, the lowest hash first, and the names of all that are not to be trained on."""
    by_place = sorted(images, key=lambda one: _place(top, one[0]))
    below = [one for one in by_place if _place(top, one[0]) < HELD_OUT]
    if held:
        there = dict(images)
        kept = [(name, there[name]) for name in held.validation if name in there]
        if kept:
            new = {name for name, _ in below} - set(held.training)
            return kept, {*held.apart, *held.validation, *new}
    chosen = below or by_place[:1]
    rest, tried, smallest = by_place[len(chosen) :], 0, SSIM_WINDOW + 2 * scale
    while not any(_is_usable(load, smallest) for _, load in chosen[tried:]):
        tried = len(chosen)
        if len(rest) < 2:  # nothing would be left to train on: reading them all will say why
            break
        chosen = [*chosen, rest.pop(0)]
    return chosen, {*(held.apart if held else ()), *(name for name, _ in chosen)}


def _place(top: Path, name: str) -> float:
    """Where in [0, 1) an image lies, by its name from the folder on, without the ending."""
    inner = unicodedata.normalize("NFC", Path(name).relative_to(top).with_suffix("").as_posix())
    digest = hashlib.sha256(inner.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _is_usable(load: Callable[[], Pair], smallest: int) -> bool:
    try:
        return min(load().hr.shape[:2]) >= smallest
    except (UserError, OSError):
        return False


def earlier_split(where: str) -> tuple[list[str], list[str]]:
    """What earlier versions took of a folder: the names to train on, and those to validate on, the last of the list."""
    names = [str(path) for path in list_images(split_folders(where)[0])]
    held_out = min(_EARLIER_MOST, max(1, round(HELD_OUT * len(names))))
    return names[:-held_out], names[-held_out:]
