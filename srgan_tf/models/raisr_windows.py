"""Where the pixels of RAISR's windows lie: fixed matrices, in NumPy, from LR pixels to what RAISR computes of them.

RAISR filters the bilinear upscaling of an image, which is linear in the image's own pixels. Here everything is written
on those: an LR pixel is a cell of s x s HR pixels, one of each pixel type, numbered row by row; and a window of HR
pixels around one of them is a matrix of LR pixels around its cell.
"""

from typing import NamedTuple

import numpy as np


def reach(scale: int, radius: int) -> int:
    """How many LR pixels to each side of a cell the bilinear upscaling up to `radius` HR pixels from it depends on."""
    return -int(np.floor((0.5 - radius) / scale - 0.5))


def _bilinear(place: int, scale: int, radius: int) -> np.ndarray:
    """Weights of the LR pixels -radius..radius of an axis in HR pixel `place`, counted from the first of cell 0."""
    centre = (place + 0.5) / scale - 0.5
    return np.maximum(0, 1 - np.abs(np.arange(-radius, radius + 1) - centre))


def filter_windows(scale: int, size: int) -> np.ndarray:
    """The bilinear upscaling in the windows of the filters: [s^2,size^2,n^2], by type, HR pixel and LR pixel.

    Args:
        scale: s.
        size: side of the filters; n is 2 reach(scale, size // 2) + 1.
    """
    half = size // 2
    axis = np.array([[_bilinear(kind + place, scale, reach(scale, half)) for place in range(-half, half + 1)]
                     for kind in range(scale)])  # [s,size,n]
    return np.einsum("pai,qbj->pqabij", axis, axis).reshape(scale**2, size**2, -1)


def difference_kernel(radius: int) -> np.ndarray:
    """What the LR pixels up to `radius` away differ from that in the middle by: a convolution's, [n,n,1,n^2]."""
    side = 2 * radius + 1
    kernel = np.eye(side**2)
    kernel[side**2 // 2] -= 1
    return kernel.reshape(side, side, 1, -1)


def gradient_kernel(scale: int) -> np.ndarray:
    """Central differences of the bilinear upscaling, a convolution's: [3,3,1,2 s^2], horizontal, then vertical."""
    value = np.array([_bilinear(kind, scale, 1) for kind in range(scale)])
    slope = np.array([_bilinear(kind + 1, scale, 1) - _bilinear(kind - 1, scale, 1) for kind in range(scale)]) / 2
    kernels = [np.einsum("pi,qj->ijpq", *axes).reshape(3, 3, 1, -1) for axes in ((value, slope), (slope, value))]
    return np.concatenate(kernels, -1)


def window_kernels(scale: int, size: int, maps: int) -> tuple[np.ndarray, np.ndarray]:
    """The Gaussian window over `size` HR pixels, whose weights add up to 1, of maps that have a channel a pixel type.

    Returns:
        Kernels of a vertical and of a horizontal convolution: [k,1,maps s^2,maps s^2] and [1,k,...].
    """
    half = size // 2
    weights = np.exp(-0.5 * (np.arange(-half, half + 1) / (size / 4.5)) ** 2)
    weights /= weights.sum()
    radius = -(-half // scale)
    axis = np.zeros((2 * radius + 1, scale, scale))  # cell, type within it, type of the result
    for kind in range(scale):
        for offset, weight in zip(range(-half, half + 1), weights, strict=True):
            cell, place = divmod(kind + offset, scale)
            axis[cell + radius, place, kind] = weight
    each, same, shape = np.eye(maps), np.eye(scale), (-1, maps * scale**2, maps * scale**2)
    vertical = np.einsum("mM,kpP,qQ->kmpqMPQ", each, axis, same).reshape(shape)
    horizontal = np.einsum("mM,pP,kqQ->kmpqMPQ", each, same, axis).reshape(shape)
    return vertical[:, None], horizontal[None]


class Mirror(NamedTuple):
    """What a mirroring of images makes of pixel types, angles and the LR pixels of a window: where each comes from."""

    types: np.ndarray
    angles: np.ndarray
    window: np.ndarray


def mirrors(scale: int, radius: int, angles: int) -> list[Mirror]:
    """Three mirrorings, which together make the eight symmetries of the square: of rows, columns and the diagonal.

    Args:
        scale: s.
        radius: of the window, in LR pixels.
        angles: how many the half circle is divided into, an even number; the middle of the first is 0.
    """
    types, window = (np.arange(side**2).reshape(side, side) for side in (scale, 2 * radius + 1))
    numbers = np.arange(angles)
    turned = {"rows": lambda x: x[::-1], "columns": lambda x: x[:, ::-1], "diagonal": lambda x: x.T}
    return [Mirror(turn(types).ravel(), ((angles // 2 if name == "diagonal" else 0) - numbers) % angles,
                   turn(window).ravel()) for name, turn in turned.items()]
