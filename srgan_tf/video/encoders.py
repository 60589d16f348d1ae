"""Which codecs, containers and pixel formats are written, and with which options."""

import os
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from srgan_tf.errors import UserError
from srgan_tf.settings import lookup
from srgan_tf.video.probing import Clip, import_av

_X264_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_DEFAULT = -1  # of --crf


class Codec(NamedTuple):
    """A codec that is written.

    Attributes:
        encoder: FFmpeg's name of it.
        crf: the default of its constant quality, and the greatest; None: it is lossless.
        presets: from fast to small, and which is the default.
        options: what FFmpeg is told for a quality and a preset.
        tag: under which MP4 and QuickTime players know it; empty: FFmpeg's choice.
    """

    encoder: str
    crf: tuple[int, int] | None
    presets: tuple[str, ...]
    preset: str
    options: Callable[[int, str], dict[str, str]]
    tag: str = ""


CODECS = {
    "h264": Codec("libx264", (18, 51), _X264_PRESETS, "medium", lambda crf, preset: {
        "crf": str(crf), "preset": preset}),
    "hevc": Codec("libx265", (20, 51), _X264_PRESETS, "medium", lambda crf, preset: {
        "crf": str(crf), "preset": preset, "x265-params": "log-level=none"}, "hvc1"),
    "vp9": Codec("libvpx-vp9", (24, 63), tuple("876543210"), "4", lambda crf, preset: {
        "crf": str(crf), "b": "0", "cpu-used": preset, "row-mt": "1"}),
    "av1": Codec("libsvtav1", (28, 63), ("12", "11", "10", *"9876543210"), "8", lambda crf, preset: {
        "crf": str(crf), "preset": preset}),
    "ffv1": Codec("ffv1", None, (), "", lambda crf, preset: {"level": "3", "slices": "4", "slicecrc": "1", "g": "1"}),
}
# By ending: what such a file can hold; for 8 bits and for more, the first that is named is written.
CONTAINERS = {
    ".mp4": ("h264", "hevc", "av1", "vp9"),
    ".m4v": ("h264", "hevc"),
    ".mov": ("h264", "hevc"),
    ".mkv": ("h264", "hevc", "av1", "vp9", "ffv1"),
    ".webm": ("vp9", "av1"),
}
_DEEP_CODECS = {".webm": "av1"}  # of the others hevc, which more devices play in 10 bits than h264
# Audio that every player takes in MP4.
_MP4_AUDIO = ("aac", "mp3", "mp3float", "ac3", "eac3", "alac", "opus", "libopus")


class Wish(NamedTuple):
    """What the user said of the encoding; empty and -1: nothing."""

    codec: str = ""
    crf: int = _DEFAULT
    preset: str = ""
    pixel_format: str = ""


class Encoding(NamedTuple):
    """How a clip's video is written.

    Attributes:
        codec: a key of CODECS.
        pixel_format: FFmpeg's name of it.
        options: what the encoder is told.
        width, height: of the frames; up to a pixel more than what is upscaled, where chroma is halved.
    """

    codec: str
    pixel_format: str
    options: dict[str, str]
    width: int
    height: int

    @property
    def deep(self) -> bool:
        """Whether the frames have more than 8 bits."""
        return "p1" in self.pixel_format


def ending_for(clip: Clip) -> str:
    """The ending of what a clip becomes where the user says none: its own, of those that are written."""
    own = clip.path.suffix.lower()
    if own in CONTAINERS:
        return own[1:]
    return "mp4" if set(clip.audio) <= set(_MP4_AUDIO) else "mkv"


def choose(clip: Clip, target: Path, wish: Wish, width: int, height: int) -> Encoding:
    """How a clip is written to a file.

    Args:
        clip: as probed.
        target: of the result, whose ending says which container.
        wish: what is asked.
        width: of the upscaled frames.
        height: of the upscaled frames.

    Raises:
        UserError: the file's ending, codec, quality, preset and pixel format do not go together.
    """
    ending = target.suffix.lower()
    if ending not in CONTAINERS:
        raise UserError(f"{target}: a clip is written as {', '.join(CONTAINERS)}; got {ending!r}")
    deep = clip.deep or bool(clip.colour.high_dynamic_range)
    wished_deep = "p1" in wish.pixel_format if wish.pixel_format else deep
    name = wish.codec or (_DEEP_CODECS.get(ending, "hevc") if wished_deep else CONTAINERS[ending][0])
    codec = lookup(CODECS, name, "codec")
    if name not in CONTAINERS[ending]:
        raise UserError(f"{target}: {ending} cannot hold --codec={name}, but {', '.join(CONTAINERS[ending])}")
    pixel_format = wish.pixel_format or _pixel_format(codec, deep)
    _check_pixel_format(clip, codec, name, pixel_format)
    width, height = (side + side % step for side, step in zip((width, height), _steps(pixel_format), strict=True))
    return Encoding(name, pixel_format, codec.options(_crf(name, codec, wish.crf), _preset(name, codec, wish.preset)),
                    width, height)


def _steps(pixel_format: str) -> tuple[int, int]:
    """Luma samples for a chroma sample, across and down."""
    return {"420": (2, 2), "422": (2, 1), "444": (1, 1)}[pixel_format[3:6]]


def _pixel_format(codec: Codec, deep: bool) -> str:
    return "yuv420p10le" if deep and "yuv420p10le" in _formats(codec) else "yuv420p"


def _formats(codec: Codec) -> list[str]:
    av = import_av()
    known = [found.name for found in av.Codec(codec.encoder, "w").video_formats or ()]
    return [name for name in known if re.fullmatch(r"yuv(420|422|444)p(1[02]le)?", name)]


def _check_pixel_format(clip: Clip, codec: Codec, name: str, pixel_format: str) -> None:
    if pixel_format not in _formats(codec):
        raise UserError(f"--pixel_format of {name} must be one of {', '.join(_formats(codec))}; got {pixel_format!r}")
    if clip.colour.high_dynamic_range and "p1" not in pixel_format:
        raise UserError(f"{clip.path} is {clip.colour.high_dynamic_range} (high dynamic range), which needs 10 bits: "
                        f"choose a codec and a pixel format with them, as --codec=hevc; got {name}, {pixel_format}")


def _crf(name: str, codec: Codec, crf: int) -> int:
    if crf == _DEFAULT:
        return codec.crf[0] if codec.crf else 0
    if codec.crf is None:
        raise UserError(f"--codec={name} is lossless: give no --crf; got {crf}")
    if crf > codec.crf[1]:
        raise UserError(f"--crf of {name} must be within 0..{codec.crf[1]}; got {crf}")
    return crf


def _preset(name: str, codec: Codec, preset: str) -> str:
    if preset and preset not in codec.presets:
        raise UserError(f"--preset of {name} must be one of {', '.join(codec.presets) or 'none'}; got {preset!r}")
    return preset or codec.preset


def add_video(container: Any, encoding: Encoding, clip: Clip) -> Any:
    """Adds a stream that encodes a clip's upscaled frames to a container that is open for writing."""
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 writes to standard error whatever it does
    codec = CODECS[encoding.codec]
    stream = container.add_stream(codec.encoder, rate=clip.rate.limit_denominator(1 << 16), options=encoding.options)
    stream.width, stream.height, stream.pix_fmt = encoding.width, encoding.height, encoding.pixel_format
    context, colour = stream.codec_context, clip.colour
    context.time_base = Fraction(clip.time_base)
    if clip.aspect:
        context.sample_aspect_ratio = clip.aspect
    context.colorspace, context.color_range = colour.matrix, 2 if colour.full_range else 1
    context.color_primaries, context.color_trc = colour.primaries, colour.transfer
    return stream
