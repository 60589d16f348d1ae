"""ONNX Runtime: an .onnx file of this package or of others.

It takes float32 or float16 RGB images in 0..1, with their channels first or last.
"""

from typing import Any

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.hub.references import ModelRef
from srgan_tf.runtimes.base import ModelInfo, Options, Runtime, info_of, one_line
from srgan_tf.runtimes.layouts import open_layout

INFO = "srgan_tf"  # the key of the ModelInfo among the file's metadata
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


def open_onnx(model: ModelRef, options: Options) -> Runtime:
    """A model that takes one image [N,H,W,3] or [N,3,H,W] and gives a larger one of the same layout."""
    import onnxruntime

    path, settings = model.path, onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # it has many kinds
        raise UserError(f"{path} is not a model that ONNX Runtime can open: {one_line(error)}") from error
    given = session.get_inputs()
    if len(given) != 1 or given[0].type not in TYPES:
        takes = ", ".join(f"{each.name} {each.type}" for each in given)
        raise UserError(f"{path} must take one float32 or float16 image; it takes {takes}")
    kind, name = TYPES[given[0].type], given[0].name

    def compute(images: np.ndarray) -> np.ndarray:
        try:
            made = session.run(None, {name: images.astype(kind, copy=False)})[0]
        except Exception as error:
            raise UserError(f"{path} cannot upscale a tile: {one_line(error)}") from error
        return made.astype(np.float32, copy=False)

    return open_layout(path, given[0].shape, info_of(path, _read_info, session), compute)


def _read_info(session: Any) -> ModelInfo | None:
    text = session.get_modelmeta().custom_metadata_map.get(INFO)
    return ModelInfo.from_json(text) if text else None
