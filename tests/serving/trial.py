"""Small SavedModels whose answers are known, and servers in processes of their own."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from srgan_tf.runtimes.base import ModelInfo

MOST_PIXELS = 1 << 20
INFO = ModelInfo(2, receptive_radius=1, alignment=2, parameters=1)


def upscaled(image: np.ndarray, shift: int) -> np.ndarray:
    """What version `shift` of the model makes of pixels: each doubled in both directions, and brighter by `shift`."""
    return np.minimum(image.repeat(2, -3).repeat(2, -2).astype(int) + shift, 255).astype(np.uint8)


def save_version(base: Path, shift: int, warm_up: bytes = b"", info: str = "") -> Path:
    """Writes BASE/SHIFT/, all at once: the signatures of an export, TensorFlow Serving's half_plus_two, and others."""

    def upscale(image):
        wide = tf.cast(tf.repeat(tf.repeat(image, 2, axis=-3), 2, axis=-2), tf.int32)
        return tf.cast(tf.minimum(wide + module.shift, 255), tf.uint8)

    def recode(file):
        decoded = tf.io.decode_image(file, channels=3, expand_animations=False)
        decoded = tf.ensure_shape(decoded, [None, None, 3])
        pixels = tf.size(decoded) // 3
        with tf.control_dependencies([tf.debugging.assert_less_equal(pixels, MOST_PIXELS, "image too large")]):
            return tf.io.encode_png(upscale(decoded))

    def spin(rounds):
        matrix = tf.fill([400, 400], tf.cast(rounds[0], tf.float32) / 400)
        done = tf.while_loop(lambda n, _: n < rounds[0], lambda n, m: (n + 1, tf.tanh(m @ m)), (0, matrix))
        return tf.reduce_sum(done[1])[None]

    signatures = {
        "serving_default": (lambda image: {"upscaled": upscale(image)},
                            tf.TensorSpec([None, None, None, 3], tf.uint8, "image")),
        "encoded": (lambda image_bytes: {"png_bytes": tf.map_fn(recode, image_bytes)},
                    tf.TensorSpec([None], tf.string, "image_bytes")),
        "untiled": (lambda image: {"upscaled": tf.zeros_like(upscale(image))},
                    tf.TensorSpec([None, None, None, 3], tf.uint8, "image")),
        "half_plus_two": (lambda x: {"y": 0.5 * x + 2}, tf.TensorSpec([None], tf.float32, "x")),
        "two": (lambda x: {"upper": tf.strings.upper(x), "length": tf.strings.length(x)},
                tf.TensorSpec([None], tf.string, "x")),
        "busy": (lambda rounds: {"sum": spin(rounds)}, tf.TensorSpec([1], tf.int32, "rounds")),
    }
    module = tf.Module()
    module.shift = tf.Variable(shift)
    module.functions = {name: tf.function(function, input_signature=[spec])
                        for name, (function, spec) in signatures.items()}
    base.mkdir(exist_ok=True)
    temporary = base / f".{shift}.tmp"
    tf.saved_model.save(module, str(temporary), signatures={
        name: function.get_concrete_function() for name, function in module.functions.items()})
    (temporary / "assets.extra").mkdir()
    if info:
        (temporary / "assets.extra/model_info.json").write_text(info)
    if warm_up:
        with tf.io.TFRecordWriter(str(temporary / "assets.extra/tf_serving_warmup_requests")) as records:
            records.write(warm_up)
    return temporary.rename(base / str(shift))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Server(NamedTuple):
    """A running `python -m srgan_tf.serve`."""

    process: subprocess.Popen
    grpc: int
    rest: int
    log: Path

    def ask(self, path: str, document: object = None, method: str = "", **headers: str) -> tuple[int, dict]:
        """Status and JSON; POST where there is a document."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.rest, timeout=60)
        with contextlib.closing(connection):
            method = method or ("GET" if document is None else "POST")
            connection.request(method, path, None if document is None else body, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def says(self, text: str, seconds: float = 30) -> str:
        """Waits until the log holds a text; returns the log."""
        end = time.time() + seconds
        while text not in (log := self.log.read_text()):
            assert time.time() < end, log
            assert self.process.poll() is None or text in self.log.read_text(), log
            time.sleep(0.02)
        return log

    def until_inside(self, count: int, seconds: float = 30) -> None:
        """Waits until so many requests run or wait."""
        end, metrics = time.time() + seconds, ""
        while f"srgan_tf_serving_requests_inside {count}.0" not in metrics:
            assert time.time() < end, metrics
            with urllib.request.urlopen(f"http://127.0.0.1:{self.rest}/metrics") as response:
                metrics = response.read().decode()
            time.sleep(0.02)


@contextlib.contextmanager
def serving(base: Path, log: Path, *flags: str) -> Iterator[Server]:
    """A server of the versions in a folder, of a .keras file, or of a .config file's models; ended with the block."""
    ports = free_port(), free_port()
    source = {"": "--model_base_path", ".config": "--model_config_file"}.get(base.suffix, "--model")
    command = [sys.executable, "-m", "srgan_tf.serve", f"{source}={base}", f"--port={ports[0]}",
               f"--rest_api_port={ports[1]}", "--file_system_poll_wait_seconds=0.1", *flags]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT,
                                                 env=environment) as process:
        server = Server(process, *ports, log)
        try:
            server.says("gRPC on", 120)
            yield server
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
