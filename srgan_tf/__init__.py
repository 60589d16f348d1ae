"""srgan_tf: single-image super-resolution with SRGAN, ESRGAN and their family, in TensorFlow and Keras.

`import srgan_tf` imports no framework; the names below load what they need when they are first used.
"""

from srgan_tf import lazy

__version__ = "0.1.0"
__all__ = ["Upscaler", "__version__", "load_model"]

_ROOMS = ("data", "evaluation", "exporting", "hub", "imaging", "inference", "losses", "metrics", "models", "training")
_HOMES = {"Upscaler": "inference", "load_model": "hub", **{room: room for room in _ROOMS}}
__getattr__, __dir__ = lazy.names(__name__, _HOMES)
