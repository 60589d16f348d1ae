"""`--dataset=clips:PATH`: clips to train networks over time on, videos or folders of frames.

PATH is a video, a folder of videos, of folders of frames, or of frames. A clip's frames lie below each other in one
pair; long videos are divided into stretches of about CHUNK frames. Clips with cuts in them should be divided before.
"""

import hashlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from srgan_tf.data.folder_source import HELD_OUT
from srgan_tf.data.pairs import ClipPair, Source, pair_from_hr
from srgan_tf.errors import MissingPackageError, UserError
from srgan_tf.imaging import list_images, read_image
from srgan_tf.text import expand

CHUNK = 64
_FRAME_FOLDER = 2  # images that make a folder one of frames


def clips(where: str, scale: int, part: str) -> Source:
    """The clips below a path. Of them, those of the lowest hashes of their names are held out, at least one.

    Args:
        where: the path.
        scale: HR side over LR side.
        part: "train", "validation" or "all".

    Raises:
        UserError: there are none, or nothing is left to train on.
        OSError: from the file system.
    """
    if not where:
        raise UserError("--dataset=clips:PATH needs the path of a video or a folder")
    found = sorted(_found(expand(where)), key=lambda one: _place(one[0]))
    if not found:
        raise UserError(f"{where}: no video and no folder of frames here")
    if part != "all":
        if len(found) < 2:
            raise UserError(f"{where} holds one clip: none is left to validate on; give --val_dataset")
        below = sum(_place(name) < HELD_OUT for name, *_ in found)
        count = min(max(below, 1), len(found) - 1)
        found = found[:count] if part == "validation" else found[count:]
    pieces = [(name if number is None else f"{name} {number}", partial(load, scale=scale), files)
              for name, files, loaders in sorted(found, key=lambda one: one[0])
              for number, load in loaders]
    return Source(f"clips:{where}", len(pieces), [(name, load) for name, load, _ in pieces],
                  files={name: files for name, _, files in pieces}, moving="clips")


Found = tuple[str, tuple[Path, ...], list[tuple[int | None, Callable[..., ClipPair]]]]


def _found(path: Path) -> Iterator[Found]:
    """Name, files and the loaders of each clip."""
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
        yield str(path), tuple(frames), [(None if len(starts) == 1 else number, partial(
            _load_frames, frames[start : start + CHUNK])) for number, start in enumerate(starts)]


def _video(path: Path) -> Found:
    from srgan_tf.video.probing import probe

    try:
        clip = probe(path)
    except MissingPackageError:
        raise
    except UserError as error:
        return str(path), (path,), [(None, partial(_fail, str(error)))]
    count = max(1, round(float(clip.seconds * clip.rate) / CHUNK)) if clip.seconds else 1
    bounds = [Fraction(clip.seconds) * number / count for number in range(1, count)]
    stretches = zip([Fraction(0), *bounds], [*bounds, None], strict=True)
    return str(path), (path,), [(None if count == 1 else number, partial(_load_video, path, start, end))
                                for number, (start, end) in enumerate(stretches)]


def _fail(reason: str, scale: int) -> ClipPair:
    raise UserError(reason)


def _load_video(path: Path, start: Fraction, end: Fraction | None, scale: int) -> ClipPair:
    from srgan_tf.video.frame_reading import read_frames
    from srgan_tf.video.probing import probe

    frames = (frame.pixels for frame in read_frames(probe(path), start, end) if frame.pixels is not None)
    return stacked([pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8) for pixels in frames], scale)


def _load_frames(files: list[Path], scale: int) -> ClipPair:
    frames = [read_image(file).pixels[..., :3] for file in files]
    if len({frame.shape for frame in frames}) > 1:
        raise UserError(f"{files[0].parent}: its frames differ in size")
    return stacked(frames, scale)


def stacked(frames: list[np.ndarray], scale: int) -> ClipPair:
    """Frames uint8 [H,W,3] as one pair, HR and LR [T H',W',3], each reduced as MATLAB does."""
    if not frames:
        raise UserError("no frames")
    pairs = [pair_from_hr(frame, scale) for frame in frames]
    return ClipPair(*(np.concatenate([getattr(pair, name) for pair in pairs]) for name in ("lr", "hr")), len(pairs))


def _place(name: str) -> float:
    """Where in [0, 1) a clip lies, by its name alone, so that the split is that of any machine."""
    digest = hashlib.sha256(Path(name).name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
