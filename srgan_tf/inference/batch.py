"""Upscaling many files: find them, name the results, continue after a bad one."""

import dataclasses
import functools
import os
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from srgan_tf.errors import MENDABLE, UserError
from srgan_tf.imaging import (
    WRITABLE_SUFFIXES,
    DecodedImage,
    Metadata,
    TooManyPixelsError,
    read_image,
    write_image,
    written_type,
)
from srgan_tf.inference.clips import CLIP_ENDINGS, clip_ending, is_clip, upscale_clip
from srgan_tf.inference.file_options import FileOptions
from srgan_tf.inference.inputs import find_inputs
from srgan_tf.inference.upscaler import Upscaler
from srgan_tf.text import printable


class Job(NamedTuple):
    """An image or a clip to upscale and the file to write."""

    source: Path
    target: Path


def find_jobs(inputs: Sequence[str], output: Path, *, suffix: str = "", format: str = "",
              recursive: bool = False, scale: int = 0) -> list[Job]:
    """Resolves files, folders and glob patterns into jobs, in the order given.

    Args:
        inputs: paths and patterns.
        output: folder of the results; or, of one image, the file (`names_file`).
        suffix: added to each name before its ending; {scale} in it stands for the scale.
        format: ending of the results; empty: png, but jpg for JPEG files, and for clips as `clip_ending` has it.
        recursive: whether images in sub-folders are taken too, into equal sub-folders of `output`.
        scale: how many times larger the results are; 0: not known yet, and {scale} stays in their names.

    Raises:
        UserError: an input that stands for nothing, several images for one file, an image that would be replaced, or
            a format that is not written.
    """
    found = find_inputs(inputs, recursive, output)
    endings = dict.fromkeys(ending for source, _ in found for ending in _written(source))
    if format and f".{format.lstrip('.').lower()}" not in endings:
        raise UserError(f"--format must be one of {', '.join(endings)}; got {format!r}")
    if names_file(output):
        jobs = [Job(found[0][0], _file_for(output, [source for source, _ in found], format))]
    else:
        suffix = suffix.replace("{scale}", str(scale)) if scale else suffix
        jobs = [Job(source, output / folder / f"{source.stem}{suffix}.{_ending(source, format)}")
                for source, folder in found]
    _check(jobs)
    return jobs


def names_file(output: Path) -> bool:
    """Whether an output is a file and not a folder: its ending is that of an image or clip, and no folder is there."""
    return output.suffix.lower() in (*WRITABLE_SUFFIXES, *CLIP_ENDINGS) and not output.is_dir()


def _written(source: Path) -> Sequence[str]:
    """The endings of what an image or a clip can become."""
    return CLIP_ENDINGS if is_clip(source) else WRITABLE_SUFFIXES


def _file_for(output: Path, sources: Sequence[Path], format: str) -> Path:
    if len(sources) > 1:
        raise UserError(f"--output={output} is one file, and {len(sources)} images are to be upscaled: give a folder")
    if output.suffix.lower() not in _written(sources[0]):
        raise UserError(f"--output={output}: {sources[0]} can become {', '.join(_written(sources[0]))}")
    if format and output.suffix.lower() != f".{format.lstrip('.').lower()}":
        raise UserError(f"--output={output} and --format={format} are two formats: give one of them")
    return output


def _ending(source: Path, format: str) -> str:
    wished = format.lstrip(".")
    if f".{wished.lower()}" in _written(source):
        return wished
    if is_clip(source):
        return clip_ending(source)
    return "jpg" if source.suffix.lower() in (".jpg", ".jpeg", ".jpe", ".jfif") else "png"


def _check(jobs: Sequence[Job]) -> None:
    """Raises a UserError where a result would take the place of another, or of an image that is to be upscaled."""
    targets = Counter(job.target for job in jobs)
    for target, count in targets.items():
        if count > 1:
            twins = ", ".join(str(job.source) for job in jobs if job.target == target)
            raise UserError(f"{count} images would be written to {target}: {twins}")
    for job in jobs:
        if job.target.exists() and job.source.exists() and job.target.samefile(job.source):
            raise UserError(
                f"{job.source} would be overwritten by its own output: choose another --output or --suffix")
    sources = {job.source.resolve() for job in jobs}
    for job in jobs:
        if job.target.resolve() in sources:
            raise UserError(f"{job.target}, which is also an input, would be overwritten by the output of "
                            f"{job.source}: choose another --output or --suffix")


def upscale_files(upscaler: Upscaler, jobs: Sequence[Job], *, overwrite: bool = False, max_megapixels: float = 400,
                  timings: Counter | None = None, options: FileOptions | None = None) -> int:
    """Upscales the images one by one, and then the clips, with a line for each; a bad one is reported and passed over.

    While an image is upscaled, the next is read and the one before is written. `timings` takes the seconds spent on
    each.

    Returns:
        How many failed.
    """
    timings, options = Counter() if timings is None else timings, options or FileOptions()
    missing = []
    for job in jobs:
        if job.target.exists() and not overwrite:
            tqdm.write(f"{printable(job.target)}: exists, kept (--overwrite replaces it)")
        else:
            missing.append(job)
    read = functools.partial(_read, scale=upscaler.scale, max_megapixels=max_megapixels, options=options)
    write = functools.partial(_write, software="" if options.strip_metadata else options.software)
    images = [job for job in missing if not is_clip(job.source)]
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        done, writing = 0, None
        for job, reading in zip(images, _ahead(reader, read, images), strict=True):
            upscaled = _attempt(job, lambda reading=reading: _upscale(upscaler, reading.result()))
            if upscaled:
                done += _finish(writing, timings)
                writing = job, writer.submit(write, upscaled)
        done += _finish(writing, timings)
    for job in missing:
        if is_clip(job.source):
            done += _attempt(job, lambda job=job: upscale_clip(upscaler, *job, options.clips, timings)) is not None
    failed = len(missing) - done
    if len(jobs) > 1:
        print(f"{done} upscaled, {len(jobs) - len(missing)} kept, {failed} failed")
    return failed


class _Work(NamedTuple):
    """An image on its way, and the seconds that each step took."""

    job: Job
    image: DecodedImage
    seconds: dict[str, float]
    upscaled: np.ndarray | None = None
    lost: tuple[str, ...] = ()


def _ahead(executor: Executor, function: Callable, items: Iterable) -> Iterator[Future]:
    """What the function makes of each item; it is at work on the next one while one is looked at."""
    futures = deque()
    for item in items:
        futures.append(executor.submit(function, item))
        if len(futures) > 1:
            yield futures.popleft()
    yield from futures


def _attempt(job: Job, step: Callable[[], Any]) -> Any:
    """What a step gives, or None where it fails, with a line that says why."""
    try:
        return step()
    except MENDABLE as error:
        print(f"failed: {printable(_reason(error, job))}", file=sys.stderr)
        return None
    except Exception:  # the rest of a batch continues
        traceback.print_exc()
        print(f"failed: {printable(job.source)}: this is an error in srgan_tf: please report it with the lines above",
              file=sys.stderr)
        return None


def _finish(writing: tuple[Job, Future] | None, timings: Counter) -> bool:
    """Waits until an image is written, and says so; whether it was."""
    work = writing and _attempt(writing[0], writing[1].result)
    if not work:
        return False
    timings.update(work.seconds)
    height, width = work.image.pixels.shape[:2]
    tqdm.write(f"{printable(work.job.target)}: {width}x{height} -> "
               f"{work.upscaled.shape[1]}x{work.upscaled.shape[0]} in {sum(work.seconds.values()):.1f} s")
    for note in work.image.notes:
        tqdm.write(f"{printable(work.job.source)}: {printable(note)}")
    if work.lost:
        tqdm.write(f"{printable(work.job.target)}: not kept: {printable(', '.join(work.lost))}")
    return True


def _read(job: Job, scale: int, max_megapixels: float, options: FileOptions) -> _Work:
    start = time.perf_counter()
    try:
        image = read_image(job.source, int(max_megapixels * 1e6 / scale**2), keep_depth=True, page=options.page,
                           accept_truncated=options.accept_truncated)
    except TooManyPixelsError as error:
        raise UserError(f"{job.source}: {error.width}x{error.height} would become "
                        f"{error.width * error.height * scale**2 / 1e6:.0f} megapixels; "
                        f"the limit is --max_megapixels={max_megapixels:g}") from None
    if options.strip_metadata:
        image = dataclasses.replace(image, metadata=Metadata())
    return _Work(job, image, {"read": time.perf_counter() - start})


def _upscale(upscaler: Upscaler, work: _Work) -> _Work:
    start, image = time.perf_counter(), work.image
    pixels, dtype = image.channels, written_type(work.job.target, image.pixels.dtype)
    with tqdm(desc=printable(work.job.source.name), unit="tile", leave=False, disable=None) as bar:
        upscaled = upscaler(pixels, lambda number, count: _show(bar, number, count), dtype=dtype)
    return work._replace(upscaled=upscaled, seconds={**work.seconds, "upscale": time.perf_counter() - start})


def _write(work: _Work, software: str) -> _Work:
    start = time.perf_counter()
    work.job.target.parent.mkdir(parents=True, exist_ok=True)
    lost = write_image(work.job.target, work.upscaled, like=work.image, software=software)
    return work._replace(lost=lost, seconds={**work.seconds, "write": time.perf_counter() - start})


def _show(bar: tqdm, number: int, count: int) -> None:
    bar.total = count
    bar.update(number - bar.n)


def _reason(error: Exception, job: Job) -> str:
    if isinstance(error, MemoryError):
        return f"{job.source}: {str(error) or 'not enough memory for its output'}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or job.source}: {os.strerror(error.errno)}"
    return str(error)
