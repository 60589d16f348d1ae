"""Upscaling an animated image, frame by frame."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from srgan_tf.errors import UserError
from srgan_tf.inference.upscaler import Upscaler
from srgan_tf.text import counted, megapixels, printable
from srgan_tf.video.animation_files import (
    ANIMATION_FORMATS,
    Animation,
    read_animation,
    read_animation_frames,
    write_animation,
)


def check_animation(source: Path, target: Path, max_megapixels: float, scale: int = 1) -> Animation:
    """Looks through all frames, and checks whether they can be written larger.

    Raises:
        UserError: it is damaged, or its result too large.
        OSError: from the file system.
    """
    found = read_animation(source)
    width, height = scale * found.width, scale * found.height
    if width * height > max_megapixels * 1e6:
        raise UserError(f"{source}: {found.width}x{found.height} would become {megapixels(width * height)}; "
                        f"the limit is --max_megapixels={max_megapixels:g}")
    side, delay = ANIMATION_FORMATS[target.suffix.lower()]
    if max(width, height) > side:
        raise UserError(f"{target}: {width}x{height} pixels; {target.suffix} holds at most {side} a side")
    longest = max(found.delays)
    if longest > delay:
        raise UserError(f"{target}: a frame of {source.name} is shown for {longest / 1000:g} s; {target.suffix} holds "
                        f"at most {delay / 1000:g} s")
    return found


def upscale_animation(upscaler: Upscaler, source: Path, target: Path, max_megapixels: float = 400,
                      timings: Counter | None = None) -> int:
    """Upscales one animated image, with a line for it.

    Args:
        upscaler: of RGB and RGBA.
        source: an animated GIF, WebP or PNG.
        target: ends in .gif, .webp or .png.
        max_megapixels: of a frame of the result.
        timings: takes the seconds spent on each part.

    Returns:
        How many frames it has.

    Raises:
        UserError: it is damaged, too large, or cannot be written.
        OSError: from the file system.
    """
    began, timings = time.perf_counter(), Counter() if timings is None else timings
    scale = upscaler.scale
    found = check_animation(source, target, max_megapixels, scale)
    count = len(found.delays)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tqdm(desc=printable(source.name), unit="frame", total=count + found.poster, leave=False, disable=None) as bar:
        write_animation(target, _upscaled(upscaler, read_animation_frames(source), bar, timings), found)
    timings["animation"] += time.perf_counter() - began
    tqdm.write(f"{printable(target)}: {found.width}x{found.height} -> {scale * found.width}x{scale * found.height}, "
               f"{counted(count, 'frame')} in {time.perf_counter() - began:.1f} s")
    return count


def _upscaled(upscaler: Upscaler, frames: Iterator[np.ndarray], bar: tqdm, timings: Counter) -> Iterator[np.ndarray]:
    before, upscaled = None, None
    for frame in frames:
        start = time.perf_counter()
        if upscaled is None or not np.array_equal(frame, before):
            upscaled = upscaler(frame)
        before = frame
        timings["upscale"] += time.perf_counter() - start
        bar.update()
        yield upscaled
