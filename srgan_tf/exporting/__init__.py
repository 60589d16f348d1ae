"""Exports: a generator in the formats that other software takes, each a function in FORMATS.

Names load when first used: `site`, which puts finished .tflite files into a site, needs no TensorFlow.
"""

from srgan_tf import lazy

_HOMES = {
    **dict.fromkeys(("FORMATS", "check_formats", "check_packages"), "formats"),
    "export_onnx": "onnx",
    "export_openvino": "openvino",
    "export_saved_model": "saved_model",
    "export_tflite": "tflite",
    "export_web": "website",
    "summary": "card",
}
__getattr__, __dir__ = lazy.names(__name__, _HOMES)
