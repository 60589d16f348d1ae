"""One object, several threads, images of mixed sizes: every answer is that of a lone caller, for every runtime.

The fault of TensorFlow's that this is about gives wrong images or ends the whole process: the crash of a worker of
pytest in this file is a failure of these tests.
"""

import itertools
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.config import ExportConfig
from srgan_tf.exporting import export_saved_model, tflite
from srgan_tf.hub import load_model
from srgan_tf.inference import Upscaler
from srgan_tf.models import Generator
from srgan_tf.runtimes import Runtime, litert
from srgan_tf.runtimes.base import TileTooLargeError, in_turn

SIZES = ((8, 9), (24, 31), (40, 24), (33, 57), (16, 16), (9, 8))
THREADS, SECONDS = 4, 0.4


class Watched(Generator):
    """Repeats pixels, and takes its time over it; `most` is the greatest number of calls that met."""

    receptive_radius, inside, most = 0, 0, 0

    def call(self, inputs):
        return tf.ensure_shape(tf.numpy_function(Watched.watch, [inputs], tf.float32), (None, None, None, 3))

    @staticmethod
    def watch(images: np.ndarray) -> np.ndarray:
        Watched.inside += 1
        Watched.most = max(Watched.most, Watched.inside)
        time.sleep(0.01)
        Watched.inside -= 1
        return images.repeat(2, 1).repeat(2, 2)


@pytest.mark.parametrize("kind", ["keras", "saved_model"])
def test_calls_never_meet_in_tensorflow(kind, tmp_path, photo):
    """Whether they do harm where they meet is a matter of luck."""
    model = generator = Watched(2)
    if kind == "saved_model":
        model, module = tmp_path, tf.Module()
        module.run = tf.function(generator.upscale, [tf.TensorSpec([None, None, None, 3], tf.uint8, "image")])
        tf.saved_model.save(module, str(tmp_path), {"serving_default": module.run.get_concrete_function()})
    upscaler, Watched.most = Upscaler(model, tile=0, trust_model=True), 0
    with ThreadPoolExecutor(THREADS) as pool:
        for image in pool.map(upscaler, [photo[:5, :6]] * 12):
            np.testing.assert_array_equal(image, photo[:5, :6].repeat(2, 0).repeat(2, 1))
    assert Watched.most == 1


@pytest.fixture(scope="module")
def models(tmp_path_factory, model_file):
    """The small model in every form that there is a runtime for, and one in int8."""
    folder, generator = tmp_path_factory.mktemp("threads"), load_model(model_file)
    config = ExportConfig(model="-", output="-", saved_model_tile=64)
    export_saved_model(generator, folder, "", config)
    (folder / "small.tflite").write_bytes(tflite.convert(generator, config))
    return {"keras": model_file, "saved_model": folder, "litert": folder / "small.tflite", "int8": "mobile_x4_int8"}


@pytest.mark.parametrize(("model", "arguments"), [
    ("keras", {}), ("keras", {"self_ensemble": True}), ("saved_model", {}), ("litert", {}), ("int8", {}),
    ("keras", {"runtime": "openvino"}), ("saved_model", {"runtime": "openvino"}),
], ids=["keras", "ensemble", "saved_model", "litert", "int8", "openvino_keras", "openvino_saved_model"])
def test_threads_share_an_upscaler(models, model, arguments, photo):
    upscaler = Upscaler(models[model], tile=0, threads=1 if model in ("litert", "int8") else 0, **arguments)
    sizes = SIZES[:2] if "runtime" in arguments else SIZES  # OpenVINO compiles for a second at each new size
    images = [photo[:height, :width] for height, width in sizes]
    expected = [upscaler(image) for image in images]
    end, start = time.monotonic() + SECONDS, threading.Barrier(THREADS)

    def ask(first: int) -> None:
        start.wait()
        for number in itertools.count(first):
            np.testing.assert_array_equal(upscaler(images[number % len(images)]), expected[number % len(images)])
            if number > first + 3 and time.monotonic() > end:
                break

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(ask, range(THREADS)))


def test_run_and_run_float_wait_for_one_another():
    inside, most = [], []

    def compute(images: np.ndarray) -> np.ndarray:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.002)
        inside.pop()
        return images

    runtime = in_turn(Runtime("slow", 1, compute, run_float=compute))
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: (runtime.run, runtime.run_float)[number % 2](np.zeros(1)), range(40)))
    assert len(most) == 40
    assert max(most) == 1
    with pytest.raises(ZeroDivisionError):
        in_turn(runtime._replace(run=lambda images: 1 / 0)).run(np.zeros(1))
    assert runtime.run_float(np.zeros(1)) == 0  # a failed call lets the next one in


def test_threads_that_meet_a_limit_agree_on_one_tile(photo):
    """The server refuses more than 32 pixels: two threads at 64 both end at 32, not at 16."""
    meeting = threading.Barrier(2)

    def run(images: np.ndarray) -> np.ndarray:
        if max(images.shape[1:3]) > 32:
            meeting.wait(10)
            raise TileTooLargeError("too large")
        return images

    upscaler = Upscaler(Runtime("limited", 1, run), tile=64, overlap=4)
    with ThreadPoolExecutor(2) as pool:
        for image in pool.map(upscaler, [photo[:64, :64]] * 2):
            np.testing.assert_array_equal(image, photo[:64, :64])
    assert upscaler.tile == 32


def test_standard_error_comes_back_whoever_hides_it():
    """The second to hide it, while it is hidden, ends last."""
    before, hidden = os.fstat(2), threading.Event()

    def hide(first: bool) -> None:
        if not first:
            hidden.wait()
        with litert.hushed():
            hidden.set()
            time.sleep(0.05 if first else 0.1)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(hide, (True, False)))
    assert os.path.samestat(os.fstat(2), before)
