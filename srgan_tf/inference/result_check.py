"""Results that no working model makes: values that are no numbers, and nothing but black of an image that is bright.

A float that overflows, or a damaged weight, spreads over a network's receptive field, and a runtime that rounds by
itself makes black of it: black where the image is bright is what calls for a look at the numbers. A network that has
hardly been trained makes such spots too, of numbers.
"""

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.imaging import premultiply, to_unit

BRIGHT = 0.5  # of 0..1, in each of 3x3 LR pixels


def check_finite(upscaled: np.ndarray, name: str) -> None:
    """Raises a UserError where a value of what a model of this name made, in floating point, is NaN or infinite."""
    if not np.isfinite(upscaled).all():
        raise _failed(name, "values that are not numbers (NaN or infinite)")


def check_not_black(upscaled: np.ndarray, name: str) -> None:
    """Raises a UserError where what a model made of a tile that is bright somewhere, [H,W,C], is nothing but black."""
    if not (upscaled > 0).any():
        raise _failed(name, "black of an image that is bright")


def black_where_bright(tile: np.ndarray, upscaled: np.ndarray, scale: int) -> bool:
    """Whether 3x3 LR pixels that are all bright became black.

    Args:
        tile: uint8, uint16 or float32 in 0..1, [H,W,C].
        upscaled: of any of these types, [sH,sW,C].
        scale: s.
    """
    channels = tile.shape[2] - (tile.shape[2] % 2 == 0)
    colour = upscaled[..., :channels]
    if colour.min() > 0:
        return False
    image = to_unit(tile)
    bright = (image if channels == tile.shape[2] else premultiply(image)).min(axis=2) > BRIGHT
    height, width = bright.shape
    # [sH,sW,C] -> [H,s,W,s,C] -> [H,W]
    black = ~(colour > 0).reshape(height, scale, width, scale, channels).any(axis=(1, 3, 4))
    return bool(_all_around(black & bright).any())


def _failed(name: str, what: str) -> UserError:
    return UserError(f"the model {name} made {what}: its weights are damaged, or its compute type overflows: try "
                     "--precision=float32 or another model")


def _all_around(marks: np.ndarray) -> np.ndarray:
    """Whether a mark and its eight neighbours are set; beyond the edge lies its mirror image."""
    for axis in (0, 1):
        padded = np.moveaxis(np.pad(marks, [(1, 1) if axis == place else (0, 0) for place in (0, 1)], "edge"), axis, 0)
        marks = np.moveaxis(padded[:-2] & padded[1:-1] & padded[2:], 0, axis)
    return marks
