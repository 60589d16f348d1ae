"""What runs a model: Keras, a SavedModel, LiteRT, or plain bicubic interpolation, all called alike."""

import functools
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from srgan_tf.config import RUN_MODELS
from srgan_tf.imaging import matlab_resize, to_unit
from srgan_tf.pretrained import file_of
from srgan_tf.text import whole_number

TRIAL = (8, 8)  # height and width of the picture that tells a model's scale
# Exports do not say theirs; that of any generator divides this one. Not for those of fixed size: tiles that begin where
# the picture's end does not ask for them are filled up there, which costs more exactness than it gains.
EXPORT_ALIGNMENT = 4


class TileTooLargeError(ValueError):
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
        parameters: how many weights the model trained, or None if that is not known.
        channelwise: whether each channel is upscaled by itself, and all alike.
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


def open_runtime(model: Any, scale: int = 4, threads: int = 0, *, runtime: str = "tensorflow",
                 precision: str = "", trust_model: bool = False) -> Runtime:
    """Opens a model of any kind.

    Args:
        model: a Runtime, a Generator, or the path of a .keras file, run folder, SavedModel (or folder of its versions)
            or .tflite file, the name of a shipped model, or "bicubic".
        scale: of "bicubic"; the others have their own.
        threads: that a .tflite file or OpenVINO runs with; 0: one for each core.
        runtime: tensorflow or openvino: what runs a .keras file or a SavedModel. A Generator runs on Keras' backend.
        precision: compute type, float32 or bfloat16, of a .keras file, and of a SavedModel in OpenVINO; empty: float32,
            or what an export was made with.
        trust_model: whether a SavedModel may hold operations that touch files, hosts or Python, and a .tflite file is
            opened without a trial in a process of its own: of models whose maker is known.

    Raises:
        FileNotFoundError: there is no such file or name.
        ImportError: OpenVINO is asked for and not installed.
        ValueError: it is there, but is not a model that enlarges pictures.
    """
    if isinstance(model, Runtime):
        return model
    if not isinstance(model, str | os.PathLike):
        return _keras_model(model, runtime, precision, threads)
    if str(model) == "bicubic":
        return bicubic_runtime(scale)
    path = Path(file_of(str(model))).expanduser()
    if path.suffix == ".tflite":
        if runtime == "openvino" or precision:
            raise ValueError(f"{path} runs in LiteRT, with the numbers of its export: give neither --runtime nor "
                             "--precision")
        from srgan_tf.inference.litert import litert_runtime
        from srgan_tf.inference.litert_trial import require_survival

        if not trust_model:
            require_survival(path, threads)
        return litert_runtime(path, threads)
    # An export within a run folder must not hide the run's own, newer generators.
    saved_model = None if any((path / name).is_file() for name in RUN_MODELS) else find_saved_model(path)
    if saved_model and not trust_model:
        from srgan_tf.inference.saved_model_check import check_saved_model

        check_saved_model(saved_model)
    if saved_model and runtime == "openvino":
        from srgan_tf.inference.openvino import openvino_saved_model

        return openvino_saved_model(saved_model, precision, threads)
    if saved_model:
        if precision:
            raise ValueError(f"{saved_model} computes in what it was exported with: export it with "
                             f"--precision={precision}")
        return saved_model_runtime(saved_model)

    from srgan_tf.hub import load_model

    return _keras_model(load_model(model, policy(runtime, precision)), runtime, precision, threads)


def policy(runtime: str, precision: str) -> str:
    """The Keras policy to load a generator with, for `open_runtime`: OpenVINO takes float32 and rounds by itself."""
    return "mixed_bfloat16" if (runtime, precision) == ("tensorflow", "bfloat16") else "float32"


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


def _keras_model(generator: Any, runtime: str, precision: str, threads: int) -> Runtime:
    from srgan_tf.models import Generator

    if not isinstance(generator, Generator):
        raise ValueError(f"model must be a generator; got {type(generator).__name__}")
    generator = generator.fold()
    if runtime == "tensorflow":
        return keras_runtime(generator)
    from srgan_tf.inference.openvino import openvino_keras

    return openvino_keras(generator, precision, threads)


def bicubic_runtime(scale: int) -> Runtime:
    """MATLAB's bicubic interpolation, the baseline of every table."""
    return Runtime("bicubic", scale, lambda images: matlab_resize(images[0], scale)[None], receptive_radius=2,
                   run_float=lambda images: matlab_resize(to_unit(images[0]), scale)[None], channelwise=True)


def keras_runtime(generator: Any) -> Runtime:
    """A Keras generator, compiled once for all sizes where the backend is TensorFlow."""
    import keras

    def compiled(function: Callable, kind: str) -> Callable:
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            function = tf.function(function, input_signature=[tf.TensorSpec([None, None, None, 3], kind)])
            function = _plain_errors(function)
        return lambda images: keras.ops.convert_to_numpy(function(images))

    call = compiled(lambda images: generator(images, training=False), "float32")
    return in_turn(Runtime(
        generator.name, generator.scale, compiled(generator.enlarge, "uint8"),
        receptive_radius=generator.receptive_radius, alignment=generator.alignment,
        run_float=lambda images: call(to_unit(images)), parameters=trained(generator)))


def trained(generator: Any) -> int:
    """How many weights training moves."""
    return sum(int(np.prod(weight.shape)) for weight in generator.trainable_weights)


def find_saved_model(path: Path) -> Path | None:
    """The SavedModel at `path`, or its newest version where the folder holds numbered ones as TF Serving wants them."""
    if (path / "saved_model.pb").is_file():
        return path
    versions = [child.parent for child in path.glob("[0-9]*/saved_model.pb")]
    numbers = {version: whole_number(version.name) for version in versions}
    return max((version for version in versions if numbers[version] is not None), key=numbers.get, default=None)


def saved_model_runtime(path: Path) -> Runtime:
    """The `serving_default` signature of a SavedModel, uint8 [N,H,W,3] -> uint8 [N,sH,sW,3]."""
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures["serving_default"]
        (name, spec), = signature.structured_input_signature[1].items()
        (output, made), = signature.structured_outputs.items()
    except Exception as error:  # protobuf, TensorFlow and Python errors alike, from a damaged folder
        raise ValueError(f"{path} is not a SavedModel that this package can run: {one_line(error)}") from error
    if spec.dtype != tf.uint8 or spec.shape.as_list()[1:] != [None, None, 3]:
        raise ValueError(f"{path}: serving_default must take uint8 [N,H,W,3]; it takes {spec.dtype.name} {spec.shape}")
    if made.dtype != tf.uint8 or made.shape.rank != 4 or made.shape[3] != 3:
        raise ValueError(
            f"{path}: serving_default must give uint8 [N,sH,sW,3]; it gives {made.dtype.name} {made.shape}")

    @_plain_errors
    def run(images: np.ndarray) -> np.ndarray:
        return signature(**{name: tf.constant(images)})[output].numpy()

    run.keep = loaded  # the signatures hold their variables by weak references only
    try:
        trial = run(np.zeros((1, *TRIAL, 3), np.uint8))
    except ValueError as error:
        raise ValueError(f"{path} cannot enlarge a picture: {one_line(error)}") from error
    return in_turn(Runtime(path.name, whole_scale(path, TRIAL, trial.shape), run, alignment=EXPORT_ALIGNMENT,
                           run_float=_float_signature(loaded)))


def _float_signature(loaded: Any) -> Callable | None:
    """The `float` signature that `export` writes, float32 on 0..255; None where there is no such one."""
    import tensorflow as tf

    signature = loaded.signatures.get("float")
    inputs = signature.structured_input_signature[1] if signature else {}
    if list(inputs) != ["input_0"] or list(signature.structured_outputs) != ["output_0"]:
        return None

    @_plain_errors
    def run(images: np.ndarray) -> np.ndarray:
        levels = to_unit(images) * np.float32(255)
        return signature(input_0=tf.constant(levels))["output_0"].numpy() / np.float32(255)

    return run


def whole_scale(path: Path, taken: Sequence[int], made: Sequence[int]) -> int:
    """How many times larger than an input of height and width `taken` the output of shape `made` is."""
    scale = made[1] // taken[0] if len(made) == 4 else 0
    if scale < 1 or list(made) != [1, scale * taken[0], scale * taken[1], 3]:
        raise ValueError(f"{path} must make a larger picture of one; it makes {list(made)} of {[1, *taken, 3]}")
    return scale


def _plain_errors(run: Callable) -> Callable:
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
            raise ValueError(one_line(error)) from error

    return plain


def one_line(error: Exception) -> str:
    """The beginning of an error's message, without line breaks."""
    return " ".join(str(error).split())[:200] or type(error).__name__
