"""LiteRT (TFLite), for Android and other small machines.

The graph is made for mobile: pixel shuffles are DEPTH_TO_SPACE, bilinear upscaling is RESIZE_BILINEAR, weights are
constants, and no tensor has more than four dimensions. The signature `upscale` takes `image` (uint8 grey levels),
`image_0_255` or `image_0_1` (float32), RGB [1,H,W,3], and gives `upscaled`, [1,sH,sW,3], of the same type. Floats
come out as the network makes them; integers are rounded half up and clipped. A network over time has the signatures
of clip_signatures.py instead.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from srgan_tf.atomic import replacing
from srgan_tf.config import ExportConfig
from srgan_tf.errors import UserError
from srgan_tf.exporting.calibration import (
    NO_PHOTOGRAPHS,
    Photographs,
    calibration_tiles,
    measure_loss,
    open_photographs,
)
from srgan_tf.exporting.card import RANGES, SUFFIXES, make_card, write_card
from srgan_tf.exporting.clip_signatures import clip_signatures, freeze_step
from srgan_tf.exporting.kernel_rounding import round_kernels
from srgan_tf.exporting.tflite_graph import mobile_forms, require_gpu_compatible, set_output_range
from srgan_tf.exporting.within_loss import within_loss
from srgan_tf.models import ClipGenerator, Generator
from srgan_tf.runtimes.keras import info_of_network
from srgan_tf.runtimes.litert import hushed, litert_runtime
from srgan_tf.runtimes.tflite_metadata import add_info

SIGNATURE = "upscale"
TRIED_TILES = 12  # of how many calibration tiles one is upscaled to compare operations


def export_tflite(generator: Generator, folder: Path, name: str, config: ExportConfig) -> Path:
    """Writes FOLDER/NAME.tflite, or FOLDER/NAME_QUANTIZATION.tflite, and its card, a .json file of the same name.

    Args:
        generator: what to export.
        folder: exists.
        name: of the file, without ending.
        config: tile, quantization and the rest.

    Returns:
        The path of the file. It appears whole or not at all.

    Raises:
        ValueError: no photographs to calibrate int8 on, or the graph does not suit int8 or GPUs where it must.
        OSError: it cannot be written.
    """
    check_tflite(generator, config)
    photographs = open_photographs(config, generator.scale)
    try:
        content = convert(generator, config, photographs)
    except tf.errors.OpError as error:  # TensorFlow's own, for a full disk too
        raise OSError(f"{folder / name}.tflite cannot be made: {error.message}") from error
    if config.gpu_compatible:
        require_gpu_compatible(content)
    stem = name if config.quantize == "none" else f"{name}_{config.quantize}"
    path = folder / f"{stem}.tflite"
    with replacing(path) as temporary:
        temporary.write_bytes(content)
        with _suiting(generator, config):
            loss = measure_loss(generator, temporary, photographs)
        write_card(path.with_suffix(".json"), make_card(generator, temporary, config, loss))
    return path


def check_tflite(generator: Generator, config: ExportConfig) -> None:
    """Raises a UserError where the flags do not suit the network."""
    name = type(generator).__name__
    if config.quantize == "int8" and generator.closed_form:
        raise UserError(f"--quantize=int8 is too coarse for {name}, whose hash would choose other filters: give "
                        "--quantize=float16, or none")
    if not isinstance(generator, ClipGenerator):
        return
    if config.quantize == "int8":
        raise UserError(f"--quantize=int8 is too coarse for the motion that {name} follows: give --quantize=dynamic")
    if config.tflite_io != "float1" or config.gpu_compatible:
        raise UserError(f"{name} is a network over time, whose .tflite takes float32 in 0..1 of any size: leave --io, "
                        "--android_sample and --gpu_compatible out")


def convert(generator: Generator, config: ExportConfig, photographs: Photographs = NO_PHOTOGRAPHS) -> bytes:
    """The content of a .tflite file.

    Args:
        generator: what to convert.
        config: as for `export_tflite`.
        photographs: that int8 is calibrated on, and that its loss is measured on.
    """
    whole, suffix, images = config.quantize == "int8", SUFFIXES[config.tflite_io], photographs.calibration
    module = tf.Module()
    with tempfile.TemporaryDirectory() as folder, hushed():
        with mobile_forms(integer=whole):
            if isinstance(generator, ClipGenerator):
                signatures = clip_signatures(generator, freeze_step(generator, "float32"))
            else:
                signatures = {SIGNATURE: _frozen(generator, config, suffix, images)}
            module.functions = signatures  # what is saved must be part of it
            tf.saved_model.save(module, folder, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(signatures))
        if config.quantize != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if config.quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if whole:
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.representative_dataset = lambda: _feeds(images, config, suffix)
            if config.tflite_io == "uint8":
                converter.inference_input_type = converter.inference_output_type = tf.uint8
        if whole and config.int8_loss:
            return _within_loss(generator, config, photographs, converter)
        content = converter.convert()
    return _finished(generator, config, content)


def _finished(generator: Generator, config: ExportConfig, content: bytes) -> bytes:
    """A converted file with the right range of its output and with what it says of itself."""
    if config.quantize == "int8":
        content = set_output_range(content, 255 if config.tflite_io == "float255" else 1)
    values = tuple(RANGES[config.tflite_io][1])
    size = None if isinstance(generator, ClipGenerator) else config.tile_shape
    return add_info(content, info_of_network(generator, fixed_size=size, input_range=values, output_range=values))


def _within_loss(generator: Generator, config: ExportConfig, photographs: Photographs,
                 converter: tf.lite.TFLiteConverter) -> bytes:
    converter._experimental_calibrate_only = True  # QuantizationDebugger, which is public, knows no uint8
    calibrated = converter.convert()
    numbers = tf.uint8 if config.tflite_io == "uint8" else tf.float32
    tiles = calibration_tiles(photographs.calibration, config.tile_shape)[2::TRIED_TILES]

    def quantize(in_float: frozenset[str]) -> bytes:
        return _finished(generator, config, mlir_quantize(
            calibrated, input_data_type=numbers, output_data_type=numbers, denylisted_nodes=set(in_float) or None))

    def upscale(content: bytes) -> np.ndarray:
        with _suiting(generator, config), _as_file(content) as path:
            runtime = litert_runtime(path)
            return np.concatenate([runtime.run_float(tile[None]) for tile in tiles])

    def loss(content: bytes) -> float:
        with _suiting(generator, config), _as_file(content) as path:
            return measure_loss(generator, path, photographs)["loss_db"]

    return within_loss(calibrated, quantize, loss, upscale, config.int8_loss)


@contextlib.contextmanager
def _suiting(generator: Generator, config: ExportConfig) -> Iterator[None]:
    """Says of a file that LiteRT cannot run that the quantization does not suit the network."""
    try:
        yield
    except UserError as error:
        raise UserError(f"--quantize={config.quantize} does not suit {type(generator).__name__}: LiteRT cannot run the "
                        f"file ({str(error).rpartition(': ')[2]}); give another --quantize") from error


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "content.tflite")
        path.write_bytes(content)
        yield path


def _frozen(generator: Generator, config: ExportConfig, suffix: str, images: list[np.ndarray]) -> Callable:
    """The generator as a function without variables: calibration fails at READ_VARIABLE.

    To be called with `mobile_forms`.
    """
    cast = config.tflite_io == "uint8" and config.quantize != "int8"  # int8 files are given uint8 by the converter
    peak = 255.0 if cast or config.tflite_io == "float255" else 1.0
    height, width = config.tile_shape or (None, None)
    spec = tf.TensorSpec([1, height, width, 3], tf.uint8 if cast else tf.float32, f"image{suffix}")

    def upscale(image: tf.Tensor) -> tf.Tensor:
        values = tf.cast(image, tf.float32)
        upscaled = generator(values if peak == 1 else values * (1 / peak), training=False)
        upscaled = upscaled if peak == 1 else upscaled * peak
        return tf.cast(tf.clip_by_value(upscaled, 0, 255) + 0.5, tf.uint8) if cast else upscaled

    frozen = convert_variables_to_constants_v2(tf.function(upscale, [spec]).get_concrete_function())
    graph_def, output = frozen.graph.as_graph_def(), frozen.outputs[0].name
    if images:
        tiles = calibration_tiles(images, config.tile_shape)
        round_kernels(graph_def, [(tile[None] * np.float32(peak / 255)).astype(spec.dtype.as_numpy_dtype)
                                  for tile in tiles[::3]])  # a third is enough for moments
    return tf.function(lambda image: {f"upscaled{suffix}": tf.graph_util.import_graph_def(
        graph_def, {spec.name: image}, [output], name="")[0]}, [spec])


def _feeds(images: list[np.ndarray], config: ExportConfig, suffix: str) -> Iterator[dict[str, np.ndarray]]:
    peak = 255 if config.tflite_io == "float255" else 1
    for tile in calibration_tiles(images, config.tile_shape):
        yield {f"image{suffix}": tile[None].astype(np.float32) * np.float32(peak / 255)}
