"""The names of SRVGGNetCompact's weights (Real-ESRGAN's compact networks).

LeakyReLU and ReLU have no weights, and cannot be told apart: where there is no PReLU, LeakyReLU is taken, as
`--model_args=activation:relu` says otherwise.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

from srgan_tf.weights.graphs import Node, add, conv, image, leaky, nearest, pixel_shuffle, prelu
from srgan_tf.weights.layers import Arguments, Conv, Family, PReLU, Shapes, Slot, image_channels, kernel


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """Scale, features, number of convolutions and activation."""
    found = [re.fullmatch(r"body\.(0|[1-9][0-9]{0,5})\.weight", name) for name in shapes]
    numbers = sorted(int(match[1]) for match in found if match)
    head = kernel(shapes, "body.0.weight")
    if len(numbers) < 3 or not any(head) or numbers[-1] % 2 or "conv_first.weight" in shapes:
        return None
    tail = kernel(shapes, f"body.{numbers[-1]}.weight")
    return "basicsr", {"scale": math.isqrt(tail[0] // head[1]), "features": head[0],
                       "convolutions": numbers[-1] // 2 - 1, "activation": "prelu" if 1 in numbers else "leakyrelu",
                       **image_channels(head[1])}


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.SRVGG: convolutions at even places, activations at odd ones."""
    convolutions = [model.head, *model.body]
    activations = [model.head_activation, *model.body_activations]
    for number, (convolution, activation) in enumerate(zip(convolutions, activations, strict=True)):
        yield Slot(f"body.{2 * number}", convolution)
        if activation.weights:
            yield Slot(f"body.{2 * number + 1}", activation, PReLU())
    yield Slot(f"body.{2 * len(convolutions)}", model.tail, Conv(shuffle=model.scale))


def draw(nodes: list[Node]) -> tuple[Arguments, Node] | None:
    """Arguments and graph; unlike the tensors alone, it says which activation there is."""
    convs = [node.arrays["weight"] for node in nodes if node.op == "conv"]
    activations = {(node.op, *node.settings) for node in nodes if node.op in ("prelu", "leaky")}
    factors = {int(node.settings[0]) for node in nodes if node.op == "pixel_shuffle" and node.settings}
    if len(convs) < 3 or len(activations) != 1 or len(factors) != 1:
        return None
    (op, *slope), (scale,) = activations.pop(), factors
    x = image()
    inputs = x
    for number in range(len(convs) - 1):
        x = conv(f"body.{2 * number}", x)
        x = prelu(f"body.{2 * number + 1}", x) if op == "prelu" else leaky(x, *slope)
    x = pixel_shuffle(conv(f"body.{2 * len(convs) - 2}", x), scale)
    activation = "prelu" if op == "prelu" else "relu" if slope == [0] else "leakyrelu"
    if activation == "leakyrelu" and not math.isclose(slope[0], 0.1, rel_tol=1e-5):
        return None
    return {"scale": scale, "features": convs[0].shape[0], "convolutions": len(convs) - 2, "activation": activation,
            **image_channels(convs[0].shape[1])}, add(x, nearest(inputs, scale))


SRVGG = Family(("basicsr",), infer, slots, draw=draw)
