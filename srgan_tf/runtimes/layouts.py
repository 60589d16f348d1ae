"""Models whose files do not say where their channels are: ONNX's and OpenVINO's, of this package and of others."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.imaging import to_uint8, to_unit
from srgan_tf.runtimes.base import TRIAL, ModelInfo, Runtime, in_turn, tiling_of, whole_scale


def open_layout(path: Path, shape: Sequence[Any], info: ModelInfo | None,
                compute: Callable[[np.ndarray], np.ndarray]) -> Runtime:
    """A runtime of a network that takes and gives RGB images in 0..1, with their channels first or last.

    Args:
        path: of the model.
        shape: of its input.
        info: what the model says of itself.
        compute: float32 images in the network's layout -> larger ones in the same layout.

    Raises:
        UserError: it does not upscale images, or is not what it says.
    """
    first, fixed_size = layout_of(path, shape)

    def run_float(images: np.ndarray) -> np.ndarray:
        values = to_unit(images)
        if not first:
            return compute(values)
        return np.ascontiguousarray(np.moveaxis(compute(np.ascontiguousarray(np.moveaxis(values, 3, 1))), 1, 3))

    taken = fixed_size or TRIAL
    scale = whole_scale(path, taken, run_float(np.zeros((1, *taken, 3), np.float32)).shape)
    return in_turn(Runtime(path.stem, scale, lambda images: to_uint8(run_float(images)), fixed_tile=fixed_size,
                           run_float=run_float, **tiling_of(path, info, scale, fixed_size)))


def layout_of(path: Path | str, shape: Sequence[Any]) -> tuple[bool, tuple[int, int] | None]:
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
    raise UserError(f"{path} must take images [N,3,H,W] or [N,H,W,3]; it takes {list(shape)}")
