"""Losses of networks over time: f(hr, sr, what they need) -> float32 scalar, where the two images are not looked at."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from keras import KerasTensor, ops

_EPSILON = 0.01  # VESPCN, section 3.2
_VISIBILITY = 50.0  # alpha of arXiv 1808.00449, section 3.2


class Motion(NamedTuple):
    """Frames that were moved onto others.

    Attributes:
        moved: what the flow made of the frames, [B,H,W,C].
        target: what it should be, of the same shape.
        flow: [B,H,W,2], in pixels.
    """

    moved: Any
    target: Any
    flow: Any


class Neighbours(NamedTuple):
    """Images in a row, and those before each, moved onto it: all [B,sH,sW,3]."""

    images: Any
    moved_images: Any
    references: Any
    moved_references: Any


def warp_loss(hr: KerasTensor, sr: KerasTensor, motions: Sequence[Motion]) -> KerasTensor:
    """Mean squared difference of moved frames and targets (FRVSR, arXiv 1801.04590, Eq. 3; VESPCN, Eq. 6)."""
    return sum(ops.mean(ops.square(moved - target)) for moved, target, _ in motions) / len(motions)


def flow_smoothness(hr: KerasTensor, sr: KerasTensor, motions: Sequence[Motion]) -> KerasTensor:
    """Mean Huber loss of the flow's differences between neighbours: sqrt(0.01 + their squares) (VESPCN, Eq. 6)."""
    total = 0
    for *_, flow in motions:
        across = flow[:, :-1, 1:] - flow[:, :-1, :-1]
        down = flow[:, 1:, :-1] - flow[:, :-1, :-1]
        squares = ops.sum(ops.square(across) + ops.square(down), axis=-1)
        total += ops.mean(ops.sqrt(_EPSILON + squares))
    return total / len(motions)


def ping_pong(hr: KerasTensor, sr: KerasTensor, ping_pong: tuple[Any, Any]) -> KerasTensor:
    """Mean squared difference of a clip's images on the way there and on the way back (TecoGAN, Eq. 5)."""
    there, back = ping_pong
    return ops.mean(ops.square(there - back))


def temporal(hr: KerasTensor, sr: KerasTensor, neighbours: Neighbours) -> KerasTensor:
    """How much the error changes from image to image where the same thing is seen: mean of M |e_t - W(e_t-1)|.

    e is image less reference, W moves the error before, and M = exp(-50 |reference_t - W(reference_t-1)|^2), the
    visibility of Lai et al. (arXiv 1808.00449, Eq. 5 and 6). Theirs takes the images in place of their errors, which
    would punish what the references themselves change, and what moving blurs.
    """
    here = neighbours.images - neighbours.references
    before = neighbours.moved_images - neighbours.moved_references
    change = ops.sum(ops.square(neighbours.references - neighbours.moved_references), axis=-1, keepdims=True)
    return ops.mean(ops.exp(-_VISIBILITY * change) * ops.abs(here - before))
