"""Colour: the luma that the papers measure on, rounding to uint8, and alpha multiplied in and out.

Arrays are height by width by channels (RGB order, alpha last) on 0..255, unless a function says otherwise.
"""

import numpy as np

# ITU-R BT.601 on 8 bits, as MATLAB's rgb2ycbcr has it: RGB in 0..1 -> Y in 16..235.
_Y_WEIGHTS = (65.481, 128.553, 24.966)
_Y_OFFSET = 16.0


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


def to_uint8(x: np.ndarray) -> np.ndarray:
    """Rounds floating point on 0..1 to uint8 on 0..255: half up, then clipped.

    Args:
        x: floating point of any shape and type (bfloat16 too). Infinities become 0 and 255.

    Raises:
        ValueError: integers, which are on 0..255 already, or a NaN, which has no grey level: a model that makes one
            has failed, and a black pixel would hide it.
    """
    x = np.asarray(x)
    if x.dtype.kind in "biu":
        raise ValueError(f"x must be floating point on 0..1; got {x.dtype}")
    # Half precision is too coarse to add a half to.
    levels = x.astype(np.float64 if x.dtype == np.float64 else np.float32)
    np.clip(levels, 0, 1, out=levels)
    if np.isnan(levels).any():
        raise ValueError(f"x holds {np.isnan(levels).sum()} NaN among {levels.size} values")
    levels *= 255
    levels += 0.5
    # Cutting off the decimals of x + 1/2 rounds half up.
    return levels.astype(np.uint8)


def premultiply(rgba: np.ndarray) -> np.ndarray:
    """Colour times alpha, which is what may be filtered: [H,W,4] uint8 -> [H,W,3] uint8, rounded to nearest."""
    rgba = np.asarray(rgba)
    if rgba.dtype != np.uint8 or rgba.ndim != 3 or rgba.shape[2] != 4:
        raise ValueError(f"rgba must be uint8 [H,W,4]; got {rgba.dtype} {rgba.shape}")
    product = rgba[..., :3].astype(np.uint16) * rgba[..., 3:]  # at most 65,025
    # 255 is odd: there are no ties.
    return ((product + 127) // 255).astype(np.uint8)


def unpremultiply(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Undoes `premultiply`: divides colour by alpha and joins both, rounded half up and clipped.

    Args:
        rgb: [H,W,3] uint8, premultiplied.
        alpha: [H,W] or [H,W,1] uint8. Where it is 0, colour is unknown and becomes 0.

    Returns:
        [H,W,4] uint8.
    """
    rgb, alpha = np.asarray(rgb), np.asarray(alpha)
    alpha = alpha[..., None] if alpha.ndim == 2 else alpha
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"rgb must be uint8 [H,W,3]; got {rgb.dtype} {rgb.shape}")
    if alpha.dtype != np.uint8 or alpha.shape != (*rgb.shape[:2], 1):
        raise ValueError(f"alpha must be uint8 with the height and width of rgb; got {alpha.dtype} {alpha.shape}")
    divisor = np.maximum(alpha, 1).astype(np.uint32)
    colour = (rgb * np.uint32(255) + divisor // 2) // divisor
    colour = np.where(alpha == 0, 0, np.minimum(colour, 255))
    return np.concatenate([colour.astype(np.uint8), alpha], axis=2)
