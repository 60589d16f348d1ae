"""A site that upscales in the browser, with a network: its .tflite file, and what `site` puts around it."""

import dataclasses
from pathlib import Path

from srgan_tf.config import ExportConfig
from srgan_tf.exporting.site import write_site
from srgan_tf.exporting.tflite import export_tflite
from srgan_tf.models import Generator


def export_web(generator: Generator, folder: Path, name: str, config: ExportConfig) -> Path:
    """Writes a site, or adds a model to the one that is there.

    Args:
        generator: what to export; its .tflite has a free size.
        folder: of the site; exists.
        name: of the model.
        config: quantization and the rest.

    Returns:
        The folder. Each file appears whole or not at all, the page's list of models last.

    Raises:
        UserError: the folder holds something else; or as export_tflite.
        OSError: it cannot be written, or LiteRT.js cannot be had.
    """
    free = dataclasses.replace(config, dynamic=True)
    return write_site(folder, config, lambda models: [(export_tflite(generator, models, name, free), name)])
