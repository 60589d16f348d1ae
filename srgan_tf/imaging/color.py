"""Colour: the luma that the papers measure on, levels of 8 and 16 bits, and alpha multiplied in and out.

Arrays are height by width by channels (RGB order, alpha last).
"""

import numpy as np

from srgan_tf.errors import UserError

# ITU-R BT.601 on 8 bits, as MATLAB's rgb2ycbcr has it: RGB in 0..1 -> Y in 16..235.
_Y_WEIGHTS = (65.481, 128.553, 24.966)
_Y_OFFSET = 16.0

# The highest level of each type that files hold.
LEVELS = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}


def rgb_to_y(rgb: np.ndarray) -> np.ndarray:
    """Luma, as MATLAB's `rgb2ycbcr` defines it, but not rounded.

    Args:
        rgb: [H,W,3], uint8 or floating point on 0..255; or grey, [H,W] or [H,W,1], which is taken as Y itself.

    Returns:
        [H,W] float64; 16 (black) to 235 (white) for colour, the grey values as they are for grey.

    Raises:
        ValueError: another shape.
    """
    rgb = np.asarray(rgb)
    if rgb.ndim == 2:
        return rgb.astype(np.float64)
    if rgb.ndim != 3 or rgb.shape[2] not in (1, 3):
        raise ValueError(f"rgb must be [H,W,3], or grey as [H,W] or [H,W,1]; got shape {rgb.shape}")
    if rgb.shape[2] == 1:
        return rgb[..., 0].astype(np.float64)
    y = _Y_OFFSET
    for channel, weight in enumerate(_Y_WEIGHTS):
        y = y + rgb[..., channel] * np.float64(weight / 255)
    return y


def to_unit(x: np.ndarray) -> np.ndarray:
    """Brings uint8 on 0..255 or uint16 on 0..65535 to float32 in 0..1; floating point is in 0..1 already.

    Raises:
        ValueError: another type.
    """
    x = np.asarray(x)
    if x.dtype in LEVELS:
        return x.astype(np.float32) / np.float32(LEVELS[x.dtype])
    if x.dtype.kind != "f":
        raise ValueError(f"x must be uint8, uint16 or floating point in 0..1; got {x.dtype}")
    return x.astype(np.float32, copy=False)


def to_levels(x: np.ndarray, dtype: np.typing.DTypeLike) -> np.ndarray:
    """Rounds floating point in 0..1 to uint8 on 0..255 or uint16 on 0..65535: half up, then clipped.

    Args:
        x: floating point of any shape and type (bfloat16 too). Infinities become the lowest and the highest level.
        dtype: np.uint8 or np.uint16.

    Raises:
        ValueError: integers, or a NaN, which has no level: a model that makes one has failed, and a black pixel would
            hide it.
    """
    x = np.asarray(x)
    if x.dtype.kind in "biu":
        raise ValueError(f"x must be floating point on 0..1; got {x.dtype}")
    # Half precision is too coarse to add a half to.
    levels = x.astype(np.float64 if x.dtype == np.float64 else np.float32)
    np.clip(levels, 0, 1, out=levels)
    if np.isnan(levels).any():
        raise UserError(f"x holds {np.isnan(levels).sum()} NaN among {levels.size} values")
    levels *= LEVELS[np.dtype(dtype)]
    levels += 0.5
    # Cutting off the decimals of x + 1/2 rounds half up.
    return levels.astype(dtype)


def to_uint8(x: np.ndarray) -> np.ndarray:
    """`to_levels` of 8 bits: floating point in 0..1 -> uint8 on 0..255."""
    return to_levels(x, np.uint8)


def halve_depth(pixels: np.ndarray) -> np.ndarray:
    """uint16 on 0..65535 -> uint8 on 0..255, rounded; uint8 is given back as it is."""
    # 65535 is 255 times 257, which is odd: there are no ties. In uint16 the sum would overflow.
    return pixels if pixels.dtype == np.uint8 else ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def is_opaque(pixels: np.ndarray) -> bool:
    """Whether alpha, the last channel of uint8, uint16 or float in 0..1, is full everywhere."""
    return bool((pixels[..., -1] == LEVELS.get(pixels.dtype, 1)).all())


def premultiply(rgba: np.ndarray) -> np.ndarray:
    """Colour times alpha, which is what may be filtered: float [H,W,C+1] -> [H,W,C], alpha last."""
    return rgba[..., :-1] * rgba[..., -1:]


def unpremultiply(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Undoes `premultiply`: divides colour by alpha and joins both.

    Args:
        colour: float [H,W,C], premultiplied.
        alpha: float [H,W,1] in 0..1. Where it is 0, colour is unknown and becomes 0.

    Returns:
        [H,W,C+1], neither rounded nor clipped.
    """
    straight = np.divide(colour, alpha, out=np.zeros_like(colour), where=alpha > 0)
    return np.concatenate([straight, alpha], axis=2)
