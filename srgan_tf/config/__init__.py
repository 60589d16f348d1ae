"""What each command is told: frozen dataclasses, a field a flag; a file for each command.

A command imports its own file alone. Nothing here knows absl, TensorFlow or Keras: flags.py turns the fields into
command-line flags.
"""

from srgan_tf import lazy

_HOMES = {
    **dict.fromkeys((
        "COMPUTE_TYPES", "DEFAULT_MODEL", "FAITHFUL_MODEL", "GENTLE_MODEL", "OVERLAP", "PRECISIONS", "QUANTIZATIONS",
        "RUN_MODELS", "RUNTIMES", "SCALES", "SCHEDULES", "SHARP_MODEL", "STRATEGIES", "STRENGTHS", "TFLITE_IO",
        "TILE"), "choices"),
    "CompareConfig": "compare",
    "ConvertConfig": "convert",
    "EvaluateConfig": "evaluate",
    "ExportConfig": "export",
    "InterpolateConfig": "interpolate",
    "PrepareConfig": "prepare",
    "ServeConfig": "serve",
    "TrainConfig": "train",
    "UpscaleConfig": "upscale",
}
__all__ = [*_HOMES]
__getattr__, __dir__ = lazy.names(__name__, _HOMES)
