"""The names of BSRN's weights."""

import math
from collections.abc import Iterator
from typing import Any

from srgan_tf.weights.layers import Arguments, Conv, Depthwise, Family, Shapes, Slot, count, kernel

TAIL = "upsampler.upsampleOneStep.0"


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """Scale, features, blocks and the reduction of the attention."""
    blocks = count(shapes, "B{}.c1_r.dw.weight", start=1)
    head, squeeze, tail = (kernel(shapes, f"{name}.weight") for name in ("fea_conv.pw", "B1.cca.conv_du.0", TAIL))
    if not blocks or not any(head) or not any(squeeze) or not any(tail):
        return None
    return "bsrn", {"scale": math.isqrt(tail[0] // 3), "features": head[0], "blocks": blocks,
                    "reduction": head[0] // squeeze[0]}


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.BSRN."""
    yield from _separable("fea_conv", model.head)
    for number, block in enumerate(model.body, 1):
        name = f"B{number}"
        for step, (distil, refine) in enumerate(zip(block.distilled, block.refined, strict=True), 1):
            yield Slot(f"{name}.c{step}_d", distil)
            yield from _separable(f"{name}.c{step}_r", refine)
        yield from _separable(f"{name}.c4", block.last)
        yield Slot(f"{name}.c5", block.join)
        spatial = block.spatial
        for part, layer in (("conv1", spatial.squeeze), ("conv_f", spatial.skip), ("conv4", spatial.excite)):
            yield Slot(f"{name}.esa.{part}", layer)
        separable = (spatial.reduce, *spatial.coarse)
        for part, layer in zip(("conv2", "conv_max", "conv3", "conv3_"), separable, strict=True):
            yield from _separable(f"{name}.esa.{part}", layer)
        yield Slot(f"{name}.cca.conv_du.0", block.contrast.squeeze)
        yield Slot(f"{name}.cca.conv_du.2", block.contrast.excite)
    yield Slot("c1", model.join)
    yield from _separable("c2", model.body_end)
    yield Slot(TAIL, model.tail, Conv(shuffle=model.scale))


def _separable(name: str, layer: Any) -> Iterator[Slot]:
    yield Slot(f"{name}.pw", layer.pointwise)
    yield Slot(f"{name}.dw", layer.depthwise, Depthwise())


BSRN = Family(("bsrn",), infer, slots)
