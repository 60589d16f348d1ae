"""The formats of exports, each a function in FORMATS, and what they need."""

import importlib.util
from collections.abc import Sequence

from srgan_tf.config import ExportConfig
from srgan_tf.errors import MissingPackageError, UserError
from srgan_tf.exporting.onnx import export_onnx
from srgan_tf.exporting.openvino import export_openvino
from srgan_tf.exporting.saved_model import export_saved_model
from srgan_tf.exporting.tflite import check_tflite, export_tflite
from srgan_tf.exporting.website import export_web
from srgan_tf.models import ClipGenerator, Generator

FORMATS = {"saved_model": export_saved_model, "tflite": export_tflite, "onnx": export_onnx,
           "openvino": export_openvino, "web": export_web}
OVER_TIME = ("saved_model", "tflite")  # those that can hand on a state
# Extras of this package, named as the formats that need them, and what they install.
NEEDS = {"onnx": ("onnx", "tf2onnx"), "openvino": ("openvino",)}


def check_packages(names: Sequence[str]) -> None:
    """Raises a MissingPackageError where a format needs a package that is not installed."""
    for name in names:
        for package in NEEDS.get(name, ()):
            if not importlib.util.find_spec(package):
                raise MissingPackageError(f"--format={name} needs {package}: pip install 'srgan_tf[{name}]'")


def check_formats(generator: Generator, config: ExportConfig) -> None:
    """Raises a UserError where a format, or what the flags say of it, does not suit the network."""
    for name in config.format:
        if isinstance(generator, ClipGenerator) and name not in OVER_TIME:
            raise UserError(f"--format={name} holds no network over time ({type(generator).__name__}): give "
                            f"--format={','.join(OVER_TIME)}")
    if "tflite" in config.format:
        check_tflite(generator, config)

