"""Exports a generator: SavedModel (TensorFlow Serving), TFLite (LiteRT, Android), ONNX, OpenVINO, a web site.

Examples:
    python -m srgan_tf.export --model=edsr_x4 --output=exports/edsr_x4
    python -m srgan_tf.export --model=runs/quickstart --format=tflite --dynamic --output=exports/quickstart
    python -m srgan_tf.export --model=mobile_x4 --format=tflite --quantize=int8 --tile=96x128 --output=exports/phone
    python -m srgan_tf.export --model=photo_x4 --format=onnx --output=exports
    python -m srgan_tf.export --model=photo_x4 --format=web --quantize=float16 --output=site
"""

import dataclasses
import functools
import os

from srgan_tf import flags
from srgan_tf.atomic import check_writable
from srgan_tf.config import ExportConfig
from srgan_tf.settings import lookup
from srgan_tf.text import expand, printable


def main(config: ExportConfig) -> None:
    """Writes each format and says where."""
    output = expand(config.output)
    check_writable(output)
    model = flags.resolve_model(config.model, config.offline)
    flags.require_tensorflow("export")
    with flags.quiet_imports():
        from srgan_tf.exporting import FORMATS, check_formats, check_packages, summary
        from srgan_tf.hub import load_generator

    exporters = [lookup(FORMATS, name, "format") for name in config.format]
    check_packages(config.format)
    with flags.quiet_imports():
        generator = load_generator(model)
    check_formats(generator, config.format)
    config = dataclasses.replace(config, model=os.path.join(os.curdir, model.path))  # the card describes this file
    output.mkdir(parents=True, exist_ok=True)
    for export in exporters:
        path = export(generator, output, model.name, config)
        beside = [path.with_suffix(".bin")] if path.suffix == ".xml" else []  # the weights of OpenVINO's format
        size = sum(part.stat().st_size for part in [path, *beside, *path.rglob("*")] if part.is_file())
        print(f"{printable(path)}: {size / 2**20:.1f} MiB{summary(path)}")


run = functools.partial(flags.run, main, ExportConfig)

if __name__ == "__main__":
    run()
