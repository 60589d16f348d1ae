"""Exports a generator: SavedModel (TensorFlow Serving), TFLite (LiteRT, Android), ONNX, OpenVINO, a web site.

Examples:
    python -m srgan_tf.export --model=edsr_x4 --output=exports/edsr_x4
    python -m srgan_tf.export --model=runs/quickstart --format=tflite --dynamic --output=exports/quickstart
    python -m srgan_tf.export --model=mobile_x4 --format=tflite --quantize=int8 --tile=96x128 --output=exports/phone
    python -m srgan_tf.export --model=photo_x4 --format=onnx --output=exports
    python -m srgan_tf.export --format=web --output=site   # the models that ship for LiteRT, without TensorFlow
"""

import dataclasses
import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from srgan_tf import flags
from srgan_tf.atomic import check_writable
from srgan_tf.config import DEFAULT_MODEL, ExportConfig
from srgan_tf.settings import lookup
from srgan_tf.text import expand, printable

if TYPE_CHECKING:
    from srgan_tf.hub import ModelRef


def main(config: ExportConfig) -> None:
    """Writes each format and says where."""
    output = expand(config.output)
    check_writable(output)
    of_web = config.format == ("web",)
    if of_web and not config.model and config.quantize == "none":
        from srgan_tf.hub import site_models

        return _write_site([flags.resolve_model(name) for name in site_models()], config)
    model = flags.resolve_model(config.model or DEFAULT_MODEL, config.offline)
    if of_web and model.kind == "litert":
        return _write_site([model], config)
    flags.require_tensorflow("export")
    with flags.quiet_imports():
        from srgan_tf.exporting import FORMATS, check_formats, check_packages
        from srgan_tf.exporting.card import summary
        from srgan_tf.hub import load_generator

    exporters = [lookup(FORMATS, name, "format") for name in config.format]
    check_packages(config.format)
    with flags.quiet_imports():
        generator = load_generator(model)
    check_formats(generator, config)
    config = dataclasses.replace(config, model=os.path.join(os.curdir, model.path))  # the card describes this file
    output.mkdir(parents=True, exist_ok=True)
    for export in exporters:
        path = export(generator, output, model.name, config)
        _say(path, summary(path))


def _write_site(models: Sequence["ModelRef"], config: ExportConfig) -> None:
    """Writes a site of .tflite files, without TensorFlow, and says where."""
    from srgan_tf.exporting.site import site_of_files

    output = expand(config.output)
    output.mkdir(parents=True, exist_ok=True)
    _say(site_of_files(output, models, config))


def _say(path: Path, summary: str = "") -> None:
    """A line about what was written."""
    beside = [path.with_suffix(".bin")] if path.suffix == ".xml" else []  # the weights of OpenVINO's format
    size = sum(part.stat().st_size for part in [path, *beside, *path.rglob("*")] if part.is_file())
    print(f"{printable(path)}: {size / 2**20:.1f} MiB{summary}")


run = functools.partial(flags.run, main, ExportConfig)

if __name__ == "__main__":
    run()
