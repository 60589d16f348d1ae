"""Compares a Keras model with its SavedModel, all three signatures, on a benchmark: differences in grey levels.

    PYTHONPATH=. python tools/compare_saved_model.py model.keras Set5 [--tile=T] [--precision=bfloat16]
"""

import argparse
import io
import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from PIL import Image

from srgan_tf.config import ExportConfig
from srgan_tf.exporting import export_saved_model
from srgan_tf.hub import load_model
from srgan_tf.imaging import list_images, read_image
from srgan_tf.models import GENERATORS


def main() -> None:
    """Exports, runs and prints a line for each image."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a .keras file, or a generator's name for one of random weights")
    parser.add_argument("benchmark")
    parser.add_argument("--tile", type=int, default=384)
    parser.add_argument("--precision", default="float32")
    arguments = parser.parse_args()
    known = arguments.model in GENERATORS
    generator = GENERATORS[arguments.model]() if known else load_model(arguments.model, dtype="float32")
    with tempfile.TemporaryDirectory() as folder:
        path = export_saved_model(generator, Path(folder), "", ExportConfig(
            model="-", output="-", saved_model_tile=arguments.tile, precision=arguments.precision))
        loaded = tf.saved_model.load(str(path))
        for file in list_images(Path(arguments.benchmark) / f"LR_bicubic/X{generator.scale}"):
            compare(generator, loaded, file)


def compare(generator, loaded, file: Path) -> None:
    """Prints the largest difference of each signature, and the share of pixels that differ at all."""
    image = read_image(file).colour
    expected = np.asarray(generator.upscale(image[None]))[0].astype(int)
    signatures = loaded.signatures
    whole = signatures["serving_default"](image=tf.constant(image[None]))["upscaled"].numpy()[0]
    floats = signatures["float"](input_0=tf.constant(image[None], tf.float32))["output_0"].numpy()[0]
    content = tf.io.encode_png(image)[None]
    png = np.asarray(Image.open(io.BytesIO(signatures["encoded"](image_bytes=content)["png_bytes"].numpy()[0])))
    made = {"uint8": whole, "float": np.clip(np.floor(floats + 0.5), 0, 255).astype(np.uint8), "encoded": png}
    found = [f"{name} {np.abs(pixels - expected).max()} ({(pixels != expected).mean():.2e})"
             for name, pixels in made.items()]
    print(f"{file.name} {image.shape[1]}x{image.shape[0]}: {', '.join(found)}", flush=True)


if __name__ == "__main__":
    main()
