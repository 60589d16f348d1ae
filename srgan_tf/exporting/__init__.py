"""Exports: a generator in the formats that other software takes, each a function in FORMATS."""

from typing import Any

from srgan_tf.config import ExportConfig
from srgan_tf.exporting.saved_model import export_saved_model
from srgan_tf.exporting.tflite import export_tflite

FORMATS = {"saved_model": export_saved_model, "tflite": export_tflite}


def settings(format: str, config: ExportConfig) -> dict[str, Any]:
    """The keyword arguments that a format's function takes from the configuration."""
    return {
        "saved_model": {"tile": config.saved_model_tile, "precision": config.precision,
                        "max_megapixels": config.max_megapixels},
        "tflite": {"tile": config.tile},
    }[format]


__all__ = ["FORMATS", "export_saved_model", "export_tflite", "settings"]
