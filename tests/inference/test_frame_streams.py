"""Networks over time in a stream: scenes, repeats, delays, and what a resumed run continues with."""

import threading
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from srgan_tf.errors import UserError
from srgan_tf.inference import Upscaler
from srgan_tf.inference.scene_cuts import is_cut
from srgan_tf.runtimes.base import ClipRun, Runtime

av = pytest.importorskip("av")  # it needs Python 3.11

from video.made_clips import decoded, make_clip  # noqa: E402

from srgan_tf.inference.clips import ClipSettings, upscale_clip  # noqa: E402
from srgan_tf.inference.frame_streams import SceneStream, StillStream, stream_of  # noqa: E402
from srgan_tf.inference.result_size import scaled  # noqa: E402
from srgan_tf.video import encoders, segments  # noqa: E402
from srgan_tf.video.frame_reading import ClipFrame  # noqa: E402


def counting(delay: int = 0, warm_up: int = 1) -> Runtime:
    """Adds 1/100 to a frame for each step that the scene had before; the state also holds the last `delay` frames."""
    def larger(images):
        return images.repeat(2, axis=1).repeat(2, axis=2)

    def start(images):
        return np.concatenate([np.zeros_like(images[..., :1]), *[images] * delay], axis=-1)

    def step(images, state):
        seen = np.concatenate([state[..., 1:], images], axis=-1)
        after = np.concatenate([state[..., :1] + 1, seen[..., 3:]], axis=-1)
        return larger(seen[..., :3] + state[..., :1] / 100), after

    return Runtime("counting", 2, lambda images: larger(images), clip=ClipRun(start, step, delay, warm_up))


def scenes(*lengths: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Frames uint8 of scenes that move a little."""
    y, x = np.mgrid[:height, :width]
    greys = [60 + 50 * np.sin((x + number) / 9 + 2 * scene) * np.cos(y / (4 + 3 * scene))
             for scene, length in enumerate(lengths) for number in range(length)]
    return [np.repeat(grey[..., None], 3, axis=2).astype(np.uint8) for grey in greys]


def through(stream, frames, first=0):
    """All that a stream makes of the frames."""
    found = []
    for number, pixels in enumerate(frames, first):
        found += stream.push(ClipFrame(number, 1, pixels))
    return found + list(stream.flush())


def stream(runtime, number=0, **memory):
    return SceneStream(Upscaler(runtime), scaled((48, 64), 2), np.uint8, number, memory)


def added(found, frames):
    """How many hundredths each image is brighter than its frame."""
    return [round(float((one.upscaled[::2, ::2].astype(float) - frames[one.frame.pts]).mean()) / 2.55) for one in found]


@pytest.mark.parametrize("delay", [0, 1, 2])
def test_each_scene_begins_anew(delay):
    frames = scenes(3, 1, 4)
    found = through(stream(counting(delay)), frames)
    assert [one.frame.pts for one in found] == list(range(8))
    assert added(found, frames) == [delay + count for count in (0, 1, 2, 0, 0, 1, 2, 3)]


def test_a_scene_is_warmed_up():
    frames = scenes(2, 2)
    assert added(through(stream(counting(warm_up=3)), frames), frames) == [2, 3, 2, 3]


def test_frames_side_by_side():
    both = threading.Barrier(2, timeout=20)  # two calls must meet

    def run(images):
        both.wait()
        return images.repeat(2, axis=1).repeat(2, axis=2)

    frames = scenes(8, height=8, width=6)
    several = StillStream(Upscaler(Runtime("slow", 2, run, side_by_side=2)), scaled((8, 6), 2), np.uint8)
    found = through(several, [*frames, frames[-1]])
    assert [(one.frame.pts, one.repeated) for one in found] == [*((number, False) for number in range(8)), (8, True)]
    for one in found:
        np.testing.assert_array_equal(one.upscaled[::2, ::2], one.frame.pixels)


def test_frames_that_are_not_begun_are_dropped_at_the_end():
    """As after Ctrl-C: what waits for a server is not sent to it any more."""
    begun, both, go_on = [], threading.Barrier(3, timeout=20), threading.Event()

    def run(images):
        begun.append(images)
        if len(begun) <= 2:
            both.wait()
        go_on.wait(20)
        return images.repeat(2, axis=1).repeat(2, axis=2)

    stopped = StillStream(Upscaler(Runtime("slow", 2, run, side_by_side=2)), scaled((8, 6), 2), np.uint8)
    for number, pixels in enumerate(scenes(4, height=8, width=6)):
        assert not list(stopped.push(ClipFrame(number, 1, pixels)))
    both.wait()
    threading.Timer(0.2, go_on.set).start()
    stopped.close()
    assert len(begun) == 2


def test_cuts():
    frames = scenes(5, 5)
    assert [is_cut(*pair) for pair in pairwise(frames)] == [False] * 4 + [True] + [False] * 4
    assert is_cut(frames[4].astype(np.uint16) * 257, frames[5].astype(np.uint16) * 257)
    assert not is_cut(np.zeros((1, 1, 3), np.uint8), np.full((1, 1, 3), 1, np.uint8))


@pytest.mark.parametrize("delay", [0, 1, 2])
def test_repeats_are_no_steps(delay):
    first, second, third = scenes(3)
    found = through(stream(counting(delay)), [first, first, second, second, second, third])
    assert [one.repeated for one in found] == [False, True, False, True, True, False]
    assert added(found, [first, first, second, second, second, third]) == [delay + n for n in (0, 0, 1, 1, 1, 2)]


@pytest.mark.parametrize("delay", [0, 1, 2])
def test_what_a_segment_keeps_is_enough(monkeypatch, delay):
    """A stream that begins behind any segment makes what the one before would have made."""
    monkeypatch.setattr(segments, "LENGTH", 3)
    frames = scenes(7, 2, 4)
    frames[3:3] = [frames[2]]  # a repeat that begins a segment
    frames[9:9] = [frames[8]]
    whole = through(stream(counting(delay, 2 - min(delay, 1))), frames)
    assert [bool(one.memory) for one in whole] == [number % 3 == 2 for number in range(len(frames))]
    for number in range(2, len(frames), 3):
        memory = {name: np.array(value) for name, value in whole[number].memory.items()}
        later = stream(counting(delay, 2 - min(delay, 1)), number + 1, **memory)
        rest = through(later, frames[number + 1 :], number + 1)
        assert [one.frame.pts for one in rest] == list(range(number + 1, len(frames)))
        for one, other in zip(rest, whole[number + 1 :], strict=True):
            np.testing.assert_array_equal(one.upscaled, other.upscaled)


def test_what_a_network_over_time_cannot_do():
    upscaler, shape = Upscaler(counting()), (48, 64)
    assert isinstance(stream_of(upscaler, shape, scaled(shape, 1.5), np.uint8, 0, {}), SceneStream)
    assert isinstance(stream_of(upscaler, shape, scaled(shape, 0.5), np.uint8, 0, {}), StillStream)
    with pytest.raises(UserError, match="runs once: --scale must be at most 2; 64x48 would become 192x144"):
        stream_of(upscaler, shape, scaled(shape, 3), np.uint8, 0, {})
    with pytest.raises(UserError, match="--self_ensemble is for images, and counting is a network over time"):
        stream_of(Upscaler(counting(), self_ensemble=True), shape, scaled(shape, 2), np.uint8, 0, {})


@pytest.mark.parametrize("delay", [0, 1])
@pytest.mark.parametrize("stop", [5, 8])
def test_a_stopped_clip_resumes(tmp_path, monkeypatch, delay, stop):
    """Byte for byte, with the state of the last finished segment, which is the only one that is kept."""
    monkeypatch.setattr(segments, "LENGTH", 3)
    source = make_clip(tmp_path / "clip.mkv", [frame / 255 for frame in scenes(6, 4)], codec="ffv1",
                       pixel_format="yuv444p")
    runtime, calls = counting(delay), Counter()
    settings = ClipSettings(encoders.Wish("h264", crf=1, pixel_format="yuv444p"))
    upscale_clip(Upscaler(runtime), source, tmp_path / "whole.mp4", settings)

    def stopping(images, state):
        calls["all"] += 1
        if calls["all"] > stop:
            raise KeyboardInterrupt
        return runtime.clip.step(images, state)

    stopped = runtime._replace(clip=runtime.clip._replace(step=stopping))
    with pytest.raises(KeyboardInterrupt):
        upscale_clip(Upscaler(stopped), source, tmp_path / "out.mp4", settings)
    done = (stop - delay) // 3
    assert [path.name for path in (tmp_path / ".out.mp4.parts").glob("*.npz")] == [f"{done - 1:06}.npz"]
    upscale_clip(Upscaler(runtime), source, tmp_path / "out.mp4", settings)
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    grey = [frame.reformat(format="rgb24").to_ndarray().mean() for frame in decoded(tmp_path / "out.mp4")]
    before = [frame.reformat(format="rgb24").to_ndarray().mean() for frame in decoded(source)]
    counts = [delay + count for count in (*range(6), *range(4))]
    np.testing.assert_allclose(np.subtract(grey, before), np.multiply(2.55, counts), atol=1)
