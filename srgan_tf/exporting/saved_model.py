"""SavedModel, for TensorFlow Serving and anything else that runs TensorFlow."""

import os
import shutil
from pathlib import Path

import tensorflow as tf

from srgan_tf.config import ExportConfig
from srgan_tf.models import Generator


def export_saved_model(generator: Generator, folder: Path, name: str, config: ExportConfig) -> Path:
    """Writes FOLDER/VERSION/, the layout of TensorFlow Serving; VERSION is one more than the greatest there.

    Signature `serving_default`: `image` uint8 [N,H,W,3] RGB -> `upscaled` uint8 [N,sH,sW,3], any size.

    Args:
        generator: what to export.
        folder: exists.
        name: not used by this format.
        config: not used by this format.

    Returns:
        The folder of the version. It appears whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    version = 1 + max((int(child.name) for child in folder.iterdir() if child.name.isdecimal()), default=0)
    temporary = folder / f".{version}.{os.getpid()}.tmp"
    module = tf.Module()
    module.generator_variables = [variable.value for variable in generator.variables]

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, "image")])
    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"upscaled": generator.enlarge(image)}

    module.serve = serve
    try:
        tf.saved_model.save(module, str(temporary), signatures={"serving_default": serve})
        os.replace(temporary, folder / str(version))
    except tf.errors.OpError as error:  # TensorFlow's own, for a full disk too
        raise OSError(f"{folder / str(version)} cannot be written: {error.message}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder / str(version)
