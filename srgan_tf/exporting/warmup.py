"""Warm-up requests, which TensorFlow Serving runs on a model before it serves it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

FILE = Path("assets.extra", "tf_serving_warmup_requests")
SIDE = 64  # of the image in each request


def warmup_inputs() -> dict[str, dict[str, tf.Tensor]]:
    """For each signature the inputs of one request: an image of [64,64] pixels, black to white and noisy."""
    ramp = np.linspace(0, 200, SIDE)[:, None, None] + np.random.default_rng(0).integers(0, 56, (SIDE, SIDE, 3))
    image = tf.constant(ramp[None].astype(np.uint8))
    return {
        "serving_default": {"image": image},
        "float": {"input_0": tf.cast(image, tf.float32)},
        "encoded": {"image_bytes": tf.io.encode_png(image[0])[None]},
    }


def write_warmup(folder: Path, name: str, requests: Mapping[str, Mapping[str, tf.Tensor]]) -> bool:
    """Writes the requests into a SavedModel's folder as TensorFlow Serving reads them: a TFRecord of PredictionLog.

    Args:
        folder: of the SavedModel.
        name: of the model that the requests ask for.
        requests: inputs by signature.

    Returns:
        Whether they were written: False where the package tensorflow-serving-api (extra `serving`) is not installed.
    """
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError:
        return False
    path = folder / FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.name, request.model_spec.signature_name = name, signature
            for key, tensor in inputs.items():
                request.inputs[key].CopyFrom(tf.make_tensor_proto(tensor))
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())
    return True
