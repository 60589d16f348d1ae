"""Animated GIF, WebP and PNG through Pillow: frames, delays, loops and transparency.

Frames are read one by one and written as they come: WebP by Pillow, whose encoder holds what it has compressed until
the end, GIF and PNG by animation_writing.py.
"""

import functools
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# Pillow looks for the formats that it has not imported by importing all that it has: a tenth of a start.
from PIL import GifImagePlugin, Image, PngImagePlugin, WebPImagePlugin  # noqa: F401

from srgan_tf.atomic import replacing
from srgan_tf.errors import UserError
from srgan_tf.video.animation_writing import (
    GIF_DELAY,
    MOST_REPEATS,
    PNG_DELAY,
    rgba_image,
    write_gif,
    write_png,
)

# By ending: the greatest side in pixels, and the longest delay in milliseconds.
ANIMATION_FORMATS = {".gif": (65_535, GIF_DELAY), ".webp": (16_383, (1 << 24) - 1), ".png": ((1 << 31) - 1, PNG_DELAY)}
_READ = (*ANIMATION_FORMATS, ".apng")


class Animation(NamedTuple):
    """What an animated image holds beside its pixels.

    Attributes:
        width, height: of its frames.
        delays: milliseconds that each frame is shown.
        repeats: how often it is played; 0: without end.
        transparent: whether a pixel of a frame is not opaque.
        poster: whether the first of the frames is for readers that know no animation, and has no delay.
        icc_profile: of its colours, if any.
    """

    width: int
    height: int
    delays: tuple[float, ...]
    repeats: int
    transparent: bool
    poster: bool = False
    icc_profile: bytes | None = None


def is_animation(path: Path) -> bool:
    """Whether a file is an animated GIF, WebP or PNG. What cannot be read is none."""
    try:
        return path.suffix.lower() in _READ and _is_animated(path, path.stat().st_mtime_ns)
    except OSError:
        return False


@functools.lru_cache(4096)  # GIF and WebP are read to their end for it
def _is_animated(path: Path, changed: int) -> bool:
    try:
        with warnings.catch_warnings(), Image.open(path, formats=("GIF", "WEBP", "PNG")) as image:
            warnings.simplefilter("ignore")
            return getattr(image, "is_animated", False)
    except Exception:  # Pillow's errors have no common type; whoever reads the file reports it
        return False


def read_animation(path: Path) -> Animation:
    """Looks through all frames.

    Raises:
        UserError: one cannot be decoded.
    """
    with Image.open(path) as image:
        poster = bool(image.info.get("default_image"))
        delays, transparent = [], False
        for number, frame in enumerate(_frames(path, image)):
            transparent = transparent or frame.getextrema()[3][0] < 255
            if number or not poster:
                delays.append(float(image.info.get("duration", 0)))
        profile = image.info.get("icc_profile")
        return Animation(*image.size, tuple(delays), _repeats(image), transparent, poster, profile)


def _repeats(image: Any) -> int:
    """GIF says how often it is repeated after the first time, and nothing where it is not."""
    loop = image.info.get("loop")
    if image.format == "GIF":
        return 1 if loop is None else loop + (loop > 0)
    return loop or 0


def _frames(path: Path, image: Any) -> Iterator[Any]:
    """Each frame as RGBA, as a viewer shows it."""
    for number in range(image.n_frames):
        try:
            image.seek(number)
            yield image.convert("RGBA")
        except Exception as error:
            raise UserError(f"{path}: frame {number + 1} of {image.n_frames} is damaged: {error}") from error


def read_animation_frames(path: Path) -> Iterator[np.ndarray]:
    """The frames one by one: uint8 [H,W,4], or [H,W,3] where all is opaque.

    Raises:
        UserError: one cannot be decoded.
    """
    with Image.open(path) as image:
        for frame in _frames(path, image):
            pixels = np.asarray(frame)
            yield pixels[..., :3] if (pixels[..., 3] == 255).all() else pixels


def write_animation(path: Path, frames: Iterator[np.ndarray], like: Animation) -> None:
    """Writes an animated image, whole or not at all.

    Args:
        path: ends in .gif, .webp or .png.
        frames: uint8 [H,W,3] or [H,W,4], as many as `like` has; each is made when it is written.
        like: its delays, repeats and transparency.

    Raises:
        UserError: the format cannot hold such frames.
        OSError: from the file system.
    """
    ending, frames = path.suffix.lower(), iter(frames)
    if like.poster and ending != ".png":
        next(frames)
    with replacing(path) as temporary, temporary.open("wb") as file:
        try:
            if ending == ".gif":
                write_gif(file, frames, like.delays, like.repeats, like.transparent)
            elif ending == ".png":
                write_png(file, frames, like.delays, like.repeats, like.poster, like.icc_profile)
            else:
                _LazyFrames(frames, len(like.delays)).save(
                    file, "WEBP", save_all=True, lossless=True, method=2, duration=list(like.delays),
                    loop=min(like.repeats, MOST_REPEATS), icc_profile=like.icc_profile)
        except (ValueError, SystemError) as error:  # such as a side beyond the format's greatest
            if isinstance(error, UserError):
                raise
            raise UserError(f"{path}: cannot be written as an animated {ending[1:].upper()}: {error}") from error


class _LazyFrames(Image.Image):
    """An image of many frames for Pillow's writer, each of which is made when it turns to it."""

    def __init__(self, frames: Iterator[np.ndarray], count: int):
        super().__init__()
        self._source, self.n_frames, self._at = frames, count, -1
        self.is_animated = True
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Turns to the next frame; Pillow turns back at the end alone, where it looks at nothing."""
        if frame >= self.n_frames:
            raise EOFError
        if frame <= self._at:
            return
        made = rgba_image(next(self._source))
        self._at, self._mode, self._size = frame, made.mode, made.size
        self.im, self.palette, self.info = made.im, made.palette, made.info

    def tell(self) -> int:
        """The frame that it shows."""
        return self._at
