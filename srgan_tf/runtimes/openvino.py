"""OpenVINO, Intel's runtime for CPUs, on the graphs of Keras models and SavedModels, and on its own files."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.hub.references import ModelRef
from srgan_tf.imaging import to_unit
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
from srgan_tf.runtimes.keras import inference_form, trained
from srgan_tf.runtimes.layouts import open_layout
from srgan_tf.runtimes.saved_model import read_info
from srgan_tf.runtimes.saved_model_check import check_saved_model

INFO = "srgan_tf"  # the key of the ModelInfo in a file's rt_info
HINTS = {"float32": "f32", "bfloat16": "bf16"}


def open_keras(model: ModelRef, options: Options) -> Runtime:
    """A .keras file, or foreign weights."""
    from srgan_tf.hub import load_generator

    return open_network(load_generator(model), options)  # OpenVINO takes float32 and rounds by itself


def open_network(generator: Any, options: Options) -> Runtime:
    """A generator in OpenVINO; TensorFlow only traces it."""
    import tensorflow as tf

    from srgan_tf.models import ClipGenerator

    generator = inference_form(generator)
    if isinstance(generator, ClipGenerator):
        raise UserError(f"{type(generator).__name__} is a network over time, which runs on --runtime=tensorflow")

    def compiled(function: Callable, kind: str) -> Callable[[np.ndarray], np.ndarray]:
        graph = tf.function(function, [tf.TensorSpec([None, None, None, 3], kind)]).get_concrete_function()
        return compile_graph(graph, options.precision or "float32", options.threads)

    @functools.cache
    def unrounded() -> Callable[[np.ndarray], np.ndarray]:
        return compiled(lambda images: generator(images, training=False), "float32")

    return in_turn(Runtime(
        generator.name, generator.scale, compiled(generator.upscale, "uint8"),
        receptive_radius=generator.receptive_radius, alignment=generator.alignment,
        run_float=lambda images: unrounded()(to_unit(images)), parameters=trained(generator),
        whole_image_bytes=generator.whole_image_bytes))


def open_saved_model(model: ModelRef, options: Options) -> Runtime:
    """The `untiled` signature of a SavedModel of this package in OpenVINO."""
    if not options.trust_model:
        check_saved_model(model.path)
    import tensorflow as tf

    path = model.path
    try:
        graph = tf.saved_model.load(str(path)).signatures["untiled"]
    except Exception as error:  # as in runtimes/saved_model.py; without the signature a KeyError
        raise UserError(f"{path} has no signature `untiled` for OpenVINO: export it again, or give --runtime="
                         f"tensorflow ({one_line(error)})") from error
    try:
        run = compile_graph(graph, options.precision or "float32", options.threads)
    except UserError as error:
        raise UserError(f"{path}: {error}; OpenVINO runs exports in float32 only, and computes them in bfloat16 with "
                         "--precision=bfloat16") from error
    made = run(np.zeros((1, *TRIAL, 3), np.uint8))
    scale = whole_scale(path, TRIAL, made.shape)
    return in_turn(Runtime(path.name, scale, run, **tiling_of(path, info_of(path, read_info, path), scale)))


def open_file(model: ModelRef, options: Options) -> Runtime:
    """An .xml file with its .bin, as `export --format=openvino` writes it, or of others with either layout."""
    path = model.path
    try:
        network = _core().read_model(str(path))
        shape = network.input().get_partial_shape()
    except Exception as error:  # OpenVINO has many kinds
        raise UserError(f"{path} is not a model that OpenVINO can open: {one_line(error)}") from error
    run = compile_network(lambda: network, options.precision or "float32", options.threads)
    sides = [side.get_length() if side.is_static else None for side in shape]
    return open_layout(path, sides, info_of(path, _read_info, network), run)


def _read_info(network: Any) -> ModelInfo | None:
    return ModelInfo.from_json(network.get_rt_info(INFO).astype(str)) if network.has_rt_info(INFO) else None


def compile_graph(graph: Any, precision: str, threads: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    """Compiles a TensorFlow graph function for the CPU.

    Args:
        graph: a concrete function of images [N,H,W,3] that gives [N,sH,sW,3], both of one type, for any H and W.
        precision: float32 or bfloat16, what convolutions compute in. Where the processor has no bfloat16, OpenVINO
            takes float32.
        threads: to run with; 0: OpenVINO's choice, one for each core.

    Returns:
        What the graph does, for arrays; one call at a time.

    Raises:
        ModuleNotFoundError: OpenVINO is not installed.
        UserError: it cannot take the graph.
    """
    import openvino

    return compile_network(lambda: openvino.convert_model(graph), precision, threads)


def compile_network(make: Callable[[], Any], precision: str, threads: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    """As `compile_graph`, of what `make` gives, OpenVINO's own form of a network."""
    settings = {"INFERENCE_PRECISION_HINT": HINTS[precision], "PERFORMANCE_HINT": "LATENCY"}
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads
    try:
        compiled = _core().compile_model(make(), "CPU", settings)
    except Exception as error:  # OpenVINO has many kinds
        raise UserError(f"OpenVINO cannot load this model: {one_line(error)}") from error
    request = compiled.create_infer_request()

    def run(images: np.ndarray) -> np.ndarray:
        try:
            # The request's own memory is written to again by the next image.
            return np.array(request.infer([images])[0])
        except RuntimeError as error:
            raise UserError(f"OpenVINO cannot upscale a tile: {one_line(error)}") from error

    return run


@functools.cache
def _core() -> Any:
    """One for the whole process.

    Each brings a signal stack for its thread. Of two that end in the order of their making, the second puts back the
    first's, which is no longer mapped: the next Ctrl-C would be a crash.
    """
    import openvino

    return openvino.Core()
