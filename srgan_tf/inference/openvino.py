"""OpenVINO, Intel's runtime for CPUs, on the graphs of Keras models and SavedModels."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from srgan_tf.imaging import to_unit
from srgan_tf.inference.runtimes import EXPORT_ALIGNMENT, TRIAL, Runtime, in_turn, one_line, trained, whole_scale

HINTS = {"float32": "f32", "bfloat16": "bf16"}


def openvino_keras(generator: Any, precision: str = "", threads: int = 0) -> Runtime:
    """A Keras generator in OpenVINO; TensorFlow only traces it."""
    import tensorflow as tf

    def compiled(function: Callable, kind: str) -> Callable[[np.ndarray], np.ndarray]:
        graph = tf.function(function, [tf.TensorSpec([None, None, None, 3], kind)]).get_concrete_function()
        return compile_graph(graph, precision or "float32", threads)

    @functools.cache
    def unrounded() -> Callable[[np.ndarray], np.ndarray]:
        return compiled(lambda images: generator(images, training=False), "float32")

    return in_turn(Runtime(
        generator.name, generator.scale, compiled(generator.enlarge, "uint8"),
        receptive_radius=generator.receptive_radius, alignment=generator.alignment,
        run_float=lambda images: unrounded()(to_unit(images)), parameters=trained(generator)))


def openvino_saved_model(path: Path, precision: str = "", threads: int = 0) -> Runtime:
    """The `untiled` signature of a SavedModel of this package in OpenVINO."""
    import tensorflow as tf

    try:
        graph = tf.saved_model.load(str(path)).signatures["untiled"]
    except Exception as error:  # as in saved_model_runtime; without the signature a KeyError
        raise ValueError(f"{path} has no signature `untiled` for OpenVINO: export it again, or give --runtime="
                         f"tensorflow ({one_line(error)})") from error
    try:
        run = compile_graph(graph, precision or "float32", threads)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; of exports it takes those in float32, which it computes in bfloat16 with "
                         "--precision=bfloat16") from error
    made = run(np.zeros((1, *TRIAL, 3), np.uint8))
    return in_turn(Runtime(path.name, whole_scale(path, TRIAL, made.shape), run, alignment=EXPORT_ALIGNMENT))


def compile_graph(graph: Any, precision: str, threads: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    """Compiles a TensorFlow graph function for the CPU.

    Args:
        graph: a concrete function of pictures [N,H,W,3] that gives [N,sH,sW,3], both of one type, for any H and W.
        precision: float32 or bfloat16, what convolutions compute in. Where the processor has no bfloat16, OpenVINO
            takes float32.
        threads: to run with; 0: OpenVINO's choice, one for each core.

    Returns:
        What the graph does, for arrays; one call at a time.

    Raises:
        ImportError: OpenVINO is not installed.
        ValueError: it cannot take the graph.
    """
    try:
        import openvino
    except ModuleNotFoundError as error:
        raise ImportError("openvino is not installed: pip install 'srgan_tf[openvino]'") from error
    settings = {"INFERENCE_PRECISION_HINT": HINTS[precision], "PERFORMANCE_HINT": "LATENCY"}
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads
    try:
        compiled = _core().compile_model(openvino.convert_model(graph), "CPU", settings)
    except Exception as error:  # OpenVINO has many kinds
        raise ValueError(f"OpenVINO cannot take this model: {one_line(error)}") from error
    request = compiled.create_infer_request()

    def run(images: np.ndarray) -> np.ndarray:
        try:
            # The request's own memory is written to again by the next picture.
            return np.array(request.infer([images])[0])
        except RuntimeError as error:
            raise ValueError(f"OpenVINO cannot enlarge a tile: {one_line(error)}") from error

    return run


@functools.cache
def _core() -> Any:
    """One for the whole process.

    Each brings a signal stack for its thread. Of two that end in the order of their making, the second puts back the
    first's, which is no longer mapped: the next Ctrl-C would be a crash.
    """
    import openvino

    return openvino.Core()
