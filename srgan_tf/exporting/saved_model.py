"""SavedModel, for TensorFlow Serving and anything else that runs TensorFlow."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from srgan_tf.config import ExportConfig
from srgan_tf.errors import UserError
from srgan_tf.exporting.clip_signatures import clip_signatures, first_frames, freeze_step
from srgan_tf.exporting.encoded import upscale_files
from srgan_tf.exporting.freezing import freeze
from srgan_tf.exporting.graph_tiling import Tiling, context, to_levels, upscale_in_graph
from srgan_tf.exporting.limits import refuse_too_large
from srgan_tf.exporting.warmup import warmup_inputs, write_warmup
from srgan_tf.models import ClipGenerator, Generator
from srgan_tf.runtimes.keras import info_of_network
from srgan_tf.runtimes.saved_model import INFO
from srgan_tf.text import MOST, whole_number


def export_saved_model(generator: Generator, folder: Path, name: str, config: ExportConfig) -> Path:
    """Writes FOLDER/VERSION/, the layout of TensorFlow Serving; VERSION is one more than the greatest there.

    Signatures, for images of any size, RGB on 0..255:
    `serving_default`: `image` uint8 [N,H,W,3] -> `upscaled` uint8 [N,sH,sW,3];
    `float`: `input_0` float32 [N,H,W,3] -> `output_0` float32 [N,sH,sW,3], not clipped; calling the loaded object does
    the same, the contract of TF Hub's captain-pool/esrgan-tf2;
    `encoded`: `image_bytes` string [N], PNG, JPEG, GIF or BMP files -> `png_bytes` string [N];
    `untiled`: as `serving_default`, but whole images at once and no limit: for OpenVINO and other converters, which
    know no loop that writes in place;
    of a network over time also `clip_start` and `clip_step` (clip_signatures.py); the others then take each image as
    the first of a scene.

    Args:
        generator: what to export.
        folder: exists. Its name is the model's in the warm-up requests.
        name: not used by this format.
        config: tile, precision and greatest size.

    Returns:
        The folder of the version. It appears whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    version = 1 + max((whole_number(child.name) or 0 for child in folder.iterdir()), default=0)
    if version > MOST:
        raise UserError(f"{folder} holds version {MOST}, after which there is no other: move it away")
    temporary = folder / f".{version}.{os.getpid()}.tmp"
    module = serving_module(generator, config)
    try:
        tf.saved_model.save(module, str(temporary), signatures=module.named)
        write_info(temporary, generator)
        if not write_warmup(temporary, folder.resolve().name, warmup_inputs()):
            print("no warm-up requests in the SavedModel: they need tensorflow-serving-api (pip install "
                  "'srgan_tf[serving]')")
        os.replace(temporary, folder / str(version))
    except tf.errors.OpError as error:  # TensorFlow's own, for a full disk too
        raise OSError(f"{folder / str(version)} cannot be written: {error.message}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder / str(version)


def write_info(folder: Path, generator: Generator) -> None:
    """Writes what runtimes must know of the model into a SavedModel."""
    (folder / INFO).parent.mkdir(exist_ok=True)
    (folder / INFO).write_text(info_of_network(generator).to_json() + "\n")


def serving_module(generator: Generator, config: ExportConfig) -> tf.Module:
    """A module without variables: callable like `float`, its signatures in the dict `named`."""
    step = freeze_step(generator, config.precision) if isinstance(generator, ClipGenerator) else None
    network = first_frames(generator, step) if step else freeze(generator, config.precision)
    scale, max_megapixels = generator.scale, config.max_megapixels
    tile, overlap = config.saved_model_tile, config.saved_model_overlap
    if overlap < 0:
        overlap = context(generator.receptive_radius, tile)
    if tile < 2 * overlap + generator.alignment:
        raise UserError(f"--saved_model_tile must be at least {2 * overlap + generator.alignment} for "
                        f"--saved_model_overlap={overlap} and this network; got {tile}")
    tiling = Tiling(scale, tile, overlap, generator.alignment)

    def upscale(images: tf.Tensor) -> tf.Tensor:
        height, width = tf.unstack(tf.shape(images)[1:3])
        with tf.control_dependencies([refuse_too_large(height, width, scale, max_megapixels)]):
            return upscale_in_graph(network, tf.identity(images), tiling)

    def function(spec: tf.TensorSpec, python_function: Callable) -> Callable:
        return tf.function(python_function, [spec], autograph=False)

    def upscale_whole(images: tf.Tensor) -> tf.Tensor:
        return to_levels(255 * network(tf.cast(images, tf.float32) / 255))

    integers, floats = (tf.TensorSpec([None, None, None, 3], dtype, name)
                      for dtype, name in ((tf.uint8, "image"), (tf.float32, "input_0")))
    files = tf.TensorSpec([None], tf.string, "image_bytes")
    module = tf.Module()
    module.upscale, module.__call__ = function(integers, upscale), function(floats, upscale)
    module.named = {
        "serving_default": function(integers, lambda image: {"upscaled": module.upscale(image)}),
        "float": function(floats, lambda input_0: {"output_0": module.__call__(input_0)}),
        "untiled": function(integers, lambda image: {"upscaled": upscale_whole(image)}),
        "encoded": function(files, lambda image_bytes: {
            "png_bytes": upscale_files(
                image_bytes, module.upscale, module.__call__, scale, max_megapixels)}),
    } | (clip_signatures(generator, step) if step else {})
    return module
