#!/usr/bin/env python3
"""Times clips on `upscale`'s own way from file to file, and prints a Markdown table.

    pip install -e ".[video]"
    python tools/bench_clips.py [--models=mobile_x4,photo_x4] [--kinds=float32,bfloat16,int8] [--sizes=320x180,640x360]
    python tools/bench_clips.py --peer=realesr-animevideov3-x4.param --python=PYTHON    # ncnn of another Python
    python tools/bench_clips.py --memory=100,2000 --models=mobile_x4 --kinds=float32 --sizes=320x180

A model is whatever `upscale --model` takes, networks over time too; its int8 is what ships as MODEL_int8. Each of them
in each kind has a process of its own, and they alternate after every clip. Printed are medians: frames a second from
file to file, CPU time a frame, and which share of it is spent outside the network, on decoding, colours, tiles and
encoding: the CPU time of the same clip where what the network made is given again in place of computing it. Of the peer
the network alone is timed, without decoding and encoding. With --memory the peak of the resident memory is printed in
place of this, after clips of so many frames. Clips are made: a window that moves over noise with the spectrum of
photographs.
"""

import argparse
import contextlib
import importlib.metadata
import io
import itertools
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

KEPT = 6  # results of the network for each size of its input, that are given again
PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "av")
# Run by the Python that has ncnn: for each line "height width" the seconds that an image takes.
PEER = """
import sys, time
import ncnn, numpy as np
param, numbers, threads = sys.argv[1:]
net = ncnn.Net()
net.opt.num_threads = int(threads)
assert net.load_param(param) == 0 and net.load_model(numbers) == 0
print(ncnn.__version__, flush=True)
for line in sys.stdin:
    image = np.random.default_rng(0).random((3, *map(int, line.split())), np.float32)
    start = time.perf_counter()
    extractor = net.create_extractor()
    extractor.input(net.input_names()[0], ncnn.Mat(image))
    status, output = extractor.extract(net.output_names()[0])
    assert status == 0
    np.array(output)
    print(time.perf_counter() - start, flush=True)
"""


def make_clip(path: Path, width: int, height: int, frames: int) -> Path:
    """Writes a clip in H.264, of 25 frames a second, that all differ."""
    import av

    side = 2 * max(width, height)
    frequency = np.hypot(*np.meshgrid(np.fft.rfftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = 1
    noise = np.random.default_rng(0).normal(size=(3, side, side))
    shaped = np.fft.irfft2(np.fft.rfft2(noise) / frequency)  # amplitudes fall as in photographs
    canvas = np.clip(128 + 50 * shaped / shaped.std(), 0, 255).astype(np.uint8).transpose(1, 2, 0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            top, left = (int((side - length) * (0.5 + 0.5 * np.sin(number / period)))
                         for length, period in ((height, 61), (width, 97)))
            window = np.ascontiguousarray(canvas[top : top + height, left : left + width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(window, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def repeating(runtime: Any) -> tuple[Any, Any]:
    """Two of a Runtime: the first computes, and the second gives the first one's results again."""
    results = defaultdict(list)

    def pair(name: str, function: Callable | None) -> tuple[Callable | None, Callable | None]:
        turns = itertools.count()

        def compute(*arrays: np.ndarray) -> Any:
            result, kept = function(*arrays), results[name, arrays[0].shape]
            if len(kept) < KEPT:
                kept.append(result)
            return result

        def repeat(*arrays: np.ndarray) -> Any:
            kept = results[name, arrays[0].shape]
            return kept[next(turns) % len(kept)]

        return (compute, repeat) if function else (None, None)

    both = {name: pair(name, getattr(runtime, name)) for name in ("run", "run_float")}
    of_clips = {name: pair(name, getattr(runtime.clip, name)) for name in ("start", "step")} if runtime.clip else {}
    return tuple(runtime._replace(
        **{name: functions[which] for name, functions in both.items()},
        clip=runtime.clip and runtime.clip._replace(**{name: functions[which] for name, functions in of_clips.items()}))
        for which in range(2))


def options_of(model: str, kind: str) -> tuple[str, dict[str, str]]:
    """The name and the options of a model of a kind."""
    return (f"{model}_int8", {}) if kind == "int8" else (model, {"precision": kind})


def exists(model: str, kind: str) -> bool:
    """Whether there is such a model."""
    from srgan_tf.errors import UserError
    from srgan_tf.hub import resolve

    try:
        return bool(resolve(options_of(model, kind)[0]))
    except UserError as error:
        if kind != "int8":
            sys.exit(str(error))
        return False


def serve(pipe: Any, model: str, kind: str, preset: str) -> None:
    """The process of a contender: seconds, CPU seconds and CPU seconds without the network for each clip.

    With the name of the clip comes whether that without the network is wanted. At the end it sends the peak of the
    resident memory in MiB.
    """
    from srgan_tf.inference import Upscaler
    from srgan_tf.inference.clip_settings import ClipSettings
    from srgan_tf.inference.clips import upscale_clip
    from srgan_tf.video.encoders import Wish

    name, options = options_of(model, kind)
    plain = Upscaler(name, **options)
    computing, again = map(Upscaler, repeating(plain.runtime))

    def timed(upscaler: Any, source: Path) -> tuple[float, float]:
        target = source.with_name(f"{model}_{kind}_{source.name}".replace("/", "_"))
        start, busy = time.perf_counter(), time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            upscale_clip(upscaler, source, target, ClipSettings(Wish(preset=preset)))
        target.unlink()
        return time.perf_counter() - start, time.process_time() - busy

    pipe.send("ready")
    while (asked := pipe.recv()) is not None:
        source, outside = asked
        pipe.send((*timed(computing, source), timed(again, source)[1]) if outside else timed(plain, source))
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


@contextlib.contextmanager
def contender(model: str, kind: str, preset: str) -> Iterator[Any]:
    """A contender's process, and the pipe to it."""
    context = get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, model, kind, preset), daemon=True)
    process.start()
    theirs.close()
    pipe.recv()
    yield pipe
    process.join()


@contextlib.contextmanager
def peer(param: Path, python: str, threads: int) -> Iterator[tuple[str, Callable[[int, int], float]]]:
    """The version of ncnn, and what gives the seconds of an image of so many columns and rows."""
    command = [python, "-c", PEER, str(param), str(param.with_suffix(".bin")), str(threads)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        version = process.stdout.readline().strip()

        def seconds(width: int, height: int) -> float:
            process.stdin.write(f"{height} {width}\n")
            return float(process.stdout.readline())

        yield version, seconds
        process.stdin.close()


def race(contenders: list[tuple[str, str]], sizes: list[tuple[int, int]], options: argparse.Namespace,
         folder: Path) -> None:
    """Prints a row for each contender and size, and the peer's."""
    versions = []
    with contextlib.ExitStack() as stack:
        pipes = {one: stack.enter_context(contender(*one, options.preset)) for one in contenders}
        if options.peer:
            version, seconds_of = stack.enter_context(peer(options.peer, options.python, os.cpu_count()))
            versions.append(f"ncnn {version}")
        for width, height in sizes:
            clip = make_clip(folder / f"{width}x{height}.mp4", width, height, options.frames)
            short = make_clip(folder / f"{width}x{height}_short.mp4", width, height, 2 * KEPT)
            for pipe in pipes.values():  # warms up
                pipe.send((short, True))
                pipe.recv()
            found, theirs = {one: [] for one in pipes}, []
            for _ in range(options.repeats):
                for one, pipe in pipes.items():
                    pipe.send((clip, True))
                    found[one].append(pipe.recv())
                theirs += [seconds_of(width, height) for _ in range(KEPT)] if options.peer else []
            for (model, kind), measured in found.items():
                seconds, busy, outside = map(statistics.median, zip(*measured, strict=True))
                print(f"| {Path(model).name} | {kind} | {width}x{height} | {options.frames / seconds:.2f} | "
                      f"{1000 * busy / options.frames:.0f} ms | {outside / busy:.1%} |", flush=True)
            if theirs:
                print(f"| {options.peer.stem}, the network alone | ncnn | {width}x{height} | "
                      f"{1 / statistics.median(theirs[KEPT - 1:]):.2f} | | |", flush=True)
        for pipe in pipes.values():
            pipe.send(None)
            pipe.recv()
    print(f"\n{versions_line(versions)}; clips of {options.frames} frames, medians of {options.repeats}")


def measure_memory(contenders: list[tuple[str, str]], sizes: list[tuple[int, int]], options: argparse.Namespace,
                   folder: Path) -> None:
    """Prints a row for each contender, size and number of frames."""
    for width, height in sizes:
        for count in map(int, options.memory.split(",")):
            clip = make_clip(folder / f"{width}x{height}_{count}.mp4", width, height, count)
            for model, kind in contenders:
                with contender(model, kind, options.preset) as pipe:
                    pipe.send((clip, False))
                    seconds = pipe.recv()[0]
                    pipe.send(None)
                    print(f"| {Path(model).name} | {kind} | {width}x{height} | {count} | {pipe.recv():.0f} MiB | "
                          f"{count / seconds:.2f} |", flush=True)
    print(f"\n{versions_line([])}")


def versions_line(others: list[str]) -> str:
    """What it ran on."""
    found = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return (f"Python {platform.python_version()}, {', '.join(found + others)}; {os.cpu_count()} cores of "
            f"{platform.processor() or 'this machine'}, load {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Runs the race, or measures memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="mobile_x4,photo_x4")
    parser.add_argument("--kinds", default="float32,bfloat16,int8")
    parser.add_argument("--sizes", default="320x180,640x360", help="of the clips, width x height")
    parser.add_argument("--frames", type=int, default=48, help="of each clip")
    parser.add_argument("--repeats", type=int, default=3, help="timed clips, after one of warm-up")
    parser.add_argument("--preset", default="", help="of H.264, as in upscale")
    parser.add_argument("--peer", type=Path, help="a .param file of ncnn, the .bin beside it")
    parser.add_argument("--python", default=sys.executable, help="a Python that has ncnn")
    parser.add_argument("--memory", help="frames of the clips whose memory is measured, as in 100,2000")
    options = parser.parse_args()
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TQDM_DISABLE": "1"}
    sizes = [tuple(map(int, size.split("x"))) for size in options.sizes.split(",")]
    contenders = [(model, kind) for model in options.models.split(",") for kind in options.kinds.split(",")
                  if exists(model, kind)]
    columns = "frames | peak memory" if options.memory else "frames/s | CPU time a frame | outside the network"
    print(f"| model | kind | clip | {columns + ' | frames/s' if options.memory else columns} |\n|---|---|---|"
          "---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="bench_clips_") as name:
        if options.memory:
            measure_memory(contenders, sizes, options, Path(name))
        else:
            race(contenders, sizes, options, Path(name))


if __name__ == "__main__":
    main()
