"""TensorFlow runs a SavedModel."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.hub.references import ModelRef
from srgan_tf.imaging import to_unit
from srgan_tf.runtimes.base import (
    CLIP_START,
    CLIP_STEP,
    LARGEST_INFO,
    TRIAL,
    ClipRun,
    ModelInfo,
    Options,
    Runtime,
    in_turn,
    info_of,
    one_line,
    plain_errors,
    tiling_of,
    whole_scale,
)
from srgan_tf.runtimes.saved_model_check import check_saved_model

INFO = Path("assets.extra", "model_info.json")  # TensorFlow Serving passes over what it does not know there


def open_saved_model(model: ModelRef, options: Options) -> Runtime:
    """A SavedModel, whose operations are checked first unless it is trusted."""
    if options.precision:
        raise UserError(f"{model} computes in what it was exported with: export it with "
                        f"--precision={options.precision}")
    if not options.trust_model:
        check_saved_model(model.path)
    return saved_model_runtime(model.path)


def saved_model_runtime(path: Path) -> Runtime:
    """The `serving_default` signature of a SavedModel, uint8 [N,H,W,3] -> uint8 [N,sH,sW,3].

    Of a network that takes averages over the whole image it is `untiled`, where there is one: the other one has tiles.
    """
    import tensorflow as tf

    info = info_of(path, read_info, path)
    try:
        loaded = tf.saved_model.load(str(path))
        averages = info is not None and info.whole_image_bytes and "untiled" in loaded.signatures
        signature = loaded.signatures["untiled" if averages else "serving_default"]
        (name, spec), = signature.structured_input_signature[1].items()
        (output, made), = signature.structured_outputs.items()
    except Exception as error:  # protobuf, TensorFlow and Python errors alike, from a damaged folder
        raise UserError(f"{path} is not a SavedModel that this package can run: {one_line(error)}") from error
    if spec.dtype != tf.uint8 or spec.shape.as_list()[1:] != [None, None, 3]:
        raise UserError(f"{path}: serving_default must take uint8 [N,H,W,3]; it takes {spec.dtype.name} {spec.shape}")
    if made.dtype != tf.uint8 or made.shape.rank != 4 or made.shape[3] != 3:
        raise UserError(
            f"{path}: serving_default must give uint8 [N,sH,sW,3]; it gives {made.dtype.name} {made.shape}")

    @plain_errors
    def run(images: np.ndarray) -> np.ndarray:
        return signature(**{name: tf.constant(images)})[output].numpy()

    run.keep = loaded  # the signatures hold their variables by weak references only
    try:
        trial = run(np.zeros((1, *TRIAL, 3), np.uint8))
    except ValueError as error:
        raise UserError(f"{path} cannot upscale an image: {one_line(error)}") from error
    scale = whole_scale(path, TRIAL, trial.shape)
    return in_turn(Runtime(path.name, scale, run, run_float=_float_signature(loaded),
                           clip=_clip_run(path, loaded, info), **tiling_of(path, info, scale)))


def read_info(folder: Path) -> ModelInfo | None:
    """What a SavedModel says of itself; None where it says nothing.

    Raises:
        UserError: it says something that cannot be.
        OSError: the file cannot be read.
    """
    file = folder / INFO
    if not file.is_file():
        return None
    with file.open("rb") as opened:
        return ModelInfo.from_json(opened.read(LARGEST_INFO + 1))


def _clip_run(path: Path, loaded: Any, info: ModelInfo | None) -> ClipRun | None:
    """The signatures of a network over time; None where the SavedModel says that it is none.

    Raises:
        UserError: it says that it is one, and has no such signatures.
    """
    if info is None or info.state_channels is None:
        return None
    import tensorflow as tf

    if not {CLIP_START, CLIP_STEP} <= set(loaded.signatures):
        raise UserError(f"{path} says that it is a network over time, and has no signatures {CLIP_START} and "
                        f"{CLIP_STEP}: export it again")

    @plain_errors
    def start(images: np.ndarray) -> np.ndarray:
        return loaded.signatures[CLIP_START](image=tf.constant(images))["state"].numpy()

    @plain_errors
    def step(images: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = loaded.signatures[CLIP_STEP](image=tf.constant(images), state=tf.constant(state))
        return found["upscaled"].numpy(), found["state"].numpy()

    return ClipRun(start, step, info.delay, info.warm_up)


def _float_signature(loaded: Any) -> Callable | None:
    """The `float` signature that `export` writes, float32 on 0..255; None where there is no such one."""
    import tensorflow as tf

    signature = loaded.signatures.get("float")
    inputs = signature.structured_input_signature[1] if signature else {}
    if list(inputs) != ["input_0"] or list(signature.structured_outputs) != ["output_0"]:
        return None

    @plain_errors
    def run(images: np.ndarray) -> np.ndarray:
        levels = to_unit(images) * np.float32(255)
        return signature(input_0=tf.constant(levels))["output_0"].numpy() / np.float32(255)

    return run
