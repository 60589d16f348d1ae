"""The finished segments and the clip's other tracks in one file, nothing encoded again.

Audio, subtitles, covers and attachments are copied packet by packet, with their timestamps; chapters, tags, rotation
and pixel aspect too. The video's decoding times are made anew, because each segment's own begin before it.
"""

import contextlib
import heapq
import io
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from srgan_tf.atomic import replacing
from srgan_tf.errors import UserError
from srgan_tf.video.encoders import CODECS, Encoding
from srgan_tf.video.probing import Clip, import_av, opened, plain_errors, url_of
from srgan_tf.video.segments import Parts

# What the muxer writes itself, or what is true of the old file alone.
_STALE_TAGS = ("encoder", "major_brand", "minor_version", "compatible_brands", "duration", "bps", "number_of_frames",
               "number_of_bytes", "vendor_id", "rotate")

_EVER = 1 << 62
# It plays before it is loaded, and a track that begins after another does so to 11 microseconds, not to a millisecond.
_MP4_OPTIONS = {"movflags": "faststart", "movie_timescale": "90000"}


def join(parts: Parts, clip: Clip, target: Path, encoding: Encoding, start: Fraction, end: Fraction | None,
         tags: bool = True) -> None:
    """Writes the result, whole or not at all.

    Args:
        parts: with all segments.
        clip: that they were made of.
        target: of the result.
        encoding: how the segments were written.
        start: of the stretch that they stand for, in seconds from the clip's beginning.
        end: of it; None: the clip's end.
        tags: whether the clip's own tags and chapters are kept. Those of tracks, such as languages, are.

    Raises:
        OSError: from the file system.
        UserError: no segment, one that is damaged, or tracks that FFmpeg does not join.
    """
    av = import_av()
    options = _MP4_OPTIONS if target.suffix.lower() in (".mp4", ".m4v", ".mov") else {}
    with (plain_errors(partial(_not_joined, target, parts)), opened(clip.path) as source,
          replacing(target) as temporary,
          av.open(url_of(temporary), "w", container_options=options) as result):
        video = _add_video(result, parts, clip, encoding)
        copied = {track.index: copy for track in _others(source, clip) if _fits(track, result.format.name)
                  and (copy := _add_copy(result, track))}
        shift, last = start + clip.origin, None if end is None else end - start
        if tags:
            result.metadata.update(_kept(source.metadata))
            result.set_chapters(_chapters(source.chapters(), shift, last))
        for _, packet in heapq.merge(_video_packets(parts, video, clip, shift),
                                     _other_packets(source, copied, shift, bool(start), last),
                                     key=lambda timed: timed[0]):
            result.mux(packet)


def _not_joined(target: Path, parts: Parts, reason: str) -> str:
    return (f"{target}: its tracks cannot be joined ({reason}): try a name that ends in .mkv; the frames stay in "
            f"{parts.folder}")


def _add_video(result: Any, parts: Parts, clip: Clip, encoding: Encoding) -> Any:
    with opened(parts.media(0)) as first:
        video = result.add_stream_from_template(first.streams.video[0], opaque=True)
    with opened(clip.path) as source:
        old = source.streams[clip.track]
        video.metadata.update(_kept(old.metadata))
        video.disposition = old.disposition
    context, colour = video.codec_context, clip.colour
    video.time_base = clip.time_base
    context.framerate = clip.rate.limit_denominator(1 << 16)
    context.colorspace, context.color_range = colour.matrix, 2 if colour.full_range else 1
    context.color_primaries, context.color_trc = colour.primaries, colour.transfer
    if clip.aspect:
        context.sample_aspect_ratio = clip.aspect
    tag = CODECS[encoding.codec].tag
    if tag and result.format.name in ("mp4", "mov"):
        context.codec_tag = tag
    if clip.rotation:
        # The last row moves, in pixels.
        moves = (round(moved * encoding.width / clip.width) for moved in clip.rotation[6:8])
        video.set_display_matrix([*clip.rotation[:6], *moves, clip.rotation[8]])
    return video


def tracks_left_out(clip: Clip, target: Path) -> list[str]:
    """Which of a clip's other tracks the result cannot hold, a line each."""
    suffix = target.suffix.lower()
    muxer = {".mkv": "matroska", ".m4v": "ipod"}.get(suffix, suffix[1:])
    hint = "" if suffix == ".mkv" else "; .mkv may hold it"
    with opened(clip.path) as source:
        return [f"{track.type} track {track.index} ({_name(track)}) cannot be in {suffix} and is left out{hint}"
                for track in _others(source, clip) if not _fits(track, muxer)]


def _name(track: Any) -> str:
    return (track.codec_context.name if track.codec_context else track.name) or "unknown"


def _others(source: Any, clip: Clip) -> list[Any]:
    """All tracks but the one that is upscaled, and data: QuickTime's time codes and phones' measurements."""
    return [track for track in source.streams if track.index != clip.track and track.type != "data"]


def _add_copy(result: Any, track: Any) -> Any:
    """Adds a track like this one; a cover becomes an attachment in Matroska, which then holds it whole, and None."""
    if _is_cover(track) and result.format.name == "matroska":
        _attach(result, track)
        return None
    new = result.add_stream_from_template(track, opaque=True)
    new.metadata.update(_kept(track.metadata))
    new.disposition = track.disposition
    return new


def _is_cover(track: Any) -> bool:
    from av.stream import Disposition

    return bool(track.disposition & Disposition.attached_pic)


def _attach(result: Any, track: Any) -> None:
    kind = {"mjpeg": "jpeg"}.get(track.codec_context.name, track.codec_context.name)
    with opened(Path(track.container.name.removeprefix("file:"))) as source:
        image = next(packet for packet in source.demux(source.streams[track.index]) if packet.size)
        result.add_attachment(track.metadata.get("filename", f"cover.{kind}"), f"image/{kind}", bytes(image))


def _fits(track: Any, format: str) -> bool:
    """Whether a container holds such a track. FFmpeg knows for sure when it writes the header."""
    av = import_av()
    try:
        with av.open(io.BytesIO(), "w", format=format) as trial:
            _add_copy(trial, track)
            trial.start_encoding()
    except (ValueError, av.FFmpegError):
        return False
    return True


def _kept(tags: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in tags.items()
            if name.lower() not in _STALE_TAGS and not name.startswith("_STATISTICS")}


def _chapters(chapters: list[dict], shift: Fraction, last: Fraction | None) -> list[dict]:
    """The chapters within the stretch, cut to it."""
    found = []
    for chapter in chapters:
        base = chapter["time_base"]
        begin, end = (max(chapter[side] * base - shift, Fraction(0)) for side in ("start", "end"))
        end = end if last is None else min(end, last)
        if begin < end:
            found.append({**chapter, "start": round(begin / base), "end": round(end / base)})
    return found


def _video_packets(parts: Parts, stream: Any, clip: Clip, shift: Fraction) -> Iterator[tuple[Fraction, Any]]:
    """The segments' packets with the seconds at which they are decoded."""
    reorder = max((segment.reorder for segment in parts.segments()), default=None)
    if reorder is None:
        raise UserError(f"{clip.path}: no frame in the stretch from --start to --end")
    moved = round(shift / clip.time_base)
    waiting: deque[int] = deque()  # decoding times: those of showing, `reorder` places later
    for number, segment in enumerate(parts.segments()):
        shown = sorted(pts - moved for pts in segment.pts)
        if not number:
            step = shown[1] - shown[0] if len(shown) > 1 else 1
            waiting.extend(shown[0] - step * ahead for ahead in range(reorder, 0, -1))
        waiting.extend(shown)
        lasting = _durations(shown, segment.duration, parts.segment(number + 1), moved)
        for packet, pts in _stored(parts, number, segment):
            packet.stream, packet.time_base = stream, clip.time_base
            packet.pts, packet.dts = pts - moved, waiting.popleft()
            packet.duration = lasting[pts - moved]
            yield packet.dts * clip.time_base, packet


def _durations(shown: list[int], last: int, following: Any, moved: int) -> dict[int, int]:
    """For how long each frame is shown: until the next one."""
    end = min(following.pts) - moved if following else shown[-1] + (last or (shown[-1] - shown[-2] if shown[1:] else 1))
    return dict(zip(shown, (after - before for before, after in zip(shown, [*shown[1:], end], strict=True)),
                    strict=True))


def _stored(parts: Parts, number: int, segment: Any) -> Iterator[tuple[Any, int]]:
    path = parts.media(number)
    with opened(path) as container:
        packets = (packet for packet in container.demux(container.streams.video[0]) if packet.size)
        try:
            yield from zip(packets, segment.pts, strict=True)
        except ValueError:
            raise UserError(f"{path} does not hold the frames that it should: delete its folder, and begin anew"
                            ) from None


def _other_packets(source: Any, copied: dict[int, Any], shift: Fraction, cut: bool, last: Fraction | None
                   ) -> Iterator[tuple[Fraction, Any]]:
    """The other tracks' packets, with the seconds at which they are decoded; where it is `cut`, not those before 0."""
    tracks = [source.streams[index] for index in copied if source.streams[index].type != "attachment"]
    if not tracks:
        return
    before: dict[int, int] = {}
    for packet in _readable(source.demux(tracks)):
        new, shown = copied[packet.stream_index], packet.pts
        stamp = 0 if _is_cover(packet.stream) else shown if packet.dts is None else packet.dts
        if stamp is None:
            continue
        base = packet.time_base
        time, moved = stamp * base - shift, round(shift / base)
        if _is_cover(packet.stream):
            packet.pts = packet.dts = 0
        elif (cut and time < 0) or (last is not None and time >= last):
            continue
        else:
            packet.pts = None if shown is None else shown - moved
            if packet.dts is not None:
                # Some recorders repeat a time, which containers refuse.
                packet.dts = before[new.index] = max(packet.dts - moved, before.get(new.index, -_EVER) + 1)
                packet.pts = None if shown is None else max(packet.pts, packet.dts)
        packet.stream = new
        yield time, packet


def _readable(packets: Iterator[Any]) -> Iterator[Any]:
    """Those that hold something, until the end or damage."""
    av = import_av()
    with contextlib.suppress(av.FFmpegError, StopIteration):
        while True:
            packet = next(packets)
            if packet.size:
                yield packet
