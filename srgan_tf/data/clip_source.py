"""`--dataset=clips:HR[,LR]`: clips to train networks over time on, videos or folders of frames.

Each is a video, a folder of videos, of folders of frames, or of frames; LR, where it is given, is matched by name. A
clip's frames lie below each other in one pair; long videos are divided into stretches of about CHUNK frames. Clips with
cuts in them should be divided before.
"""

import hashlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from srgan_tf.data.folder_source import HELD_OUT
from srgan_tf.data.pairs import ClipPair, Pair, Source, checked_pair, pair_from_hr
from srgan_tf.errors import MissingPackageError, UserError
from srgan_tf.imaging import list_images, read_image
from srgan_tf.imaging.name_matching import match_names
from srgan_tf.text import expand

CHUNK = 64
_FRAME_FOLDER = 2  # images that make a folder one of frames


def clips(where: str, scale: int, part: str) -> Source:
    """The clips below a path. Of them, those of the lowest hashes of their names are held out, at least one.

    Args:
        where: HR, whose LR is MATLAB's bicubic reduction, or HR,LR. A path of that whole name comes first.
        scale: HR side over LR side.
        part: "train", "validation" or "all".

    Raises:
        UserError: there are none, or nothing is left to train on.
        OSError: from the file system.
    """
    if not where:
        raise UserError("--dataset=clips:PATH needs the path of a video or a folder")
    hr, lr = hr_and_lr(where)
    found = sorted(_paired(hr, lr) if lr else _clips_below(hr), key=lambda one: _place(one[0]))
    if part != "all":
        if len(found) < 2:
            raise UserError(f"{where} holds one clip: none is left to validate on; give --val_dataset")
        below = sum(_place(name) < HELD_OUT for name, *_ in found)
        count = min(max(below, 1), len(found) - 1)
        found = found[:count] if part == "validation" else found[count:]
    pieces = [(name if number is None else f"{name} {number}", partial(_pair, scale=scale, read=read), files)
              for name, files, stretches in sorted(found, key=lambda one: one[0])
              for number, read in stretches]
    return Source(f"clips:{where}", len(pieces), [(name, load) for name, load, _ in pieces],
                  files={name: files for name, _, files in pieces}, moving="clips")


Read = Callable[[], list[np.ndarray]]
# Name, files, and the stretches: a number (None of the only one), and what reads the frames of HR, or of HR and LR.
Found = tuple[str, tuple[Path, ...], list[tuple[int | None, tuple[Read, ...]]]]


def hr_and_lr(where: str) -> tuple[str, str]:
    """The two paths of `HR,LR`; LR is empty where there is one path, which may have commas in its name."""
    hr, _, lr = where.partition(",") if not expand(where).exists() else (where, "", "")
    return hr, lr


def _clips_below(where: str) -> list[Found]:
    found = list(_found(expand(where)))
    if not found:
        raise UserError(f"{where}: no video and no folder of frames here")
    return found


def _paired(hr: str, lr: str) -> Iterator[Found]:
    """Clips of HR with those of LR, whose frames are as many."""
    sides = [_clips_below(where) for where in (hr, lr)]
    ours, theirs = ([Path(name) for name, *_ in side] for side in sides)
    matched = match_names(ours, theirs, kind="clip")
    for (name, files, stretches), other in zip(sides[0], matched, strict=True):
        _, lr_files, lr_stretches = sides[1][theirs.index(other)]
        damaged = [first for first, *_ in (stretches, lr_stretches) if first[1][0].func is _fail]
        if not damaged and len(stretches) != len(lr_stretches):
            raise UserError(f"{name} and {other} must be equally long")
        yield name, (*files, *lr_files), damaged[:1] or [
            (number, read + lr_read) for (number, read), (_, lr_read) in zip(stretches, lr_stretches, strict=True)]


def _pair(scale: int, read: tuple[Read, ...]) -> ClipPair:
    """A stretch as one pair: HR, and LR where there is one."""
    hr, *others = (each() for each in read)
    if not others:
        return stacked(hr, scale)
    if len(hr) != len(others[0]):
        raise UserError(f"HR and LR must have as many frames; HR has {len(hr)}, LR {len(others[0])}")
    return _below_each_other([checked_pair(*both, scale) for both in zip(others[0], hr, strict=True)])


def _found(path: Path) -> Iterator[Found]:
    """Each clip below a path."""
    from srgan_tf.video.probing import is_clip

    if path.is_file():
        yield _video(path)
        return
    if not path.is_dir():
        raise UserError(f"no file or folder {path}")
    children = sorted(child for child in path.iterdir() if not child.name.startswith("."))
    for child in children:
        if child.is_dir():
            yield from _found(child)
        elif is_clip(child):
            yield _video(child)
    frames = list_images(path) if any(child.is_file() and not is_clip(child) for child in children) else []
    if len(frames) >= _FRAME_FOLDER:
        starts = range(0, len(frames), CHUNK)
        yield str(path), tuple(frames), [
            (None if len(starts) == 1 else number, (partial(_image_frames, frames[start : start + CHUNK]),))
            for number, start in enumerate(starts)]


def _video(path: Path) -> Found:
    from srgan_tf.video.probing import probe

    try:
        clip = probe(path)
    except MissingPackageError:
        raise
    except UserError as error:
        return str(path), (path,), [(None, (partial(_fail, str(error)),))]
    frames = round(clip.seconds * clip.rate) if clip.seconds else 1
    count = max(1, round(frames / CHUNK))
    # Between two frames: containers round timestamps differently, and HR and LR are divided at the same frame.
    bounds = [(round(frames * number / count) - Fraction(1, 2)) / clip.rate for number in range(1, count)]
    stretches = zip([Fraction(0), *bounds], [*bounds, None], strict=True)
    return str(path), (path,), [(None if count == 1 else number, (partial(_video_frames, path, start, end),))
                                for number, (start, end) in enumerate(stretches)]


def _fail(reason: str) -> list[np.ndarray]:
    raise UserError(reason)


def _video_frames(path: Path, start: Fraction, end: Fraction | None) -> list[np.ndarray]:
    from srgan_tf.video.frame_reading import read_frames
    from srgan_tf.video.probing import probe

    frames = (frame.pixels for frame in read_frames(probe(path), start, end) if frame.pixels is not None)
    return [pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8) for pixels in frames]


def _image_frames(files: list[Path]) -> list[np.ndarray]:
    frames = [read_image(file).pixels[..., :3] for file in files]
    if len({frame.shape for frame in frames}) > 1:
        raise UserError(f"{files[0].parent}: its frames differ in size")
    return frames


def stacked(frames: list[np.ndarray], scale: int) -> ClipPair:
    """Frames uint8 [H,W,3] as one pair, HR and LR [T H',W',3], each reduced as MATLAB does."""
    return _below_each_other([pair_from_hr(frame, scale) for frame in frames])


def _below_each_other(pairs: list[Pair]) -> ClipPair:
    if not pairs:
        raise UserError("no frames")
    return ClipPair(*(np.concatenate([getattr(pair, name) for pair in pairs]) for name in ("lr", "hr")), len(pairs))


def _place(name: str) -> float:
    """Where in [0, 1) a clip lies, by its name alone, so that the split is that of any machine."""
    digest = hashlib.sha256(Path(name).name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
