"""Animated GIF, WebP and PNG through Pillow: frames, delays, loops and transparency.

Frames are read one by one and written as they come. Pillow's writers of GIF and PNG hold each until the end; that of
WebP does not.
"""

import functools
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# Pillow looks for the formats that it has not imported by importing all that it has: a tenth of a start.
from PIL import GifImagePlugin, Image, PngImagePlugin, WebPImagePlugin  # noqa: F401

from srgan_tf.atomic import replacing
from srgan_tf.errors import UserError

# By ending, Pillow's format and what `save` is told.
ANIMATION_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".gif": ("GIF", {"optimize": False}),
    ".webp": ("WEBP", {"lossless": True, "method": 2}),
    ".png": ("PNG", {"blend": 0}),
}
MOST_SIDE = {".gif": 65_535, ".webp": 16_383, ".png": (1 << 31) - 1}  # pixels
_READ = (*ANIMATION_FORMATS, ".apng")
_OPAQUE_FROM = 128  # alpha in GIF, which has none between


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
    name, options = ANIMATION_FORMATS[path.suffix.lower()]
    prepare = _palette_frame if name == "GIF" else _rgba_frame
    options = {**options, "duration": list(like.delays)}
    if name == "GIF":
        options |= {"disposal": 2 if like.transparent else 1}
        if like.repeats != 1:
            options["loop"] = max(like.repeats - 1, 0)
    else:
        options |= {"loop": like.repeats, "icc_profile": like.icc_profile}
    frames = iter(frames)
    if like.poster and name != "PNG":
        next(frames)
    with replacing(path) as temporary:
        try:
            if name == "PNG":  # its writer goes through the frames twice
                first, *others = map(_rgba_frame, frames)
                first.save(temporary, name, save_all=True, append_images=others, default_image=like.poster, **options)
            else:
                _LazyFrames(frames, len(like.delays), prepare).save(temporary, name, save_all=True, **options)
        except (ValueError, SystemError) as error:  # such as a side beyond the format's greatest
            if isinstance(error, UserError):
                raise
            raise UserError(f"{path}: cannot be written as an animated {name}: {error}") from error


def _rgba_frame(pixels: np.ndarray) -> Any:
    return Image.fromarray(np.ascontiguousarray(pixels)).convert("RGBA")


def _palette_frame(pixels: np.ndarray) -> Any:
    """A frame of at most 256 colours of its own, of which the last is transparency; without dither, which flickers."""
    if pixels.shape[2] == 3:
        return Image.fromarray(np.ascontiguousarray(pixels)).quantize(256, dither=Image.Dither.NONE)
    hidden = pixels[..., 3] < _OPAQUE_FROM
    colour = np.where(hidden[..., None], 0, pixels[..., :3])
    frame = Image.fromarray(np.ascontiguousarray(colour)).quantize(255, dither=Image.Dither.NONE)
    palette = frame.getpalette("RGB") or []
    indices = np.where(hidden, 255, np.asarray(frame)).astype(np.uint8)
    made = Image.fromarray(indices).convert("P")
    made.putpalette(palette + [0] * (768 - len(palette)))
    made.info["transparency"] = 255
    return made


class _LazyFrames(Image.Image):
    """An image of many frames for Pillow's writers, each of which is made when they turn to it."""

    def __init__(self, frames: Iterator[np.ndarray], count: int, prepare: Callable[[np.ndarray], Any]):
        super().__init__()
        self._source, self._prepare, self.n_frames, self._at = frames, prepare, count, -1
        self.is_animated = True
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Turns to the next frame; Pillow's writers turn back at the end alone, where they look at nothing."""
        if frame >= self.n_frames:
            raise EOFError
        if frame <= self._at:
            return
        made = self._prepare(next(self._source))
        self._at, self._mode, self._size = frame, made.mode, made.size
        self.im, self.palette, self.info = made.im, made.palette, made.info

    def tell(self) -> int:
        """The frame that it shows."""
        return self._at
