"""What runs a model: Keras, TensorFlow (SavedModel), LiteRT, OpenVINO, a server, or plain interpolation, called alike.

    hub.resolve  ->  opening  ->  one of keras, saved_model, litert, openvino, remote, classical  ->  base.Runtime

A runtime takes uint8 RGB [1,H,W,3] and gives it larger; `run_float` gives float32 in 0..1, where that can be had.
"""

from srgan_tf.runtimes.base import ModelInfo, Options, Runtime, TileTooLargeError
from srgan_tf.runtimes.opening import open_runtime

__all__ = ["ModelInfo", "Options", "Runtime", "TileTooLargeError", "open_runtime"]
