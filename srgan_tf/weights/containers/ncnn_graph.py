"""ncnn's layers as the operations of graphs.py, whichever tool wrote them: fused or not, they come out alike."""

from collections.abc import Callable, Sequence

from srgan_tf.errors import UserError
from srgan_tf.weights.containers.ncnn import Layer
from srgan_tf.weights.graphs import (
    Node,
    add,
    constant,
    leaky,
    multiply,
    nearest,
    pixel_shuffle,
    scaled,
    shifted,
    sigmoid,
    silu,
    subtract,
)

# Activations that a convolution can have in itself.
NO_ACTIVATION, RELU, LEAKY_RELU = 0, 1, 2
NEAREST = 1
BINARY = {0: add, 1: subtract, 2: multiply}
WITH_A_NUMBER = {0: shifted, 1: lambda x, number: shifted(x, -number), 2: scaled}
INTERPOLATIONS = {1: "nearest", 2: "bilinear", 3: "bicubic"}


def graph_of(layers: Sequence[Layer]) -> Node:
    """The graph's output.

    Raises:
        ValueError: there is not one input and one output, or a layer reads what none before it wrote.
    """
    blobs: dict[str, Node] = {}
    read: set[str] = set()
    for layer in layers:
        missing = [name for name in layer.inputs if name not in blobs]
        if missing:
            raise UserError(f"layer {layer.name[:60]!r} reads {missing[0][:60]!r}, which no layer before it writes")
        read.update(layer.inputs)
        inputs = [blobs[name] for name in layer.inputs]
        if layer.type not in ("Input", "MemoryData", "Concat", "Eltwise", "BinaryOp") and len(inputs) != 1:
            raise UserError(f"layer {layer.name[:60]!r} of type {layer.type} reads {len(inputs)} blobs instead of one")
        if layer.type != "Split" and len(layer.outputs) != 1:
            raise UserError(f"layer {layer.name[:60]!r} of type {layer.type} writes {len(layer.outputs)} blobs "
                            "instead of one")
        node = inputs[0] if layer.type == "Split" else OPERATIONS[layer.type](layer, inputs)
        for name in layer.outputs:
            if name in blobs:
                raise UserError(f"blob {name[:60]!r} is written twice")
            blobs[name] = node
    outputs = [name for name in blobs if name not in read]
    if len(outputs) != 1 or sum(layer.type == "Input" for layer in layers) != 1:
        raise UserError(f"the graph must have one input and one output; its outputs are {', '.join(outputs)[:80]!r}")
    return blobs[outputs[0]]


def _node(op: str, layer: Layer, inputs: Sequence[Node], *settings: float | str) -> Node:
    return Node(op, tuple(inputs), settings, layer.name, layer.arrays)


def _named(node: Node, layer: Layer) -> Node:
    """The node with the layer's name, for messages."""
    return node if node.name else Node(node.op, node.inputs, node.settings, layer.name, node.arrays)


def _convolution(layer: Layer, inputs: list[Node]) -> Node:
    get, (height, width) = layer.settings.get, layer.arrays["weight"].shape[2:]
    left, top = get(4, 0), get(14, get(4, 0))
    geometry = {
        "dilation": ([get(2, 1), get(12, get(2, 1))], [1, 1]), "stride": ([get(3, 1), get(13, get(3, 1))], [1, 1]),
        "padding": ([left, get(15, left), top, get(16, top)], [width // 2, width // 2, height // 2, height // 2]),
        "pad value": (get(18, 0), 0),
    }
    odd = [f"{what} {seen}" for what, (seen, plain) in geometry.items() if seen != plain]
    result = _node("conv", layer, inputs, *odd)
    activation, slopes = layer.integer(9), layer.settings.get(10, ())
    if activation == NO_ACTIVATION:
        return result
    if activation == RELU:
        return _named(leaky(result, 0), layer)
    if activation == LEAKY_RELU and isinstance(slopes, tuple) and len(slopes) == 1:
        return _named(leaky(result, slopes[0]), layer)
    return _node("activation", layer._replace(arrays={}), [result], str(activation))


def _binary(layer: Layer, inputs: list[Node]) -> Node:
    operation, number = layer.integer(0), layer.settings.get(2, 0.0)
    if len(inputs) == 2 and operation in BINARY:
        return _named(BINARY[operation](*inputs), layer)
    if len(inputs) == 1 and layer.integer(1) and operation in WITH_A_NUMBER:
        return _named(WITH_A_NUMBER[operation](inputs[0], number), layer)
    return _node("binary", layer, inputs, str(operation))


def _concat(layer: Layer, inputs: list[Node]) -> Node:
    axis = layer.integer(0)
    return inputs[0] if len(inputs) == 1 else _node("concat", layer, inputs, *[f"axis {axis}"] * bool(axis))


def _eltwise(layer: Layer, inputs: list[Node]) -> Node:
    factors = layer.settings.get(1, (1,) * len(inputs))
    if layer.integer(0) != 1 or not isinstance(factors, tuple) or len(factors) != len(inputs):
        return _node("eltwise", layer, inputs, *map(str, layer.settings.items()))
    terms = [_named(scaled(node, factor), layer) for node, factor in zip(inputs, factors, strict=True)]
    return _named(add(*terms), layer)


def _interpolation(layer: Layer, inputs: list[Node]) -> Node:
    kind, (down, across) = layer.integer(0), (float(layer.settings.get(number, 1)) for number in (1, 2))
    fixed = any(layer.settings.get(number) for number in (3, 4, 5, 6))
    if kind == NEAREST and down == across and down.is_integer() and not fixed:
        return _named(nearest(inputs[0], int(down)), layer)
    name = INTERPOLATIONS.get(kind, str(kind))
    return _node("resize", layer, inputs, name, down, *([] if down == across else [across]), *["fixed size"] * fixed)


def _shuffle(layer: Layer, inputs: list[Node]) -> Node:
    shuffled = pixel_shuffle(inputs[0], layer.integer(0, 1))
    return _named(shuffled, layer) if not layer.integer(1) else _node("pixel_shuffle of TensorFlow", layer, inputs)


OPERATIONS: dict[str, Callable[[Layer, list[Node]], Node]] = {
    "BinaryOp": _binary,
    "Concat": _concat,
    "Convolution": _convolution,
    "Eltwise": _eltwise,
    "Input": lambda layer, inputs: _node("input", layer, ()),
    "Interp": _interpolation,
    "MemoryData": lambda layer, inputs: _named(constant(layer.arrays["weight"]), layer),
    "PReLU": lambda layer, inputs: _node("prelu", layer, inputs),
    "PixelShuffle": _shuffle,
    "ReLU": lambda layer, inputs: _named(leaky(inputs[0], layer.settings.get(0, 0.0)), layer),
    "Sigmoid": lambda layer, inputs: _named(sigmoid(inputs[0]), layer),
    "Swish": lambda layer, inputs: _named(silu(inputs[0]), layer),
}
