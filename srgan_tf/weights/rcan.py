"""The names of RCAN's weights. Both sets belong to networks that see images in 0..255, as ours does inside."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from srgan_tf.weights.edsr import mean_shifts
from srgan_tf.weights.layers import Arguments, Conv, Family, Shapes, Slot, count, shuffle_factors


class Names(NamedTuple):
    """What the parts are called; {} are numbers from 0."""

    head: str
    block: str  # group, block
    inner: tuple[str, str, str, str]  # after a block's name: its two convolutions, then the attention's
    group_end: str
    body_end: str
    upsampling: str
    tail: str


KEYS = {
    "basicsr": Names("conv_first", "body.{}.residual_group.{}", ("rcab.0", "rcab.2", "rcab.3.attention.1",
                     "rcab.3.attention.3"), "body.{}.conv", "conv_after_body", "upsample.{}", "conv_last"),
    "rcan": Names("head.0", "body.{}.body.{}", ("body.0", "body.2", "body.3.conv_du.0", "body.3.conv_du.2"),
                  "body.{}.body.{}", "body.{}", "tail.0.{}", "tail.1"),
}


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """Scale, features, groups, blocks and reduction."""
    for keys, names in KEYS.items():
        first, squeeze = (f"{names.block}.{inner}.weight" for inner in names.inner[::2])
        groups, blocks = count(shapes, first.format("{}", 0)), count(shapes, first.format(0, "{}"))
        factors = shuffle_factors(shapes, f"{names.upsampling}.weight", step=2)
        head, squeezed = shapes.get(f"{names.head}.weight", ()), shapes.get(squeeze.format(0, 0), ())
        if groups and blocks and factors and len(head) == len(squeezed) == 4 and squeezed[0]:
            return keys, {"scale": math.prod(factors), "features": head[0], "groups": groups, "blocks": blocks,
                          "reduction": head[0] // squeezed[0]}
    return None


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.RCAN."""
    names = KEYS[keys]
    yield Slot(names.head, model.head)
    for group, layers in enumerate(model.body):
        for block, layer in enumerate(layers.blocks):
            parts = (layer.conv1, layer.conv2, layer.squeeze, layer.excite)
            for inner, part in zip(names.inner, parts, strict=True):
                yield Slot(f"{names.block.format(group, block)}.{inner}", part)
        yield Slot(names.group_end.format(group, model.blocks), layers.end)
    yield Slot(names.body_end.format(model.groups), model.body_end)
    for number, step in enumerate(model.upsampling):
        yield Slot(names.upsampling.format(2 * number), step.conv, Conv(step.factor))
    yield Slot(names.tail, model.tail)


RCAN = Family(tuple(KEYS), infer, slots, mean_shifts)
