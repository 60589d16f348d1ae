"""Exports: a generator in the formats that other software takes, each a function in FORMATS."""

from srgan_tf.exporting.card import summary
from srgan_tf.exporting.saved_model import export_saved_model
from srgan_tf.exporting.tflite import export_tflite

FORMATS = {"saved_model": export_saved_model, "tflite": export_tflite}

__all__ = ["FORMATS", "export_saved_model", "export_tflite", "summary"]
