"""LiteRT: a .tflite file of any input type that this package writes, and of others by the rules below.

| tensor | its values |
|---|---|
| float32 of a file that says its range (ModelInfo) | that range |
| uint8, int8 without scale | grey levels 0..255; int8 less 128 |
| uint8, int8 with a scale | the real numbers 0..255 where the scale reaches beyond 16, else 0..1 |
| float32 whose name in the signature ends in `_0_255` | 0..255 |
| any other float32 | 0..1 |
"""

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from srgan_tf.errors import ModelNotFoundError, UserError
from srgan_tf.hub.references import ModelRef
from srgan_tf.imaging import to_uint8, to_unit
from srgan_tf.runtimes.base import (
    TRIAL,
    ModelInfo,
    Options,
    Runtime,
    in_turn,
    info_of,
    one_line,
    tiling_of,
    whole_scale,
)
from srgan_tf.runtimes.litert_clips import as_first_frames, clip_run
from srgan_tf.runtimes.litert_trial import require_survival
from srgan_tf.runtimes.tflite_metadata import read_info
from srgan_tf.runtimes.tflite_parameters import count_parameters

_hushing = threading.RLock()  # of two threads, the second would take the first's hidden file for standard error

Coding = Callable[[np.ndarray], np.ndarray]


def open_litert(model: ModelRef, options: Options) -> Runtime:
    """A .tflite file."""
    if options.runtime != "tensorflow" or options.precision:
        raise UserError(f"{model} runs in LiteRT, with the numbers of its export: give neither --runtime nor "
                        "--precision")
    if not options.trust_model:
        require_survival(model.path, options.threads)
    return litert_runtime(model.path, options.threads)


def litert_runtime(path: Path, threads: int = 0) -> Runtime:
    """A .tflite file of one input [1,H,W,3] and one output [1,sH,sW,3], or of a network over time, run by LiteRT alone.

    Args:
        path: of the file. Its H and W are both fixed or both free.
        threads: to run with; 0: one for each core.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is damaged, or takes or makes something else.
    """
    if not path.is_file():
        raise ModelNotFoundError(f"no model file {str(path)!r}")
    try:
        interpreter = _open(path, threads or os.cpu_count() or 1)
    except Exception as error:  # LiteRT and FlatBuffers raise whatever they met in a damaged file
        raise UserError(f"{path} is not a .tflite file that this package can run: {one_line(error)}") from error
    content = path.read_bytes()
    info = info_of(path, read_info, content)
    runtime = (_moving if info and info.state_channels else _still)(path, interpreter, info)
    return in_turn(runtime if runtime.parameters else runtime._replace(parameters=count_parameters(content)))


def _moving(path: Path, interpreter: Any, info: ModelInfo) -> Runtime:
    """Of a file that says that it holds a network over time; each image is taken as the first frame of a scene."""
    clip = clip_run(path, interpreter, info)
    run_float = as_first_frames(clip)
    with hushed():
        scale = whole_scale(path, TRIAL, run_float(np.zeros((1, *TRIAL, 3), np.float32)).shape)
    return Runtime(path.stem, scale, lambda images: to_uint8(run_float(images)), run_float=run_float, clip=clip,
                   **tiling_of(path, info, scale))


def _still(path: Path, interpreter: Any, info: ModelInfo | None) -> Runtime:
    """Of any other file."""
    try:
        (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    except Exception as error:  # not one of each, or nothing that FlatBuffers can read
        raise UserError(f"{path} is not a .tflite file that this package can run: {one_line(error)}") from error
    tile = _input_tile(path, source)
    given, made = _names(interpreter, source, target)
    encode = _encoder(path, source, _peak(info and info.input_range, given))
    decode = _decoder(path, target, _peak(info and info.output_range, made))

    def run_float(images: np.ndarray) -> np.ndarray:
        try:
            if tuple(interpreter.get_input_details()[0]["shape"]) != images.shape:
                interpreter.resize_tensor_input(source["index"], images.shape)
                interpreter.allocate_tensors()
            interpreter.set_tensor(source["index"], encode(images))
            interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise UserError(f"{path} cannot upscale a tile: {one_line(error)}") from error
        return decode(interpreter.get_tensor(target["index"]))

    def run(images: np.ndarray) -> np.ndarray:
        return to_uint8(run_float(images))

    if tile:
        made_shape = target["shape"]
    else:
        with hushed():
            made_shape = run(np.zeros((1, *TRIAL, 3), np.uint8)).shape
    scale = whole_scale(path, tile or TRIAL, [int(n) for n in made_shape])
    return Runtime(path.stem, scale, run, fixed_tile=tile, run_float=run_float, **tiling_of(path, info, scale, tile))


def _open(path: Path, threads: int) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    with hushed():
        interpreter = Interpreter(str(path), num_threads=threads)
        interpreter.allocate_tensors()
    return interpreter


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Hides what LiteRT's C++ says on standard error when it makes a delegate: it has no switch for that."""
    with _hushing:
        try:
            kept = os.dup(2)
        except OSError:  # there is no standard error to hide it from
            yield
            return
        with _hidden(kept):
            yield


@contextlib.contextmanager
def _hidden(kept: int) -> Iterator[None]:
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _input_tile(path: Path, source: dict) -> tuple[int, int] | None:
    """The fixed height and width of the input, or None where both are free."""
    shape = [int(n) for n in source["shape_signature"]]
    sides = shape[1:3]
    if len(shape) != 4 or shape[0] not in (1, -1) or shape[3] != 3 or (-1 in sides and sides != [-1, -1]):
        kind = source["dtype"].__name__
        raise UserError(f"{path} must take one image [1,H,W,3]; it takes {kind} {shape}")
    return None if -1 in sides else (sides[0], sides[1])


def _names(interpreter: Any, source: dict, target: dict) -> tuple[str, str]:
    """What the signature calls the input and the output; their tensors' names where there is no signature."""
    for signature in interpreter.get_signature_list().values():
        if len(signature["inputs"]) == len(signature["outputs"]) == 1:
            return signature["inputs"][0], signature["outputs"][0]
    return source["name"], target["name"]


def _encoder(path: Path, tensor: dict, peak: float) -> Coding:
    """uint8 levels, or float32 in 0..1, -> what the tensor takes: integers stand for 8 bits."""
    if tensor["dtype"] == np.float32:
        return lambda images: to_unit(images) * np.float32(peak)
    kind, levels = _levels(path, tensor, "take")
    # The number that stands for each grey level: of those that a tensor can hold, the one nearest to it.
    nearest = np.abs(levels[None] - np.arange(256)[:, None]).argmin(axis=1)
    table = (nearest + np.iinfo(kind).min).astype(kind)
    return lambda images: table[images if images.dtype == np.uint8 else to_uint8(images)]


def _decoder(path: Path, tensor: dict, peak: float) -> Coding:
    """What the tensor gives -> float32 in 0..1; of an integer tensor whole grey levels, which rounding leaves alone."""
    if tensor["dtype"] == np.float32:
        return lambda images: images / np.float32(peak)
    kind, levels = _levels(path, tensor, "give")
    table = (levels / 255).astype(np.float32)
    return lambda images: table[images.astype(np.int16) - np.iinfo(kind).min]


def _peak(said: tuple[int, int] | None, name: str) -> float:
    """The number of white in a float32 tensor: what the file says, else what the tensor's name says."""
    return float(said[1]) if said else 255.0 if name.endswith("_0_255") else 1.0


def _levels(path: Path, tensor: dict, verb: str) -> tuple[type, np.ndarray]:
    """The integer type of a tensor, and the grey level that each of its 256 numbers stands for, from the least up."""
    kind = tensor["dtype"]
    if kind not in (np.uint8, np.int8):
        raise UserError(f"{path} must {verb} float32, uint8 or int8 [1,H,W,3]; it {verb}s {kind.__name__}")
    scale, zero = tensor["quantization"]
    numbers = np.arange(np.iinfo(kind).min, np.iinfo(kind).max + 1)
    if not scale:
        return kind, (numbers - numbers[0]).astype(float)
    real = scale * (numbers - zero)
    return kind, real if 255 * scale > 16 else 255 * real
