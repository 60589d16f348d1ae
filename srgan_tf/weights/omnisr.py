"""The names of OmniSR's weights."""

import math
from collections.abc import Iterator
from typing import Any

from srgan_tf.weights.layers import Arguments, Conv, Dense, Depthwise, Family, Plain, Shapes, Slot, count, kernel
from srgan_tf.weights.swinir import NORM, held

GROUP = "residual_layer.{}"
BLOCK = "residual_layer.{}.residual_layer.{}.layer"


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """All arguments. Files without position biases, whose window nothing tells, are none of ours."""
    first = f"{BLOCK}.0.fn.0.weight"
    head, tail = kernel(shapes, "input.weight"), kernel(shapes, "up.0.weight")
    table = shapes.get(f"{BLOCK.format(0, 0)}.2.fn.rel_pos_bias.weight", ())
    groups = count(shapes, first.format("{}", 0))
    if not groups or not any(head) or not any(tail) or len(table) != 2:
        return None
    return "omnisr", {"scale": math.isqrt(tail[0] // 3), "features": head[0], "groups": groups,
                      "blocks": count(shapes, first.format(0, "{}")), "window": (math.isqrt(table[0]) + 1) // 2}


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.OmniSR."""
    yield Slot("input", model.head)
    for number, group in enumerate(model.body):
        for place, block in enumerate(group.blocks):
            yield from block_slots(BLOCK.format(number, place), block)
        name = GROUP.format(number)
        yield Slot(f"{name}.residual_layer.{len(group.blocks)}", group.end)
        spatial = group.spatial
        for part, layer in (("conv1", spatial.squeeze), ("conv_f", spatial.skip), ("conv2", spatial.reduce),
                            ("conv3", spatial.coarse), ("conv4", spatial.excite)):
            yield Slot(f"{name}.esa.{part}", layer)
    yield Slot("output", model.body_end)
    yield Slot("up.0", model.tail, Conv(shuffle=model.scale))


def block_slots(name: str, block: Any) -> Iterator[Slot]:
    """The layers of an OmniBlock. The places that are missing are changes of shape."""
    first = block.convolution
    yield Slot(f"{name}.0.fn.0", first.first)
    yield Slot(f"{name}.0.fn.2", first.depthwise, Depthwise())
    yield Slot(f"{name}.0.fn.4.gate.1", first.squeeze, Dense())
    yield Slot(f"{name}.0.fn.4.gate.3", first.excite, Dense())
    yield Slot(f"{name}.0.fn.5", first.last)
    for layer, place in zip(block.pixels, (2, 8), strict=True):
        yield Slot(f"{name}.{place}.norm", layer.norm, NORM)
        yield Slot(f"{name}.{place}.fn.to_qkv", layer.joined, Dense())
        yield Slot(f"{name}.{place}.fn.to_out.0", layer.out, Dense())
        yield Slot(f"{name}.{place}.fn.rel_pos_bias", held(layer.table), Plain())
    for layer, place in zip(block.channels, (5, 11), strict=True):
        yield Slot(f"{name}.{place}.norm", layer.norm, NORM)
        yield Slot(f"{name}.{place}.fn", held(layer.temperature), Plain(("temperature",)))
        yield Slot(f"{name}.{place}.fn.qkv", layer.joined)
        yield Slot(f"{name}.{place}.fn.qkv_dwconv", layer.depthwise, Depthwise())
        yield Slot(f"{name}.{place}.fn.project_out", layer.out)
    for layer, place in zip(block.forwards, (4, 6, 10, 12), strict=True):
        yield Slot(f"{name}.{place}.norm", layer.norm, NORM)
        yield Slot(f"{name}.{place}.fn.project_in", layer.widen)
        yield Slot(f"{name}.{place}.fn.dwconv", layer.depthwise, Depthwise())
        yield Slot(f"{name}.{place}.fn.project_out", layer.narrow)


OMNISR = Family(("omnisr",), infer, slots)
