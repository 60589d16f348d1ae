"""The names of MSRResNet's weights."""

import math
from collections.abc import Iterator
from typing import Any

from srgan_tf.weights.layers import Arguments, Conv, Family, Shapes, Slot, count, kernel, shuffle_factors

# BasicSR of 2020 and later; the authors' code of 2019. The blocks and the convolution behind the upscaling.
KEYS = {"basicsr": ("body", "conv_hr"), "esrgan": ("recon_trunk", "HRconv")}


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """Scale, features and blocks."""
    for keys, (body, refine) in KEYS.items():
        blocks, factors = count(shapes, body + ".{}.conv1.weight"), shuffle_factors(shapes, "upconv{}.weight", start=1)
        head = kernel(shapes, "conv_first.weight")
        if blocks and factors and any(head) and f"{refine}.weight" in shapes:
            return keys, {"scale": math.prod(factors), "features": head[0], "blocks": blocks}
    return None


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.MSRResNet."""
    body, refine = KEYS[keys]
    yield Slot("conv_first", model.head)
    for number, block in enumerate(model.body):
        yield Slot(f"{body}.{number}.conv1", block.conv1)
        yield Slot(f"{body}.{number}.conv2", block.conv2)
    for number, step in enumerate(model.upsampling, 1):
        yield Slot(f"upconv{number}", step.conv, Conv(shuffle=step.factor))
    yield Slot(refine, model.refine)
    yield Slot("conv_last", model.tail)


MSRRESNET = Family(tuple(KEYS), infer, slots)
