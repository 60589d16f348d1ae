"""Upscaling a clip as a stream: a thread decodes ahead, this one upscales (frame_streams.py), a third encodes."""

import contextlib
import hashlib
import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from srgan_tf import __version__
from srgan_tf.atomic import sweep
from srgan_tf.errors import UserError
from srgan_tf.inference.clip_settings import ClipSettings
from srgan_tf.inference.frame_streams import Finished, FrameStream, stream_of
from srgan_tf.inference.result_size import Target, passes, target_of
from srgan_tf.inference.upscaler import Upscaler
from srgan_tf.text import counted, megapixels, printable
from srgan_tf.video.encoders import CONTAINERS, Encoding, choose, ending_for
from srgan_tf.video.frame_reading import ClipFrame, read_frames
from srgan_tf.video.joining import join, tracks_left_out
from srgan_tf.video.probing import Clip, import_av, probe
from srgan_tf.video.segments import Parts, SegmentWriter, resume_place

AHEAD = 3  # frames that wait to be upscaled, and to be encoded
_NAMED = 20  # faults that are printed
_SAMPLE = 1 << 20  # bytes at either end of a clip that tell it from another


def clip_ending(source: Path) -> str:
    """The ending of what a clip becomes where the user says none.

    Raises:
        UserError, OSError: as check_clip.
    """
    return source.suffix[1:] if source.suffix.lower() in CONTAINERS else ending_for(probe(source))


def check_clip(source: Path, target: Path, settings: ClipSettings, scale: int = 0) -> tuple[Clip, Target, Encoding]:
    """Probes a clip, and checks whether it can be written as it is wished.

    Args:
        source: the clip.
        target: of the result.
        settings: how.
        scale: of the model; 0: not known yet.

    Returns:
        What it holds, how large the frames become, and how they are written.

    Raises:
        UserError: it cannot be read, holds no frames, or cannot be written so.
        OSError: from the file system.
    """
    clip = probe(source)
    size = target_of((clip.height, clip.width), settings.size, scale or 1)
    encoding = choose(clip, target, settings.wish, *reversed(size.size))
    if scale:
        passes((clip.height, clip.width), size.size, scale)  # a model of scale 1 makes nothing larger
    if settings.start and clip.seconds and settings.start >= clip.seconds:
        raise UserError(f"{source} lasts {clip.seconds:.3f} s: --start must be earlier; got {float(settings.start):g}")
    pixels = size.size[0] * size.size[1]
    if pixels > settings.max_megapixels * 1e6:
        raise UserError(f"{source}: {clip.width}x{clip.height} would become {megapixels(pixels)}; the limit is "
                        f"--max_megapixels={settings.max_megapixels:g}")
    return clip, size, encoding


def upscale_clip(upscaler: Upscaler, source: Path, target: Path, settings: ClipSettings,
                 timings: Counter | None = None) -> int:
    """Upscales one clip, with a line for it; what an earlier, equal call had finished is not done again.

    Args:
        upscaler: of RGB frames.
        source: the clip.
        target: of the result, whose ending says which container.
        settings: how.
        timings: takes the seconds spent on each part.

    Returns:
        How many frames it has.

    Raises:
        UserError: as check_clip, or the encoder does not take the frames.
        OSError: from the file system.
    """
    began, timings = time.perf_counter(), Counter() if timings is None else timings
    clip, size, encoding = check_clip(source, target, settings, upscaler.scale)
    for note in [*_notes(clip, encoding, size), *tracks_left_out(clip, target)]:
        tqdm.write(f"{printable(source)}: {printable(note)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep(target.parent)  # a run that was killed while it joined
    parts = Parts(target)
    with parts.locked():
        if parts.begin(_job(clip, upscaler, settings, encoding)):
            tqdm.write(f"{printable(source)}: an earlier run's frames were of another clip, model or setting: begun "
                       "anew")
        if parts.ended() is None:
            with _resumable(parts):
                _make_segments(upscaler, clip, size, settings, parts, encoding, timings)
        joining = time.perf_counter()
        join(parts, clip, target, encoding, settings.start, settings.end, not settings.strip_metadata)
        timings["join"] += time.perf_counter() - joining
        frames, counted = _counted(source, parts)
        parts.delete()
    tqdm.write(f"{printable(target)}: {clip.width}x{clip.height} -> {encoding.width}x{encoding.height}, "
               f"{counted} in {time.perf_counter() - began:.1f} s")
    return frames


@contextlib.contextmanager
def _resumable(parts: Parts) -> Iterator[None]:
    """Says what a run leaves that is stopped."""
    try:
        yield
    except KeyboardInterrupt:
        kept = sum(len(segment.pts) for segment in parts.segments())
        tqdm.write(f"{printable(parts.folder)}: {kept} frames are finished; the same command resumes")
        raise


def _counted(source: Path, parts: Parts) -> tuple[int, str]:
    """How many frames there are, in words too, with the repeats and the faults among them; the faults get a line."""
    segments = list(parts.segments())
    frames, repeats = sum(len(segment.pts) for segment in segments), sum(segment.repeats for segment in segments)
    faults = [fault for segment in segments for fault in segment.faults] + (parts.ended() or [])
    for fault in faults[:_NAMED]:
        tqdm.write(f"{printable(source)}: {printable(fault)}")
    words = [counted(frames, "frame")] + ([f"{repeats} of them repeats"] if repeats else [])
    return frames, ", ".join(words + ([f"{counted(len(faults), 'fault')} in the clip"] if faults else []))


def _notes(clip: Clip, encoding: Encoding, size: Target) -> Iterator[str]:
    if clip.interlaced:
        yield "interlaced: each pair of fields becomes one frame (yadif)"
    if clip.alpha:
        yield "its transparency is not kept"
    if (encoding.height, encoding.width) != size.size:
        yield "the result's last row or column is doubled, because halved chroma needs even sizes"
    if clip.deep and not encoding.deep:
        yield f"its {clip.depth} bits become 8"
    if clip.colour.high_dynamic_range:
        yield (f"{clip.colour.high_dynamic_range}: upscaled as it is and marked as such; the mastering display's "
               "description is not kept")


def _job(clip: Clip, upscaler: Upscaler, settings: ClipSettings, encoding: Encoding) -> dict[str, Any]:
    """What the segments depend on."""
    av = import_av()
    size = clip.path.stat().st_size
    digest = hashlib.sha256()
    with clip.path.open("rb") as file:
        for place in (0, max(size - _SAMPLE, 0)):
            file.seek(place)
            digest.update(file.read(_SAMPLE))
    return {"clip": [size, digest.hexdigest()], "model": [upscaler.runtime.name, upscaler.scale, str(settings.model),
                                                             getattr(settings.model, "digest", "")],
            "how": dict(settings.how),
            "stretch": [str(settings.start), str(settings.end)], "encoding": list(encoding),
            "versions": [__version__, av.__version__]}


def _make_segments(upscaler: Upscaler, clip: Clip, size: Target, settings: ClipSettings, parts: Parts,
                   encoding: Encoding, timings: Counter) -> None:
    done = list(parts.segments())
    count = sum(len(segment.pts) for segment in done)
    frames = read_frames(clip, settings.start, settings.end, resume_place(done[-1] if done else None))
    stream = stream_of(upscaler, (clip.height, clip.width), size, np.uint16 if encoding.deep else np.uint8, count,
                       parts.memory(len(done) - 1))
    # The threads end before the writer leaves what is unfinished.
    with (contextlib.closing(stream), SegmentWriter(parts, len(done), clip, encoding) as writer,
          ThreadPoolExecutor(1) as decoder, ThreadPoolExecutor(1) as encoder,
          tqdm(desc=printable(clip.path.name), unit="frame", initial=count, total=_expected(clip, settings),
               disable=None) as bar):
        if count:
            tqdm.write(f"{printable(clip.path)}: {count} frames of an earlier run are kept")
        writing = deque()
        for one in _through(stream, _ahead(decoder, frames), timings):
            writing.append(encoder.submit(writer.add, *one))
            if len(writing) > AHEAD:
                writing.popleft().result()
            bar.update(one.frame.pixels is not None)
        for future in writing:
            future.result()
        encoder.submit(writer.close).result()


def _through(stream: FrameStream, frames: Iterator[ClipFrame], timings: Counter) -> Iterator[Finished]:
    for frame in itertools.chain(frames, (None,)):
        start = time.perf_counter()
        done = list(stream.flush() if frame is None else stream.push(frame))
        timings["upscale"] += time.perf_counter() - start
        yield from done


def _expected(clip: Clip, settings: ClipSettings) -> int | None:
    """About how many frames there are, or None."""
    end = min(clip.seconds, float(settings.end)) if settings.end is not None else clip.seconds
    return round((end - float(settings.start)) * clip.rate) or None if clip.seconds else None


def _ahead(executor: Executor, frames: Iterator[ClipFrame]) -> Iterator[ClipFrame]:
    """The frames; up to AHEAD of them are decoded while one is looked at."""
    take: Callable[[], ClipFrame | None] = lambda: next(frames, None)  # noqa: E731
    waiting = deque(executor.submit(take) for _ in range(AHEAD))
    while (frame := waiting.popleft().result()) is not None:
        waiting.append(executor.submit(take))
        yield frame
