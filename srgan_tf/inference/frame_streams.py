"""Frames in, upscaled frames out, in order: each by itself, or by a network over time, scene by scene."""

import dataclasses
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.imaging import to_levels, to_unit
from srgan_tf.inference.channels import check_finite
from srgan_tf.inference.clip_tiling import step_tiled
from srgan_tf.inference.reducing import reduced
from srgan_tf.inference.result_size import Target, exact, passes, reduction_to, scaled
from srgan_tf.inference.scene_cuts import is_cut
from srgan_tf.inference.upscaler import Upscaler
from srgan_tf.video import segments
from srgan_tf.video.frame_reading import ClipFrame


class Finished(NamedTuple):
    """A frame that is upscaled.

    Attributes:
        frame: it.
        upscaled: its pixels; None: it has none, and is the last one's faults.
        repeated: whether it equals the frame before, and was not computed.
        memory: what a stream has to know to continue behind it, where a segment ends with it; empty: nothing.
    """

    frame: ClipFrame
    upscaled: np.ndarray | None
    repeated: bool = False
    memory: Mapping[str, np.ndarray] = {}


class FrameStream(Protocol):
    """What upscales the frames of a clip."""

    def push(self, frame: ClipFrame) -> Iterator[Finished]:
        """Takes a frame, and gives those that are finished now."""

    def flush(self) -> Iterator[Finished]:
        """Gives those that are left after the last frame."""

    def close(self) -> None:
        """Ends it, also where frames are left: those that are not begun are not upscaled any more."""


def stream_of(upscaler: Upscaler, shape: tuple[int, int], size: Target, dtype: type, number: int,
              memory: Mapping[str, np.ndarray]) -> FrameStream:
    """The stream for what an upscaler runs.

    Args:
        upscaler: of RGB frames.
        shape: rows and columns of the frames.
        size: of the results.
        dtype: of the results: np.uint8 or np.uint16.
        number: of the first frame that will come.
        memory: as the frame before that one had it.

    Raises:
        UserError: something is asked that a network over time cannot do.
    """
    times = upscaler.runtime.clip and passes(shape, size.size, upscaler.scale)
    if not times:  # what becomes smaller needs no network
        return StillStream(upscaler, size, dtype)
    if times > 1:
        raise UserError(f"{upscaler.runtime.name} is a network over time, which runs once: --scale must be at most "
                        f"{upscaler.scale}; {shape[1]}x{shape[0]} would become {size.size[1]}x{size.size[0]}")
    if upscaler.changes:
        raise UserError(f"--{upscaler.changes[0]} is for images, and {upscaler.runtime.name} is a network over time: "
                        "leave it out for clips")
    return SceneStream(upscaler, size, dtype, number, memory)


class StillStream:
    """Each frame by itself, and one that equals the frame before not again.

    Where the runtime works on several calls at once, it is given the next frames while one is waited for.
    """

    def __init__(self, upscaler: Upscaler, size: Target, dtype: type):
        count = upscaler.runtime.side_by_side
        self._executor, self._ahead = (ThreadPoolExecutor(count), 2 * count) if count > 1 else (None, 0)
        self._upscaler, self._before, self._upscaling, self._waiting = upscaler, None, None, deque()
        self._options = {"dtype": dtype} | ({"size": size.size} if size.scale is None else {"scale": size.scale})

    def push(self, frame: ClipFrame) -> Iterator[Finished]:
        repeated = self._before is not None and frame.pixels is not None and np.array_equal(frame.pixels, self._before)
        if frame.pixels is None:
            self._upscaling = None
        elif not repeated:
            self._upscaling = self._begun(frame.pixels)
        self._before = frame.pixels
        self._waiting.append((frame, self._upscaling, repeated))
        yield from self._finished(self._ahead)

    def flush(self) -> Iterator[Finished]:
        yield from self._finished(0)

    def close(self) -> None:
        if self._executor:
            self._executor.shutdown(cancel_futures=True)

    def _begun(self, pixels: np.ndarray) -> Future:
        if self._executor:
            return self._executor.submit(self._upscaler, pixels, **self._options)
        done = Future()
        done.set_result(self._upscaler(pixels, **self._options))
        return done

    def _finished(self, ahead: int) -> Iterator[Finished]:
        while len(self._waiting) > ahead:
            frame, upscaling, repeated = self._waiting.popleft()
            yield Finished(frame, upscaling and upscaling.result(), repeated)


@dataclasses.dataclass
class _Waiting:
    """A frame on its way; None: one whose image an earlier run has written."""

    frame: ClipFrame | None
    repeated: bool = False
    image: np.ndarray | None = None
    memory: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)


class SceneStream:
    """By a network over time, whose state begins anew with each scene.

    A scene's first frame is given `warm_up` times: a recurrent network then begins with an image of its own in place of
    black. Its last frame is given again until the network's delay is made up for. The state is kept with each finished
    segment, so that a resumed run has what an uninterrupted one had; for the same reason the first frame of a segment
    is computed, though it may be a repeat.
    """

    def __init__(self, upscaler: Upscaler, size: Target, dtype: type, number: int = 0,
                 memory: Mapping[str, np.ndarray] = {}):
        self._upscaler, self._size, self._dtype, self._number = upscaler, size, np.dtype(dtype), number
        self._state, self._before = memory.get("state"), memory.get("before")
        self._steps, waiting = map(int, memory.get("counts", (0, 0)))  # of the scene; frames without an image
        self._waiting = deque(_Waiting(None) for _ in range(waiting))
        self._image: np.ndarray | None = None

    def push(self, frame: ClipFrame) -> Iterator[Finished]:
        pixels, before = frame.pixels, self._before
        if pixels is None:
            yield from self.flush()
            yield Finished(frame, None)
            return
        inside = before is not None and self._number % segments.LENGTH  # a segment
        repeated = bool(inside) and np.array_equal(pixels, before)
        if not repeated:
            if before is None or is_cut(before, pixels):
                yield from self.flush()
                self._begin(pixels)
            self._before = pixels
        self._waiting.append(_Waiting(frame, repeated))
        if not repeated:
            self._step(pixels)
        self._number += 1
        if self._number % segments.LENGTH == 0:
            self._waiting[-1].memory = self._memory()
        yield from self._ready()

    def flush(self) -> Iterator[Finished]:
        for _ in range(self._upscaler.runtime.clip.delay if self._without_image() else 0):
            self._step(self._before)
        yield from self._ready()
        self._before = None

    def close(self) -> None:
        """Nothing is under way between two calls."""

    def _memory(self) -> dict[str, np.ndarray]:
        return {"state": self._state, "before": self._before,
                "counts": np.array([self._steps, self._without_image()], np.int64)}

    def _without_image(self) -> int:
        return sum(not one.repeated and one.image is None for one in self._waiting)

    def _begin(self, pixels: np.ndarray) -> None:
        clip, self._steps = self._upscaler.runtime.clip, 0
        self._state = clip.start(to_unit(pixels)[None])[0]
        for _ in range(clip.warm_up - 1):
            self._state = self._stepped(pixels)[1]

    def _stepped(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        upscaler = self._upscaler
        return step_tiled(upscaler.runtime, to_unit(pixels), self._state, upscaler.side(pixels.shape),
                          upscaler.overlap)

    def _step(self, pixels: np.ndarray) -> None:
        """Takes a step, and gives its image to the frame that it is of."""
        runtime = self._upscaler.runtime
        image, self._state = self._stepped(pixels)
        self._steps += 1
        if self._steps <= runtime.clip.delay:
            return
        check_finite(image, runtime.name)
        reduction = reduction_to(self._size, pixels.shape, runtime.scale)
        image = reduced(image, reduction, self._dtype) if reduction else to_levels(image, self._dtype)
        next(one for one in self._waiting if not one.repeated and one.image is None).image = image

    def _ready(self) -> Iterator[Finished]:
        while self._waiting and (self._waiting[0].repeated or self._waiting[0].image is not None):
            one = self._waiting.popleft()
            self._image = self._image if one.repeated else one.image
            if one.frame:
                yield Finished(one.frame, self._image, one.repeated, one.memory)


def upscale_frames(upscaler: Upscaler, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Upscales frames uint8 [H,W,3] that follow each other, by any model, to the model's scale."""
    shape = frames[0].shape[:2]
    stream = stream_of(upscaler, shape, scaled(shape, exact(upscaler.scale)), np.uint8, 0, {})
    found = [one for number, pixels in enumerate(frames) for one in stream.push(ClipFrame(number, 0, pixels))]
    return [one.upscaled for one in (*found, *stream.flush())]
