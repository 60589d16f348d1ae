"""A clip's frames in their order, from its beginning or from any frame on."""

import contextlib
import zlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.video.probing import Clip, import_av, opened, video_track
from srgan_tf.video.yuv import FrameReader, filter_graph

# Seconds before a frame from which decoding begins, so that it passes a whole key frame's stretch.
_RUN_UP = 10


class Place(NamedTuple):
    """A frame that is told from its neighbours: how it is found again.

    Attributes:
        pts: its timestamp.
        sum: CRC-32 of its pixels.
    """

    pts: int
    sum: int


class ClipFrame(NamedTuple):
    """A frame as RGB.

    Attributes:
        pts: when it is shown, in the clip's time base; greater than the one before.
        duration: how long, as far as the clip says; 0: not said.
        pixels: uint8 or uint16 [H,W,3]; None: no frame, but faults behind the last one.
        faults: what was wrong, a line each, here and since the frame before.
    """

    pts: int
    duration: int
    pixels: np.ndarray | None
    faults: tuple[str, ...] = ()

    @property
    def place(self) -> Place:
        """How it is found again."""
        return Place(self.pts, zlib.crc32(self.pixels))


def read_frames(clip: Clip, start: Fraction = Fraction(0), end: Fraction | None = None,
                after: Place | None = None) -> Iterator[ClipFrame]:
    """Yields the frames from `start` until before `end`, deinterlaced where the clip is interlaced.

    Args:
        clip: as probed.
        start: seconds from the clip's beginning.
        end: the same; None: the clip's end.
        after: a frame that was yielded before: those that follow it are yielded.

    Raises:
        UserError: that frame is not found.
        OSError: from the file system.
    """
    first = (start + clip.origin) / clip.time_base
    last = None if end is None else (end + clip.origin) / clip.time_base
    found = after is None
    if after:
        # Elsewhere than at its beginning a clip may decode otherwise, by damage or by timestamps that lie.
        for seek in (after.pts - int(_RUN_UP / clip.time_base), None):
            frames = _decoded(clip, seek)
            found = any(frame.place == after for frame in _until(frames, after.pts) if frame.pts == after.pts)
            if found:
                break
    else:
        frames = _decoded(clip, int(first) if start else None)
    if not found:
        raise UserError(f"{clip.path}: the frame at {float(after.pts * clip.time_base):.3f} s, where an earlier run "
                        "stopped, is not there any more")
    for frame in frames:
        if last is not None and frame.pts >= last:
            return
        if frame.pts >= first:
            yield frame


def _until(frames: Iterator[ClipFrame], pts: int) -> Iterator[ClipFrame]:
    for frame in frames:
        yield frame
        if frame.pts >= pts:
            return


def _decoded(clip: Clip, seek: int | None) -> Iterator[ClipFrame]:
    """All frames from the key frame at or before the timestamp `seek` on; None: from the beginning."""
    with opened(clip.path) as container:
        track = video_track(container)
        # In slice threads, PyAV's default, H.264's decoder neither conceals damage nor reports it.
        track.codec_context.thread_count = 1
        faults: list[str] = []
        if seek is not None:
            _seek(container, track, seek)
        read = FrameReader(clip.width, clip.height, clip.colour, clip.deep, clip.codec)
        frames = _raw_frames(container, track, faults)
        step, shown = max(round(1 / (clip.rate * clip.time_base)), 1), None
        for frame in _deinterlaced(frames, clip) if clip.interlaced else frames:
            pts = _timestamp(frame, clip.time_base)
            if pts is None:
                pts = 0 if shown is None else shown + step
            shown = pts if shown is None else max(pts, shown + 1)
            if frame.is_corrupt:
                faults.append(f"{float(shown * clip.time_base):.3f} s: damaged, decoded as far as it went")
            duration = round(frame.duration * (frame.time_base or clip.time_base) / clip.time_base)
            yield ClipFrame(shown, duration, read(frame), tuple(faults))
            faults.clear()
        if faults:
            yield ClipFrame(0 if shown is None else shown + 1, 0, None, tuple(faults))


def _timestamp(frame: Any, time_base: Fraction) -> int | None:
    pts = frame.dts if frame.pts is None else frame.pts
    return None if pts is None else round(pts * (frame.time_base or time_base) / time_base)


def _seek(container: Any, track: Any, pts: int) -> None:
    av = import_av()
    with contextlib.suppress(av.FFmpegError):  # a stream that cannot: it is read from its beginning
        container.seek(max(pts, track.start_time or 0), stream=track)


def _raw_frames(container: Any, track: Any, faults: list[str]) -> Iterator[Any]:
    """What the decoder gives; what it could not decode is named in `faults`, and passed over."""
    av = import_av()
    packets = container.demux(track)
    while True:
        packet = None
        try:
            packet = next(packets, None)
            frames = packet.decode() if packet is not None else ()
        except (av.error.MemoryError, av.error.PermissionError):
            raise
        except av.FFmpegError as error:
            if packet is None:
                faults.append(f"the file ends in damage ({error.strerror})")
                return
            time = packet.pts if packet.pts is not None else packet.dts
            where = "a frame" if time is None else f"{float(time * packet.time_base):.3f} s"
            faults.append(f"{where}: unreadable, left out ({error.strerror})")
            continue
        if packet is None:
            return
        yield from frames


def _deinterlaced(frames: Iterator[Any], clip: Clip) -> Iterator[Any]:
    """A frame for each; those that are not interlaced pass as they are."""
    graph = None
    for frame in frames:
        graph = graph or filter_graph(frame, "yadif", "mode=send_frame:deint=interlaced")
        frame.time_base = frame.time_base or clip.time_base
        graph.push(frame)
        yield from _pulled(graph)
    if graph:
        graph.push(None)
        yield from _pulled(graph)


def _pulled(graph: Any) -> Iterator[Any]:
    av = import_av()
    with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):
        while True:
            yield graph.pull()
