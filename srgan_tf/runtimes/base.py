"""What a runtime is: a model that is ready to run, whatever runs it, called alike."""

import functools
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from srgan_tf.errors import UserError

TRIAL = (8, 8)  # height and width of the image that tells a model's scale
# For exports that do not say theirs: that of every generator of this package divides it. Not for those of fixed size:
# tiles that begin where the image's end does not ask for them are filled up there, which costs more exactness than it
# gains.
EXPORT_ALIGNMENT = 4


class TileTooLargeError(UserError):
    """A runtime does not take so large a tile, but may take a smaller one."""


class Runtime(NamedTuple):
    """A model that is ready to enlarge.

    Those that this package opens can be shared between threads: see `in_turn`.

    Attributes:
        name: for people.
        scale: how many times larger the output is.
        run: uint8 [1,H,W,3] -> uint8 [1,sH,sW,3].
        fixed_tile: the only height and width that `run` takes, or None for any.
        receptive_radius: LR pixels around a pixel that can influence its enlargement, or None if that is not known.
        alignment: LR pixels at whose multiples tiles must begin, as in Generator.
        run_float: float32 [1,H,W,3] in 0..1 -> float32 [1,sH,sW,3], neither rounded nor clipped (uint8 is taken too);
            None where that cannot be had.
        channelwise: whether each channel is upscaled by itself, and all alike.
        parameters: how many weights the model trained, or None if that is not known.
    """

    name: str
    scale: int
    run: Callable[[np.ndarray], np.ndarray]
    fixed_tile: tuple[int, int] | None = None
    receptive_radius: int | None = None
    alignment: int = 1
    run_float: Callable[[np.ndarray], np.ndarray] | None = None
    parameters: int | None = None
    channelwise: bool = False


class Options(NamedTuple):
    """How a model is to run; what does not concern a model's kind is passed over, unless it would be a mistake.

    Attributes:
        scale: of bicubic interpolation; the models have their own.
        threads: that a .tflite file or OpenVINO runs with; 0: one for each core.
        runtime: tensorflow or openvino: what runs a .keras file or a SavedModel.
        precision: compute type, float32 or bfloat16, of a .keras file, and of a SavedModel in OpenVINO; empty: float32,
            or what an export was made with.
        trust_model: whether a SavedModel may hold operations that touch files, hosts or Python, and a .tflite file is
            opened without a trial in a process of its own: of models whose maker is known.
        server_timeout: seconds that a server may take for one request.
        server_retries: further attempts where a server is busy or cannot be reached.
    """

    scale: int = 4
    threads: int = 0
    runtime: str = "tensorflow"
    precision: str = ""
    trust_model: bool = False
    server_timeout: float = 120
    server_retries: int = 5


DEFAULTS = Options()


def in_turn(runtime: Runtime) -> Runtime:
    """The runtime, of whose calls one computes at a time, whatever their threads; the others wait.

    Two calls must not meet in one TensorFlow function, LiteRT interpreter or OpenVINO request. LiteRT and OpenVINO
    raise errors then; TensorFlow 2.21 gives wrong images or crashes (docs/tensorflow_onednn_report.md).
    """
    lock = threading.Lock()

    def locked(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        @functools.wraps(function)
        def call(images: np.ndarray) -> np.ndarray:
            with lock:
                return function(images)

        return call

    return runtime._replace(run=locked(runtime.run), run_float=runtime.run_float and locked(runtime.run_float))


def whole_scale(path: Path, taken: Sequence[int], made: Sequence[int]) -> int:
    """How many times larger than an input of height and width `taken` the output of shape `made` is."""
    scale = made[1] // taken[0] if len(made) == 4 else 0
    if scale < 1 or list(made) != [1, scale * taken[0], scale * taken[1], 3]:
        raise UserError(f"{path} must make a larger picture of one; it makes {list(made)} of {[1, *taken, 3]}")
    return scale


def plain_errors(run: Callable) -> Callable:
    """TensorFlow's own kinds of error as the built-in ones that callers know."""
    import tensorflow as tf

    @functools.wraps(run)
    def plain(images: np.ndarray) -> Any:
        try:
            return run(images)
        except tf.errors.ResourceExhaustedError as error:
            height, width = images.shape[1:3]
            raise MemoryError(f"no memory to enlarge {width}x{height} at once: give a smaller --tile") from error
        except tf.errors.OpError as error:
            raise UserError(one_line(error)) from error

    return plain


def one_line(error: Exception) -> str:
    """The beginning of an error's message, without line breaks."""
    return " ".join(str(error).split())[:200] or type(error).__name__
