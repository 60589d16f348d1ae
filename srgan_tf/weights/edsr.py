"""The names of EDSR's weights.

Both sets belong to networks that see images in 0..255: biases are divided by 255 (models/edsr.py says why). The
factor on the residuals is not in a file: 0.1 is taken for 256 features, as published, and 1 for other widths.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from srgan_tf.weights.layers import Arguments, Arrays, Conv, Family, Shapes, Slot, count, kernel, shuffle_factors

RANGE = 255
# Mean of DIV2K's training images, as in models/edsr.py; the authors' files hold it, as a convolution.
MEAN = np.array([0.4488, 0.4371, 0.4040], np.float32)


class Names(NamedTuple):
    """What the parts are called; {} are numbers from 0."""

    head: str
    conv1: str
    conv2: str
    body_end: str
    upsampling: str  # every second one: pixel shuffles lie between
    tail: str


KEYS = {
    "basicsr": Names("conv_first", "body.{}.conv1", "body.{}.conv2", "conv_after_body", "upsample.{}", "conv_last"),
    "edsr_pytorch": Names("head.0", "body.{}.body.0", "body.{}.body.2", "body.{}", "tail.0.{}", "tail.1"),
}


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """Scale, features, blocks and the residuals' factor."""
    for keys, names in KEYS.items():
        blocks = count(shapes, f"{names.conv1}.weight")
        factors = shuffle_factors(shapes, f"{names.upsampling}.weight", step=2)
        head, body_end = kernel(shapes, f"{names.head}.weight"), f"{names.body_end.format(blocks)}.weight"
        if blocks and factors and any(head) and body_end in shapes:
            return keys, {"scale": math.prod(factors), "features": head[0], "blocks": blocks,
                          "residual_scale": 0.1 if head[0] == 256 else 1.0}
    return None


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.EDSR."""
    names, plain = KEYS[keys], Conv(bias_divisor=RANGE)
    yield Slot(names.head, model.head, plain)
    for number, block in enumerate(model.body):
        yield Slot(names.conv1.format(number), block.conv1, plain)
        yield Slot(names.conv2.format(number), block.conv2, plain)
    yield Slot(names.body_end.format(model.blocks), model.body_end, plain)
    for number, step in enumerate(model.upsampling):
        yield Slot(names.upsampling.format(2 * number), step.conv, Conv(step.factor, bias_divisor=RANGE))
    yield Slot(names.tail, model.tail, plain)


def mean_shifts(model: Any, keys: str) -> Arrays:
    """The authors' subtraction and addition of the mean, convolutions that are not trained."""
    if keys == "basicsr":
        return {}
    unit = np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)
    return {"sub_mean.weight": unit, "sub_mean.bias": -RANGE * MEAN, "add_mean.weight": unit,
            "add_mean.bias": RANGE * MEAN}


EDSR = Family(tuple(KEYS), infer, slots, mean_shifts)
