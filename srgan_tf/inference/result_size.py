"""How large results are to be, and how often a model has to run for it.

A model has one scale. For any other size it runs once, or again on its own result, until the image is large enough;
then MATLAB's bicubic reduction brings it to the size. It does not run for a result that is smaller than the image. As
in `imresize`, a scale s gives ceil(s H) by ceil(s W) pixels.
"""

import math
from fractions import Fraction
from typing import NamedTuple

from srgan_tf.errors import UserError


class SizeAsked(NamedTuple):
    """What the user asks of the size of results; 0: nothing.

    Attributes:
        scale: how many times larger.
        width, height: pixels; where one is given alone, the other keeps the proportion.
        max_side: pixels that neither side may exceed.
    """

    scale: float = 0
    width: int = 0
    height: int = 0
    max_side: int = 0


class Target(NamedTuple):
    """The size of one result.

    Attributes:
        scale: how many times larger it is than the image; None: not the same along both axes.
        size: (rows, columns).
    """

    scale: Fraction | None
    size: tuple[int, int]


def target_of(shape: tuple[int, ...], asked: SizeAsked, model_scale: int) -> Target:
    """The size of the result for an image of (rows, columns, ...)."""
    rows, columns = shape[:2]
    if asked.width and asked.height:
        return Target(None, (asked.height, asked.width))
    if asked.width or asked.height:
        return scaled(shape, Fraction(asked.width, columns) if asked.width else Fraction(asked.height, rows))
    target = scaled(shape, exact(asked.scale or model_scale))
    if asked.max_side and max(target.size) > asked.max_side:
        return scaled(shape, Fraction(asked.max_side, max(rows, columns)))
    return target


def exact(scale: float | Fraction) -> Fraction:
    """The number that was written: 1.1 is 11/10, and not the binary number next to it."""
    return scale if isinstance(scale, Fraction) else Fraction(str(scale))


def scaled(shape: tuple[int, ...], scale: Fraction) -> Target:
    """The size of the result that is `scale` times as large."""
    rows, columns = (math.ceil(scale * side) for side in shape[:2])
    return Target(scale, (rows, columns))


def passes(shape: tuple[int, ...], size: tuple[int, int], model_scale: int) -> int:
    """How often a model runs until an image of `shape` is at least as large as `size`; not at all for a smaller one.

    Raises:
        UserError: the model does not make images larger.
    """
    if size != tuple(shape[:2]) and all(wanted <= side for side, wanted in zip(shape, size, strict=False)):
        return 0
    count, reached = 1, model_scale
    while any(reached * side < wanted for side, wanted in zip(shape, size, strict=False)):
        if model_scale == 1:
            raise UserError(f"the model does not make images larger, and {size[1]}x{size[0]} pixels are asked of "
                            f"{shape[1]}x{shape[0]}: give a model of another scale")
        count, reached = count + 1, reached * model_scale
    return count


def reduction_to(target: Target, shape: tuple[int, ...], upscaled_by: int) -> Target | None:
    """The target, its scale over an upscaled image of `shape`; None where that has its size already."""
    if target.size == tuple(upscaled_by * side for side in shape[:2]):
        return None
    return target._replace(scale=target.scale and target.scale / upscaled_by)
