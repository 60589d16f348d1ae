"""Upscaling many files: read, upscale and write side by side, continue after a bad one."""

import contextlib
import dataclasses
import functools
import sys
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from srgan_tf.errors import MENDABLE, UserError
from srgan_tf.imaging import DecodedImage, Metadata, read_image, write_image, written_type
from srgan_tf.imaging.written_formats import format_of
from srgan_tf.inference.asked import Asked
from srgan_tf.inference.in_flight import ahead
from srgan_tf.inference.jobs import Job
from srgan_tf.inference.moving import endings_of, upscale_moving
from srgan_tf.inference.preflight import Plan, reason_of, summary
from srgan_tf.inference.result_size import target_of
from srgan_tf.inference.upscaler import Upscaler
from srgan_tf.text import printable

tqdm.set_lock(threading.RLock())  # its own is one between processes, whose imports a start would wait for


def upscale_files(upscaler: Upscaler, plan: Plan, timings: Counter | None = None) -> int:
    """Upscales the images of a plan one by one, then the clips, with a line for each; bad ones are passed over.

    While an image is upscaled, the next is read and the one before is written. `timings` takes the seconds spent on
    each.

    Returns:
        How many failed, those of the plan among them.
    """
    timings = Counter() if timings is None else timings
    read, write = (functools.partial(step, asked=plan.asked) for step in (read_job, _write))
    moving = [job for job in plan.jobs if endings_of(job.source, plan.asked.files.page)]
    images = [job for job in plan.jobs if job not in moving]
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        done, writing = 0, None
        readings = zip(images, ahead(reader, read, images), strict=True)
        with contextlib.closing(_underway(upscaler, readings, plan.asked)) as underway:
            for job, upscaling in underway:
                upscaled = _attempt(job, upscaling)
                if upscaled:
                    done += _finish(writing, timings)
                    writing = job, writer.submit(write, upscaled)
        done += _finish(writing, timings)
    for job in moving:
        upscale = functools.partial(upscale_moving, upscaler, job.source, job.target, plan.asked, timings)
        done += _attempt(job, upscale) is not None
    return summary(plan, done)


class _Work(NamedTuple):
    """An image on its way, and the seconds that each step took."""

    job: Job
    image: DecodedImage
    seconds: dict[str, float]
    upscaled: np.ndarray | None = None
    lost: tuple[str, ...] = ()


def _underway(upscaler: Upscaler, readings: Iterable[tuple[Job, Future]], asked: Asked
              ) -> Iterator[tuple[Job, Callable[[], _Work]]]:
    """Each image, with a function that upscales it; or, where the runtime works on several calls, that waits for it.

    Then as many images are upscaled side by side as keep the runtime at work, and no more: all are in memory.
    """
    count, underway, stopped = upscaler.runtime.side_by_side, deque(), threading.Event()
    if count == 1:
        for job, reading in readings:
            yield job, lambda reading=reading: _upscale(upscaler, reading.result(), asked)
        return
    executor = ThreadPoolExecutor(2 * count)
    try:
        for job, reading in readings:
            underway.append((job, _tiles(upscaler, reading), executor.submit(
                lambda reading=reading: _upscale(upscaler, reading.result(), asked, stopped))))
            while sum(tiles for _, tiles, _ in underway) >= 2 * count:
                job, _, upscaling = underway.popleft()
                yield job, upscaling.result
        for job, _, upscaling in underway:
            yield job, upscaling.result
    finally:
        stopped.set()
        executor.shutdown(cancel_futures=True)


def _tiles(upscaler: Upscaler, reading: Future) -> int:
    """How many tiles an image has; one, where it cannot be read or cut, which is said when it is its turn."""
    with contextlib.suppress(UserError):
        return 1 if reading.exception() else upscaler.tiles(reading.result().image.channels.shape)
    return 1


def _attempt(job: Job, step: Callable[[], Any]) -> Any:
    """What a step gives, or None where it fails, with a line that says why."""
    try:
        return step()
    except MENDABLE as error:
        print(f"failed: {printable(reason_of(error, job))}", file=sys.stderr)
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


def upscale_job(upscaler: Upscaler, job: Job, asked: Asked, timings: Counter) -> None:
    """Upscales one image or clip.

    Raises:
        UserError, OSError, MemoryError: it cannot be read, upscaled or written.
    """
    if endings_of(job.source, asked.files.page):
        upscale_moving(upscaler, job.source, job.target, asked, timings)
    else:
        _write(_upscale(upscaler, read_job(job, asked), asked), asked)


def read_job(job: Job, asked: Asked) -> _Work:
    """Reads the image of a job."""
    start = time.perf_counter()
    image = read_image(job.source, asked.max_pixels, keep_depth=True, page=asked.files.page,
                       accept_truncated=asked.files.accept_truncated)
    if asked.files.strip_metadata:
        image = dataclasses.replace(image, metadata=Metadata())
    return _Work(job, image, {"read": time.perf_counter() - start})


def _upscale(upscaler: Upscaler, work: _Work, asked: Asked, stopped: threading.Event | None = None) -> _Work:
    start, image = time.perf_counter(), work.image
    dtype = written_type(work.job.target, image.pixels.dtype, asked.encoding.bit_depth)
    target = target_of(image.pixels.shape, asked.size, upscaler.scale)
    size = {"size": target.size} if target.scale is None else {"scale": target.scale}
    with tqdm(desc=printable(work.job.source.name), unit="tile", leave=False, disable=None) as bar:
        upscaled = upscaler(image.channels, functools.partial(_show, bar, stopped), dtype=dtype, **size)
    return work._replace(upscaled=upscaled, seconds={**work.seconds, "upscale": time.perf_counter() - start})


def _write(work: _Work, asked: Asked) -> _Work:
    start = time.perf_counter()
    work.job.target.parent.mkdir(parents=True, exist_ok=True)
    software = "" if asked.files.strip_metadata else asked.files.software
    lost = write_image(work.job.target, work.upscaled, work.image, asked.encoding, software=software)
    if work.image.pixels.dtype == np.uint16 and work.upscaled.dtype == np.uint8 and asked.encoding.bit_depth != 8:
        lost += (f"more than 8 bits ({format_of(work.job.target).name} holds no more)",)
    return work._replace(lost=lost, seconds={**work.seconds, "write": time.perf_counter() - start})


def _show(bar: tqdm, stopped: threading.Event | None, number: int, count: int) -> None:
    if stopped and stopped.is_set():
        raise CancelledError
    bar.total = count
    bar.update(number - bar.n)
