"""The names of the weights of ESRGAN's VGG-style discriminator."""

import math
from collections.abc import Iterator
from typing import Any

from srgan_tf.weights.layers import Arguments, Dense, Family, Plain, Shapes, Slot


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """Features and size of the patches."""
    head, hidden = shapes.get("conv0_0.weight", ()), shapes.get("linear1.weight", ())
    if len(head) != 4 or len(hidden) != 2 or "bn1_0.running_mean" not in shapes or not head[0]:
        return None
    return "basicsr", {"patch_size": 32 * math.isqrt(hidden[1] // (8 * head[0])), "features": head[0]}


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.VGG128Discriminator."""
    *units, _, hidden, _, last = model.network
    for number, unit in enumerate(units):
        name = f"{number // 2}_{number % 2}"
        yield Slot(f"conv{name}", unit.conv)
        if unit.norm is not None:
            yield Slot(f"bn{name}", unit.norm, Plain())
    yield Slot("linear1", hidden, Dense(channels=units[-1].filters))
    yield Slot("linear2", last, Dense())


VGG128 = Family(("basicsr",), infer, slots)
