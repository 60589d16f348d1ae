"""The names of SPAN's weights, in the form that is trained and in the folded one.

The authors' files hold a re-parametrised convolution's four parts and, as `eval_conv`, what they fold into; theirs and
everybody's programs compute the latter anew, because training leaves it behind: it is passed over here. Graphs made
for inference (ncnn, ONNX) hold `eval_conv` alone. `no_norm`, a zero, marks the community's networks that see images
as they are; the range of normalized ones is not in a file.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from srgan_tf.weights.edsr import MEAN
from srgan_tf.weights.graphs import (
    Node,
    add,
    concat,
    constant,
    conv,
    image,
    multiply,
    pixel_shuffle,
    scaled,
    shifted,
    sigmoid,
    silu,
    subtract,
)
from srgan_tf.weights.layers import Arguments, Arrays, Conv, Family, Shapes, Slot, count

# A re-parametrised convolution's parts, and the names of models.span.Conv3XC for them.
PARTS = {"sk": "skip", "conv.0": "widen", "conv.1": "spread", "conv.2": "narrow"}
# By the set of keys, what the first convolution is known by.
KEYS = {"span": "sk", "folded": "eval_conv"}


class Values(NamedTuple):
    """Weights that are no layer's: what a Slot asks of one."""

    weights: tuple
    get_weights: Callable[[], list[np.ndarray]]


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """Scale, features, blocks, form and whether images are normalized."""
    for keys, part in KEYS.items():
        head, tail = shapes.get(f"conv_1.{part}.weight", ()), shapes.get("upsampler.0.weight", ())
        blocks = count(shapes, f"block_{{}}.c1_r.{part}.weight", start=1)
        if blocks and len(head) == len(tail) == 4 and "conv_cat.weight" in shapes:
            return keys, {"scale": math.isqrt(tail[0] // 3), "features": head[0], "blocks": blocks,
                          "normalized": "no_norm" not in shapes, "folded": keys == "folded"}
    return None


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.SPAN; in the names of the other form, what a model of that form would have."""
    model = model.fold() if keys == "folded" else model
    for name, layer in convolutions(model):
        if keys == "folded":
            yield Slot(f"{name}.eval_conv", layer)
            continue
        parts = unfolded(layer) if model.folded else {part: getattr(layer, own) for part, own in PARTS.items()}
        for part, values in parts.items():
            yield Slot(f"{name}.{part}", values)
    yield Slot("conv_cat", model.join)
    yield Slot("upsampler.0", model.tail, Conv(shuffle=model.scale))


def convolutions(model: Any) -> Iterator[tuple[str, Any]]:
    """The convolutions that have two forms, with their names."""
    blocks = [f"block_{block}.c{number}_r" for block in range(1, model.blocks + 1) for number in (1, 2, 3)]
    yield from zip(["conv_1", *blocks, "conv_2"], model.convolutions(), strict=True)


def unfolded(layer: Any) -> dict[str, Values]:
    """Four parts that fold into a plain convolution: identities around it, and nothing beside it."""
    kernel, bias = layer.get_weights()
    inputs, outputs = kernel.shape[2:]
    spread = np.zeros((3, 3, 2 * inputs, 2 * outputs), np.float32)
    spread[:, :, :inputs, :outputs] = kernel
    parts = {
        "sk": [np.zeros((1, 1, inputs, outputs), np.float32), np.zeros(outputs, np.float32)],
        "conv.0": [np.eye(inputs, 2 * inputs, dtype=np.float32)[None, None], np.zeros(2 * inputs, np.float32)],
        "conv.1": [spread, np.zeros(2 * outputs, np.float32)],
        "conv.2": [np.eye(2 * outputs, outputs, dtype=np.float32)[None, None], bias],
    }
    return {part: Values(tuple(arrays), lambda arrays=arrays: arrays) for part, arrays in parts.items()}


def folded_convolutions(model: Any, keys: str) -> Iterator[Slot]:
    """`eval_conv`, which the authors' code and others ask for beside the parts."""
    for name, layer in convolutions(model) if keys == "span" else ():
        make = layer.get_weights if model.folded else lambda layer=layer: list(map(np.asarray, layer.fold()))
        yield Slot(f"{name}.eval_conv", Values((None, None), make))


def no_norm(model: Any, keys: str) -> Arrays:
    """The community's mark of a network that sees images as they are."""
    return {} if model.normalized else {"no_norm": np.zeros(1, np.float32)}


def draw(nodes: list[Node]) -> tuple[Arguments, Node] | None:
    """Arguments and graph of the folded form; unlike the tensors, it says how images are normalized."""
    convs = [node.arrays["weight"] for node in nodes if node.op == "conv"]
    factors = [int(node.settings[0]) for node in nodes if node.op == "pixel_shuffle" and node.settings] or [1]
    blocks, rest = divmod(len(convs) - 4, 3)
    operations = {node.op for node in nodes}
    if rest or blocks < 1 or len(factors) != 1 or not {"silu", "sigmoid", "multiply"} <= operations:
        return None
    normalized = "subtract" in operations
    input_range = next((node.settings[0] for node in nodes if node.op == "scale"), 1.0)
    x = scaled(subtract(image(), constant(MEAN)), input_range) if normalized else image()
    x = head = conv("conv_1.eval_conv", x)
    outputs = []
    for block in range(1, blocks + 1):
        name = f"block_{block}.c{{}}_r.eval_conv"
        first = silu(conv(name.format(1), x))
        y = conv(name.format(3), silu(conv(name.format(2), first)))
        x = multiply(add(y, x), shifted(sigmoid(y), -0.5))
        outputs.append(x)
    x = concat([head, conv("conv_2.eval_conv", x), outputs[0], first])
    x = conv("upsampler.0", conv("conv_cat", x))
    output = pixel_shuffle(x, factors[0]) if "pixel_shuffle" in operations else x
    return {"scale": factors[0], "features": convs[0].shape[0], "blocks": blocks, "normalized": normalized,
            "input_range": input_range if normalized else 255, "folded": True}, output


SPAN = Family(tuple(KEYS), infer, slots, no_norm, folded_convolutions, draw, "folded")
