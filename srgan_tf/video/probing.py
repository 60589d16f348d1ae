"""What a clip holds: found by opening it and decoding its first frame, before anything is computed."""

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from srgan_tf.errors import MissingPackageError, UserError
from srgan_tf.video.yuv import Colour, colour_of, depth_of, is_rgb

CLIP_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv",
                 ".flv", ".3gp", ".ogv")
# Others, such as lists of files and of addresses, would read what a stranger's clip names.
_FILES_ALONE = {"protocol_whitelist": "file",
                "format_whitelist": "mov,mp4,matroska,webm,avi,mpeg,mpegts,mpegvideo,asf,flv,ogg"}
_TRANSPORT = ("mpegts", "mpeg")  # whose clocks begin anywhere
_FIRST_PACKETS = 500  # to find a first frame in


@dataclasses.dataclass(frozen=True)
class Clip:
    """A clip, or the stretch of one that is to be upscaled.

    Attributes:
        path: of its file.
        track: index of the video track among all tracks.
        codec: FFmpeg's name of the video codec.
        width, height: of the frames as they are stored, before any rotation.
        depth: bits of a component.
        alpha: whether the frames have transparency.
        colour: what their numbers mean.
        time_base: seconds that a timestamp counts.
        rate: frames a second, on average.
        origin: seconds at which the clip's own clock begins.
        seconds: how long it is, or 0 where it does not say.
        aspect: width of a pixel by its height, or None where that is not said.
        rotation: its display matrix, nine numbers in 16.16 and 2.30, or None.
        interlaced: whether its frames are pairs of fields.
        audio: codecs of the audio tracks.
    """

    path: Path
    track: int
    codec: str
    width: int
    height: int
    depth: int
    alpha: bool
    colour: Colour
    time_base: Fraction
    rate: Fraction
    origin: Fraction
    seconds: float
    aspect: Fraction | None
    rotation: tuple[int, ...] | None
    interlaced: bool
    audio: tuple[str, ...] = ()

    @property
    def deep(self) -> bool:
        """Whether its frames have more than 8 bits a component."""
        return self.depth > 8


def is_clip(path: Path) -> bool:
    """Whether a file's name is that of a video."""
    return path.suffix.lower() in CLIP_SUFFIXES


def import_av() -> Any:
    """PyAV, or the UserError that says how it is installed."""
    try:
        import av
    except ModuleNotFoundError as error:
        raise MissingPackageError("PyAV, which reads and writes video, is not installed: pip install 'srgan_tf[video]' "
                                  "(Python 3.11 or later)") from error
    return av


@contextlib.contextmanager
def plain_errors(say: Callable[[str], str]) -> Iterator[None]:
    """FFmpeg's own errors as UserErrors, in the words that `say` makes of their reason.

    Those that are the system's too, as a full disk, stay.
    """
    av = import_av()
    try:
        yield
    except av.FFmpegError as error:
        if isinstance(error, (OSError, MemoryError)):
            raise
        raise UserError(say(error.strerror)) from error


def url_of(path: Path) -> str:
    """A path as FFmpeg takes it for one, whatever is in it: it takes 12:30.mp4 for a protocol."""
    return f"file:{path}"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A clip's container, open for reading.

    Raises:
        UserError: it is not a video file that FFmpeg reads.
        OSError: from the file system.
    """
    av = import_av()
    with path.open("rb") as file:
        if not file.read(1):
            raise UserError(f"{path}: the file is empty")
    try:
        container = av.open(url_of(path), metadata_errors="replace", container_options=_FILES_ALONE)
    except av.FFmpegError as error:
        raise UserError(f"{path}: not a video that FFmpeg can read ({error.strerror})") from error
    with container:
        yield container


def video_track(container: Any) -> Any:
    """The track to upscale: the first that is video and no cover, or None."""
    from av.stream import Disposition

    tracks = [track for track in container.streams.video if not track.disposition & Disposition.attached_pic]
    return tracks[0] if tracks else None


def probe(path: Path) -> Clip:
    """Looks into a clip.

    Raises:
        UserError: it cannot be read, has no video or no frame, or colours that would come out wrong.
        OSError: from the file system.
    """
    with opened(path) as container:
        track = video_track(container)
        if track is None:
            kinds = ", ".join(sorted({other.type for other in container.streams}))
            raise UserError(f"{path}: no video track ({kinds + ' only' if kinds else 'no track at all'})")
        if track.codec_context is None:
            raise UserError(f"{path}: its video is of a codec that FFmpeg cannot decode")
        frame = _first_frame(container, track)
        if frame is None:
            raise UserError(f"{path}: no frame of its video track can be decoded")
        try:
            return _described(path, container, track, frame)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error


def _first_frame(container: Any, track: Any) -> Any:
    av = import_av()
    packets = container.demux(track)
    for _ in range(_FIRST_PACKETS):
        with contextlib.suppress(av.FFmpegError):
            packet = next(packets, None)
            if packet is None:
                return None
            for frame in packet.decode():
                return frame
    return None


def _described(path: Path, container: Any, track: Any, frame: Any) -> Clip:
    context, said = track.codec_context, container.start_time
    sides = _side_data(frame)
    colour = colour_of(
        frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range, frame.width, frame.height,
        rgb=is_rgb(frame.format), full=frame.format.name.startswith("yuvj"))
    if {"DOVI_METADATA", "DOVI_RPU_BUFFER"} & sides.keys() and not colour.high_dynamic_range:
        raise UserError("it is Dolby Vision without a layer in PQ or HLG, which is not supported: convert it to HDR10 "
                        "first")
    origin = Fraction(said, 1_000_000) if said and container.format.name in _TRANSPORT else Fraction(0)
    end = track.duration * track.time_base if track.duration else Fraction(container.duration or 0, 1_000_000)
    return Clip(
        path, track.index, context.name, frame.width, frame.height, depth_of(frame.format),
        _has_alpha(track, frame), colour, track.time_base,
        track.average_rate or track.guessed_rate or Fraction(25), origin, float(end),
        track.sample_aspect_ratio or None,
        sides.get("DISPLAYMATRIX"), frame.interlaced_frame, tuple(
            audio.codec_context.name for audio in container.streams.audio if audio.codec_context))


def _has_alpha(track: Any, frame: Any) -> bool:
    """Whether there is transparency: in the frames, or beside them, as VP8 and VP9 have it (decoders pass it over)."""
    beside = {name.lower(): value for name, value in track.metadata.items()}.get("alpha_mode") == "1"
    return beside or any(component.is_alpha for component in frame.format.components)


def _side_data(frame: Any) -> dict[str, tuple[int, ...] | None]:
    """What stands beside a frame, by FFmpeg's name; of the display matrix, its numbers."""
    found = {}
    with contextlib.suppress(ValueError):  # of a kind that PyAV does not know
        for side in frame.side_data:
            name = side.type.name
            found[name] = tuple(np.frombuffer(side, np.int32).tolist()) if name == "DISPLAYMATRIX" else None
    return found


def parse_time(text: str, flag: str) -> Fraction:
    """Reads 90, 90.5, 1:30 or 1:02:03.5 into seconds.

    Raises:
        UserError: it is something else.
    """
    found = re.fullmatch(r"(?:(?:([0-9]{1,4}):)?([0-9]{1,6}):)?([0-9]{1,9}(?:\.[0-9]{1,9})?)", text)
    if not found:
        raise UserError(f"--{flag} must be seconds, MINUTES:SECONDS or HOURS:MINUTES:SECONDS, as in 90.5 or 1:30; "
                        f"got {text!r}")
    hours, minutes, seconds = (Fraction(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds
