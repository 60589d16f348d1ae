"""The names of SRVGGNetCompact's weights (Real-ESRGAN's compact networks).

LeakyReLU and ReLU have no weights, and cannot be told apart: where there is no PReLU, LeakyReLU is taken, as
`--model_args=activation:relu` says otherwise.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

from srgan_tf.weights.layers import Arguments, Conv, Family, PReLU, Shapes, Slot


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """Scale, features, number of convolutions and activation."""
    found = [re.fullmatch(r"body\.(\d+)\.weight", name) for name in shapes]
    numbers = sorted(int(match[1]) for match in found if match and len(match[1]) < 7)
    head = shapes.get("body.0.weight", ())
    if len(numbers) < 3 or len(head) != 4 or head[1] != 3 or numbers[-1] % 2 or "conv_first.weight" in shapes:
        return None
    tail = shapes[f"body.{numbers[-1]}.weight"]
    return "basicsr", {"scale": math.isqrt(tail[0] // 3) if tail else 0, "features": head[0],
                       "convolutions": numbers[-1] // 2 - 1, "activation": "prelu" if 1 in numbers else "leakyrelu"}


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.SRVGG: convolutions at even places, activations at odd ones."""
    convolutions = [model.head, *model.body]
    activations = [model.head_activation, *model.body_activations]
    for number, (convolution, activation) in enumerate(zip(convolutions, activations, strict=True)):
        yield Slot(f"body.{2 * number}", convolution)
        if activation.weights:
            yield Slot(f"body.{2 * number + 1}", activation, PReLU())
    yield Slot(f"body.{2 * len(convolutions)}", model.tail, Conv(shuffle=model.scale))


SRVGG = Family(("basicsr",), infer, slots)
