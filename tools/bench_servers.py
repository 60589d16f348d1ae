#!/usr/bin/env python
"""Times `upscale --server` with one and with several servers on this machine, each held to one core.

    python tools/bench_servers.py [--servers=2] [--images=12] [--side=96] [--rounds=3] [--model=mobile_x4]

Needs taskset, as many cores as servers, and little else running: the client computes on the same cores. Prints the
seconds of each round, in turns, their ratio, and how many predictions each server made.
"""

import argparse
import contextlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "tests")]
from serving.trial import free_port  # noqa: E402

from srgan_tf.inference import Upscaler  # noqa: E402
from srgan_tf.inference.asked import Asked  # noqa: E402
from srgan_tf.inference.batch import upscale_files  # noqa: E402
from srgan_tf.inference.preflight import make_plan  # noqa: E402


def main() -> None:
    """Starts the servers, and upscales by one and by all, in turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("servers", 2), ("images", 12), ("side", 96), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--model", default="mobile_x4")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        (folder / "in").mkdir()
        for number in range(arguments.images):
            noise = np.random.default_rng(number).integers(0, 256, (arguments.side, arguments.side, 3), np.uint8)
            Image.fromarray(noise).save(folder / f"in/{number}.png")
        logs = [folder / f"log{core}" for core in range(arguments.servers)]
        started = [stack.enter_context(server(arguments.model, core, log)) for core, log in enumerate(logs)]
        ports = [ready(process, port, log) for (process, port), log in zip(started, logs, strict=True)]
        urls = [f"http://127.0.0.1:{port}/v1/models/{arguments.model}" for port in ports]
        ratios = []
        for turn in range(arguments.rounds + 1):  # the first warms up
            alone, before = seconds(urls[:1], folder), [predictions(port) for port in ports]
            together = seconds(urls, folder)
            shares = [predictions(port) - earlier for port, earlier in zip(ports, before, strict=True)]
            if turn:
                ratios.append(alone / together)
                print(f"one server {alone:.2f} s, {len(urls)} servers {together:.2f} s, ratio {ratios[-1]:.2f}, "
                      f"predictions of each {shares}", flush=True)
        print(f"median ratio {statistics.median(ratios):.2f}")


@contextlib.contextmanager
def server(model: str, core: int, log: Path) -> Iterator[tuple[subprocess.Popen, int]]:
    """A server on one core, and its REST port."""
    port = free_port()
    command = ["taskset", "-c", str(core), sys.executable, "-m", "srgan_tf.serve", f"--model={model}",
               f"--port={free_port()}", f"--rest_api_port={port}"]
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT) as process:
        try:
            yield process, port
        finally:
            process.terminate()


def ready(process: subprocess.Popen, port: int, log: Path) -> int:
    """Waits until a server serves; gives its port."""
    while "gRPC on" not in log.read_text():
        if process.poll() is not None:
            sys.exit(log.read_text())
        time.sleep(0.1)
    return port


def seconds(urls: list[str], folder: Path) -> float:
    """How long the images take."""
    upscaler = Upscaler(",".join(urls))
    plan = make_plan([str(folder / "in")], Asked(folder / "out", overwrite=True), upscaler.scale)
    start = time.perf_counter()
    with contextlib.redirect_stdout(None):
        failed = upscale_files(upscaler, plan)
    assert not failed
    return time.perf_counter() - start


def predictions(port: int) -> int:
    """How many a server has made."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        found = re.findall(r"^srgan_tf_serving_requests_total\{[^}]*\} ([0-9.]+)",
                           response.read().decode(), re.M)
    return round(sum(map(float, found)))


if __name__ == "__main__":
    main()
