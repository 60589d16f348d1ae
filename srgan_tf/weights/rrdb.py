"""The names of RRDBNet's weights (ESRGAN, BSRGAN, Real-ESRGAN).

A x3 network in the 2018 names looks like one of x2, and is taken for it.
"""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from srgan_tf.weights.graphs import Node, add, concat, conv, image, nearest, scaled
from srgan_tf.weights.layers import Arguments, Conv, Family, Shapes, Slot, count, image_channels, kernel

SLOPE = 0.2  # of the LeakyReLU, as in models/rrdb.py


class Names(NamedTuple):
    """What the parts are called; {} are numbers from 0 for blocks and from 1 for the rest."""

    head: str
    dense: str  # block, dense block, convolution
    body_end: str
    upsampling: str
    refine: str
    tail: str


def basicsr(blocks: int, doublings: int) -> Names:
    """BasicSR and Real-ESRGAN, 2020 and later."""
    return Names("conv_first", "body.{}.rdb{}.conv{}", "conv_body", "conv_up{}", "conv_hr", "conv_last")


def bsrgan(blocks: int, doublings: int) -> Names:
    """The authors' ESRGAN and BasicSR of 2019, RealSR, BSRGAN."""
    return Names("conv_first", "RRDB_trunk.{}.RDB{}.conv{}", "trunk_conv", "upconv{}", "HRconv", "conv_last")


def esrgan(blocks: int, doublings: int) -> Names:
    """The first ESRGAN of 2018: places in nested sequences. An upscaling, a convolution, an activation, and again."""
    after = 3 * doublings
    return Names("model.0", "model.1.sub.{}.RDB{}.conv{}.0", f"model.1.sub.{blocks}", "model.{}",
                 f"model.{after + 2}", f"model.{after + 4}")


KEYS: dict[str, Callable[[int, int], Names]] = {"basicsr": basicsr, "bsrgan": bsrgan, "esrgan": esrgan}


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """Scale, features, growth channels, blocks, channels of the image, and pixel unshuffle (Real-ESRGAN's x2, x1)."""
    for keys, names_of in KEYS.items():
        names = names_of(0, 0)
        first, head = (kernel(shapes, f"{name}.weight") for name in (names.dense.format(0, 1, 1), names.head))
        if not any(first) or not any(head):
            continue
        blocks = count(shapes, f"{names.dense.format('{}', 1, 1)}.weight")
        # Of the 2018 network's outermost convolutions, three are not the upscaling's.
        ups = sum(re.fullmatch(r"model\.[0-9]+\.weight", name) is not None for name in shapes) - 3 \
            if keys == "esrgan" else count(shapes, f"{names.upsampling}.weight", start=1)
        ups = max(ups, 0)
        channels = kernel(shapes, f"{names_of(blocks, ups).tail}.weight")[0] or 3
        unshuffle = math.isqrt(head[1] // channels)
        return keys, {"scale": 2**ups // max(unshuffle, 1), "features": head[0], "growth_channels": first[0],
                      "blocks": blocks, "unshuffle": unshuffle, **image_channels(channels)}
    return None


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.RRDB."""
    steps = len(model.upsampling)
    names = KEYS[keys](model.blocks, steps)
    yield Slot(names.head, model.head, Conv(unshuffle=model.unshuffle))
    for block, outer in enumerate(model.body):
        for dense, inner in enumerate(outer.dense_blocks, 1):
            for number, layer in enumerate([*inner.growing, inner.last], 1):
                yield Slot(names.dense.format(block, dense, number), layer)
    yield Slot(names.body_end, model.body_end)
    for step, layer in enumerate(model.upsampling, 1):
        yield Slot(names.upsampling.format(3 * step if keys == "esrgan" else step), layer)
    yield Slot(names.refine, model.refine)
    yield Slot(names.tail, model.tail)


def draw(nodes: list[Node]) -> tuple[Arguments, Node] | None:
    """Arguments and graph, without unshuffle."""
    convs = [node.arrays["weight"] for node in nodes if node.op == "conv"]
    factors = [int(node.settings[0]) for node in nodes if node.op == "nearest"]
    blocks, rest = divmod(len(convs) - 4 - len(factors), 15)
    if rest or blocks < 1 or factors not in ([], [2], [2, 2], [2, 2, 2], [3]):
        return None
    beta = next((node.settings[0] for node in nodes if node.op == "scale"), 1.0)
    names = basicsr(blocks, len(factors))
    head = conv(names.head, image())
    x = head
    for block in range(blocks):
        residual = x
        for dense in (1, 2, 3):
            maps = [residual]
            for number in range(1, 5):
                maps.append(conv(names.dense.format(block, dense, number), concat(maps), SLOPE))
            last = conv(names.dense.format(block, dense, 5), concat(maps))
            residual = add(residual, scaled(last, beta))
        x = add(x, scaled(residual, beta))
    x = add(head, conv(names.body_end, x))
    for step, factor in enumerate(factors, 1):
        x = conv(names.upsampling.format(step), nearest(x, factor), SLOPE)
    output = conv(names.tail, conv(names.refine, x, SLOPE))
    return {"scale": math.prod(factors), "features": convs[0].shape[0], "growth_channels": convs[1].shape[0],
            "blocks": blocks, "residual_scale": beta, **image_channels(convs[0].shape[1])}, output


RRDB = Family(tuple(KEYS), infer, slots, draw=draw)
