"""One tile through a runtime that knows RGB alone: grey, RGB, and either with alpha, of any depth.

Everything is float32 in 0..1 between the one conversion at the beginning and the one rounding at the end. Colour is
upscaled premultiplied by alpha, so that what is hidden under transparency does not bleed into what is seen, and divided
by the upscaled alpha.
"""

from collections.abc import Callable

import numpy as np

from srgan_tf.imaging import premultiply, to_levels, to_uint8, to_unit, unpremultiply
from srgan_tf.inference.result_check import black_where_bright, check_finite, check_not_black
from srgan_tf.runtimes.base import Runtime

REACH = 4  # LR pixels around a pixel whose alpha decides how its colour is kept in range


def upscale_tile(runtime: Runtime, tile: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Upscales one tile.

    Args:
        runtime: what upscales RGB.
        tile: uint8, uint16 or float32 in 0..1, [H,W,C]: grey, grey and alpha, RGB or RGBA.
        dtype: of the result: uint8 or uint16, rounded and clipped; float32, neither, but for alpha, which is clipped.

    Returns:
        [sH,sW,C].

    Raises:
        UserError: as check_finite and check_not_black.
    """
    upscaled = _upscaled(runtime, tile, dtype)
    if black_where_bright(tile, upscaled, runtime.scale):
        if upscaled.dtype == np.uint8 and runtime.run_float:
            _upscaled(runtime, tile, np.dtype(np.float32))  # which checks the numbers
        check_not_black(upscaled[..., : tile.shape[2] - (tile.shape[2] % 2 == 0)], runtime.name)
    return upscaled if upscaled.dtype == dtype else to_levels(upscaled, dtype)


def _upscaled(runtime: Runtime, tile: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """float32, not rounded; or uint8, where the runtime's own rounding will do."""
    channels = tile.shape[2]
    if tile.dtype == dtype == np.uint8 and (channels == 3 or (channels == 1 and runtime.channelwise)):
        # The runtime's own conversion and rounding do the same and are faster; bicubic has MATLAB's rule for uint8.
        return runtime.run(np.ascontiguousarray(tile if channels == 3 else _three(tile))[None])[0][..., :channels]
    return (_with_alpha if channels % 2 == 0 else _without_alpha)(runtime, to_unit(tile))


def float_run(runtime: Runtime) -> Callable[[np.ndarray], np.ndarray]:
    """The runtime's float side; of one that has none, its uint8 side between two conversions."""
    if runtime.run_float:
        return runtime.run_float
    return lambda images: to_unit(runtime.run(images if images.dtype == np.uint8 else to_uint8(images)))


def _without_alpha(runtime: Runtime, image: np.ndarray) -> np.ndarray:
    """[H,W,1] or [H,W,3]; grey goes as three equal channels, whose average is taken."""
    grey = image.shape[2] == 1
    upscaled = float_run(runtime)(np.ascontiguousarray(_three(image) if grey else image)[None])[0]
    check_finite(upscaled, runtime.name)
    return upscaled.mean(axis=2, keepdims=True) if grey else upscaled


def _three(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey, 3, axis=2)


def _with_alpha(runtime: Runtime, image: np.ndarray) -> np.ndarray:
    """[H,W,2] or [H,W,4]."""
    alpha, scale = image[..., -1:], runtime.scale
    if not alpha.any():
        return np.zeros((alpha.shape[0] * scale, alpha.shape[1] * scale, image.shape[2]), np.float32)
    colour = _without_alpha(runtime, premultiply(image))
    if (alpha == 1).all():
        return np.concatenate([colour, np.ones_like(colour[..., :1])], axis=2)
    upscaled = unpremultiply(colour, _settled(_without_alpha(runtime, alpha), alpha, scale))
    _limit(upscaled[..., :-1], image, scale)
    upscaled[..., :-1] *= upscaled[..., -1:] > 0
    return upscaled


def _settled(upscaled: np.ndarray, alpha: np.ndarray, scale: int) -> np.ndarray:
    """Alpha in 0..1, and exactly 0 or 1 where LR and its eight neighbours are: networks are off by a level or two."""
    upscaled = np.clip(upscaled, 0, 1)
    for value, extreme in ((0, np.maximum), (1, np.minimum)):
        upscaled[_repeated(_neighbourhood(alpha, 1, extreme) == value, scale)] = value
    return upscaled


def _limit(colour: np.ndarray, image: np.ndarray, scale: int) -> None:
    """Keeps colour near transparency (REACH) within the range of what is visible in 5x5 LR pixels, in place.

    A network's error of one level is one of 25 levels under an alpha of 0.04, and at the edge of the black that stands
    for what is hidden it overshoots by 15 levels and more: a plain surface would become spotted.
    """
    alpha = image[..., -1:]
    hidden = np.broadcast_to(alpha == 0, image[..., :-1].shape)
    lowest = _neighbourhood(np.where(hidden, np.float32(np.inf), image[..., :-1]), 2, np.minimum)
    highest = _neighbourhood(np.where(hidden, np.float32(-np.inf), image[..., :-1]), 2, np.maximum)
    opaque = _neighbourhood(alpha, REACH, np.minimum) == 1
    unseen = lowest > highest  # there alpha is 0, and colour too
    lowest = np.where(opaque, -np.inf, np.where(unseen, 0, lowest)).astype(np.float32)
    highest = np.where(opaque, np.inf, np.where(unseen, 0, highest)).astype(np.float32)
    np.clip(colour, _repeated(lowest, scale), _repeated(highest, scale), out=colour)


def _neighbourhood(image: np.ndarray, radius: int, extreme: Callable) -> np.ndarray:
    """The least or greatest of (2 radius + 1)^2 pixels around each, [H,W,C]."""
    for axis in (0, 1):
        more = [(radius, radius) if axis == place else (0, 0) for place in range(3)]
        padded = np.moveaxis(np.pad(image, more, mode="edge"), axis, 0)
        length = image.shape[axis]
        found = padded[:length]
        for shift in range(1, 2 * radius + 1):
            found = extreme(found, padded[shift : shift + length])
        image = np.moveaxis(found, 0, axis)
    return image


def _repeated(image: np.ndarray, scale: int) -> np.ndarray:
    return image.repeat(scale, axis=0).repeat(scale, axis=1)
