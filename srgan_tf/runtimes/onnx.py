"""ONNX Runtime: an .onnx file of this package or of others.

It takes float32 or float16 RGB images in 0..1, with their channels first or last.
"""

from typing import Any

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.hub.references import ModelRef
from srgan_tf.imaging import to_uint8, to_unit
from srgan_tf.runtimes.base import (
    TRIAL,
    ModelInfo,
    Options,
    Runtime,
    in_turn,
    info_of,
    one_line,
    tiling_of,
    whole_scale,
)

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
    first, fixed_size = layout_of(path, given[0].shape)
    info = info_of(path, _read_info, session)

    def run_float(images: np.ndarray) -> np.ndarray:
        values = to_unit(images).astype(kind, copy=False)
        try:
            made = session.run(None, {name: np.ascontiguousarray(np.moveaxis(values, 3, 1)) if first else values})[0]
        except Exception as error:
            raise UserError(f"{path} cannot upscale a tile: {one_line(error)}") from error
        return np.ascontiguousarray(np.moveaxis(made, 1, 3) if first else made).astype(np.float32, copy=False)

    taken = fixed_size or TRIAL
    scale = whole_scale(path, taken, run_float(np.zeros((1, *taken, 3), np.float32)).shape)
    return in_turn(Runtime(path.stem, scale, lambda images: to_uint8(run_float(images)), fixed_tile=fixed_size,
                           run_float=run_float, **tiling_of(path, info, scale, fixed_size)))


def layout_of(path: Any, shape: list) -> tuple[bool, tuple[int, int] | None]:
    """Whether a tensor of images has its channels first, and its fixed height and width, None where they are free.

    Args:
        path: of the model, for messages.
        shape: of its input; what is no integer of at least 1 is free.

    Raises:
        UserError: it holds no RGB images.
    """
    sides = [side if isinstance(side, int) and side > 0 else None for side in shape]
    if len(sides) == 4 and sides[0] in (None, 1) and 3 in (sides[1], sides[3]):
        first = sides[1] == 3 and sides[3] != 3
        height, width = sides[2:] if first else sides[1:3]
        if (height is None) == (width is None):
            return first, None if height is None else (height, width)
    raise UserError(f"{path} must take images [N,3,H,W] or [N,H,W,3]; it takes {shape}")


def _read_info(session: Any) -> ModelInfo | None:
    text = session.get_modelmeta().custom_metadata_map.get(INFO)
    return ModelInfo.from_json(text) if text else None
