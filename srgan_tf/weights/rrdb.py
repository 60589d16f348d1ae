"""The names of RRDBNet's weights (ESRGAN, BSRGAN, Real-ESRGAN).

A x3 network in the 2018 names looks like one of x2, and is taken for it.
"""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from srgan_tf.weights.layers import Arguments, Conv, Family, Shapes, Slot, count


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
    """The first ESRGAN of 2018: places in nested sequences. An enlargement, a convolution, an activation, and again."""
    after = 3 * doublings
    return Names("model.0", "model.1.sub.{}.RDB{}.conv{}.0", f"model.1.sub.{blocks}", "model.{}",
                 f"model.{after + 2}", f"model.{after + 4}")


KEYS: dict[str, Callable[[int, int], Names]] = {"basicsr": basicsr, "bsrgan": bsrgan, "esrgan": esrgan}


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """Scale, features, growth channels, blocks and pixel unshuffle (Real-ESRGAN's x2 and x1)."""
    for keys, names_of in KEYS.items():
        names = names_of(0, 0)
        first, head = f"{names.dense.format(0, 1, 1)}.weight", shapes.get(f"{names.head}.weight", ())
        if first not in shapes or len(head) != 4:
            continue
        blocks = count(shapes, f"{names.dense.format('{}', 1, 1)}.weight")
        # Of the 2018 network's outermost convolutions, three are not the enlargement's.
        ups = sum(re.fullmatch(r"model\.\d+\.weight", name) is not None for name in shapes) - 3 if keys == "esrgan" \
            else count(shapes, f"{names.upsampling}.weight", start=1)
        unshuffle = math.isqrt(head[1] // 3)
        return keys, {"scale": 2**ups // max(unshuffle, 1), "features": head[0], "growth_channels": shapes[first][0],
                      "blocks": blocks, "unshuffle": unshuffle}
    return None


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.RRDB."""
    steps = len(model.upsampling)
    names = KEYS[keys](model.blocks, steps)
    yield Slot(names.head, model.head, Conv(unshuffle=model.unshuffle))
    for block, layer in enumerate(model.body):
        for dense, inner in enumerate(layer.dense_blocks, 1):
            for number, conv in enumerate([*inner.growing, inner.last], 1):
                yield Slot(names.dense.format(block, dense, number), conv)
    yield Slot(names.body_end, model.body_end)
    for step, conv in enumerate(model.upsampling, 1):
        yield Slot(names.upsampling.format(3 * step if keys == "esrgan" else step), conv)
    yield Slot(names.refine, model.refine)
    yield Slot(names.tail, model.tail)


RRDB = Family(tuple(KEYS), infer, slots)
