"""srgan_tf: single-image super-resolution with SRGAN, ESRGAN and their family, in TensorFlow and Keras.

`import srgan_tf` imports no framework; the names below load what they need when they are first used.
"""

import importlib
from typing import Any

__version__ = "0.1.0"
__all__ = ["Upscaler", "__version__", "load_model"]

_HOMES = {"Upscaler": "srgan_tf.inference", "load_model": "srgan_tf.models"}
_ROOMS = ("data", "evaluation", "exporting", "imaging", "inference", "losses", "metrics", "models", "training")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"srgan_tf.{name}")
    raise AttributeError(f"module 'srgan_tf' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
