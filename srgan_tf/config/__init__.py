"""What each command is told: frozen dataclasses, a field a flag; a file for each command.

Nothing here knows absl, TensorFlow or Keras: flags.py turns the fields into command-line flags.
"""

from srgan_tf.config.choices import (
    COMPUTE_TYPES,
    DEFAULT_MODEL,
    FAITHFUL_MODEL,
    OVERLAP,
    PRECISIONS,
    QUANTIZATIONS,
    RUN_MODELS,
    RUNTIMES,
    SCALES,
    SCHEDULES,
    SHARP_MODEL,
    STRATEGIES,
    TFLITE_IO,
    TILE,
)
from srgan_tf.config.compare import CompareConfig
from srgan_tf.config.convert import ConvertConfig
from srgan_tf.config.evaluate import EvaluateConfig
from srgan_tf.config.export import ExportConfig
from srgan_tf.config.interpolate import InterpolateConfig
from srgan_tf.config.prepare import PrepareConfig
from srgan_tf.config.serve import ServeConfig
from srgan_tf.config.train import TrainConfig
from srgan_tf.config.upscale import UpscaleConfig

__all__ = [
    "COMPUTE_TYPES",
    "DEFAULT_MODEL",
    "FAITHFUL_MODEL",
    "OVERLAP",
    "PRECISIONS",
    "QUANTIZATIONS",
    "RUNTIMES",
    "RUN_MODELS",
    "SCALES",
    "SCHEDULES",
    "SHARP_MODEL",
    "STRATEGIES",
    "TFLITE_IO",
    "TILE",
    "CompareConfig",
    "ConvertConfig",
    "EvaluateConfig",
    "ExportConfig",
    "InterpolateConfig",
    "PrepareConfig",
    "ServeConfig",
    "TrainConfig",
    "UpscaleConfig",
]
