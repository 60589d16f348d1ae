"""LiteRT (TFLite), for Android and other small machines."""

import os
from pathlib import Path

import tensorflow as tf

from srgan_tf.models import Generator


def export_tflite(generator: Generator, folder: Path, name: str, tile: int) -> Path:
    """Writes FOLDER/NAME.tflite: float32 [1,T,T,3] RGB in 0..1 -> float32 [1,sT,sT,3], not clipped.

    Args:
        generator: what to export.
        folder: exists.
        name: of the file, without ending.
        tile: T, in LR pixels.

    Returns:
        The path of the file. It appears whole or not at all.
    """

    @tf.function(input_signature=[tf.TensorSpec([1, tile, tile, 3], tf.float32, "image")])
    def upscale(image: tf.Tensor) -> tf.Tensor:
        return generator(image, training=False)

    module = tf.Module()
    module.generator_variables = [variable.value for variable in generator.variables]
    converter = tf.lite.TFLiteConverter.from_concrete_functions([upscale.get_concrete_function()], module)
    path, temporary = folder / f"{name}.tflite", folder / f".{name}.{os.getpid()}.tmp"
    try:
        temporary.write_bytes(converter.convert())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
