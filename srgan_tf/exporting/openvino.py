"""OpenVINO's own format, for Intel's runtime without TensorFlow."""

import os
import tempfile
from pathlib import Path

import tensorflow as tf

from srgan_tf.atomic import replacing
from srgan_tf.config import ExportConfig
from srgan_tf.models import Generator
from srgan_tf.runtimes.keras import inference_form, info_of_network
from srgan_tf.runtimes.openvino import INFO


def export_openvino(generator: Generator, folder: Path, name: str, config: ExportConfig) -> Path:
    """Writes FOLDER/NAME.xml and NAME.bin.

    They take float32 `image` [N,H,W,3] and give `upscaled` [N,sH,sW,3], RGB in 0..1, not clipped.

    Args:
        generator: what to export.
        folder: exists.
        name: of the files, without ending.
        config: not used by this format: it has float32 alone, and runs in bfloat16 where that is asked for.

    Returns:
        The path of the .xml file, which appears after its .bin.

    Raises:
        ModuleNotFoundError: OpenVINO is not installed.
        OSError: it cannot be written.
    """
    import openvino

    generator = inference_form(generator)
    signature = [tf.TensorSpec([None, None, None, 3], tf.float32, "image")]
    graph = tf.function(lambda image: generator(image, training=False), signature).get_concrete_function()
    model = openvino.convert_model(graph)
    model.input(0).set_names({"image"})
    model.output(0).set_names({"upscaled"})
    model.set_rt_info(info_of_network(generator, input_range=(0, 1), output_range=(0, 1)).to_json(), INFO)
    path = folder / f"{name}.xml"
    with tempfile.TemporaryDirectory(dir=folder) as own:
        try:
            openvino.save_model(model, f"{own}/model.xml", compress_to_fp16=False)
        except RuntimeError as error:  # OpenVINO's own, for a full disk too
            raise OSError(f"{path} cannot be written: {error}") from error
        for made in (path.with_suffix(".bin"), path):
            with replacing(made) as temporary:
                os.replace(f"{own}/model{made.suffix}", temporary)
    return path
