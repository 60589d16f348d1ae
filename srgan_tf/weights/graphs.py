"""Networks as graphs of operations: how a file without names of tensors, but with its graph, is recognised.

An architecture draws itself with the functions below; `match` lays that drawing over the graph of a file. Where the
two are one, every convolution of the file has a name; where they are not, the first place at which they differ is said.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from srgan_tf.errors import UserError


@dataclass(frozen=True, eq=False)
class Node:
    """An operation and where its inputs come from.

    Attributes:
        op: what it does: input, constant, conv, prelu, leaky, sigmoid, silu, scale, shift, add, subtract, multiply,
            concat, nearest, resize, pixel_shuffle or another.
        inputs: of the operation.
        settings: what the operation is given beside its inputs, such as a factor or a slope.
        name: in a drawing the tensors' name, in a file that of the layer.
        arrays: in a file, the tensors: `weight`, `bias`.
    """

    op: str
    inputs: tuple["Node", ...] = ()
    settings: tuple[float | str, ...] = ()
    name: str = ""
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def __str__(self) -> str:
        settings = ", ".join(f"{value:g}" if isinstance(value, float) else value for value in self.settings)
        return f"{self.op} ({settings})" if settings else self.op


def image() -> Node:
    """The network's input."""
    return Node("input")


def conv(name: str, x: Node, slope: float | None = None) -> Node:
    """A convolution of stride 1 that keeps the size, and a LeakyReLU behind it where there is a slope."""
    result = Node("conv", (x,), name=name)
    return result if slope is None else leaky(result, slope)


def prelu(name: str, x: Node) -> Node:
    """PReLU with slopes under a name."""
    return Node("prelu", (x,), name=name)


def leaky(x: Node, slope: float) -> Node:
    """LeakyReLU; a slope of 0 is ReLU."""
    return Node("leaky", (x,), (float(slope),))


def scaled(x: Node, factor: float) -> Node:
    """X times a number."""
    return x if factor == 1 else Node("scale", (x,), (float(factor),))


def add(*nodes: Node) -> Node:
    """The sum, in any order."""
    return Node("add", nodes)


def constant(numbers: Iterable[float]) -> Node:
    """A number for each channel."""
    return Node("constant", (), tuple(map(float, numbers)))


def shifted(x: Node, number: float) -> Node:
    """X plus a number."""
    return Node("shift", (x,), (float(number),))


def subtract(one: Node, other: Node) -> Node:
    """The first less the second."""
    return Node("subtract", (one, other))


def multiply(one: Node, other: Node) -> Node:
    """The product, in this order; of something and its sigmoid it is SiLU."""
    for x, gate in ((one, other), (other, one)):
        if gate.op == "sigmoid" and gate.inputs[0] is x:
            return silu(x)
    return Node("multiply", (one, other))


def sigmoid(x: Node) -> Node:
    """1 / (1 + exp(-x))."""
    return Node("sigmoid", (x,))


def silu(x: Node) -> Node:
    """X times its sigmoid."""
    return Node("silu", (x,))


def concat(nodes: Iterable[Node]) -> Node:
    """Channels behind each other; of one input it is that input."""
    nodes = tuple(nodes)
    return nodes[0] if len(nodes) == 1 else Node("concat", nodes)


def nearest(x: Node, factor: int) -> Node:
    """Every pixel `factor` times in both directions."""
    return Node("nearest", (x,), (float(factor),))


def pixel_shuffle(x: Node, factor: int) -> Node:
    """PyTorch's pixel shuffle."""
    return Node("pixel_shuffle", (x,), (float(factor),))


def in_order(output: Node) -> list[Node]:
    """Every node that the output needs, inputs before what reads them."""
    done: dict[int, Node] = {}
    waiting = [(output, False)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            done[id(node)] = node
        elif id(node) not in done:
            waiting.append((node, True))
            waiting.extend((below, False) for below in reversed(node.inputs) if id(below) not in done)
    return list(done.values())


def match(found: Node, drawn: Node) -> dict[str, np.ndarray]:
    """The file's tensors by the drawing's names.

    Args:
        found: output of the file's graph.
        drawn: output of an architecture's drawing.

    Raises:
        ValueError: the graphs differ; the message says where.
    """
    digests = _digests([*in_order(found), *in_order(drawn)])
    there, back = {}, {}  # each drawn node is one found node
    arrays, waiting = {}, [(found, drawn)]
    while waiting:
        one, other = waiting.pop()
        if id(other) in there or id(one) in back:
            if there.get(id(other)) is not one or back.get(id(one)) is not other:
                raise UserError(f"at {one.name[:60]!r}: {one} is read in another place than {other.name or other}")
            continue
        if one.op != other.op or not _equal(one.settings, other.settings) or len(one.inputs) != len(other.inputs):
            raise UserError(f"at {one.name[:60]!r}: {one} of {len(one.inputs)} inputs instead of {other} of "
                            f"{len(other.inputs)}")
        there[id(other)], back[id(one)] = one, other
        arrays |= {f"{other.name}.{suffix}": array for suffix, array in one.arrays.items()}
        waiting.extend(zip(_as_drawn(one, other, digests), other.inputs, strict=True))
    return arrays


def _as_drawn(found: Node, drawn: Node, digests: dict[int, int]) -> list[Node]:
    """Inputs of the found node in the drawing's order: a sum's may be in any."""
    if found.op != "add":
        return list(found.inputs)
    left, ordered = list(found.inputs), {}
    alike = (lambda one, other: digests[id(one)] == digests[id(other)], lambda one, other: one.op == other.op,
             lambda one, other: True)  # the last two for the message about graphs that differ
    for test in alike:
        for place, wanted in enumerate(drawn.inputs):
            same = next((node for node in left if test(node, wanted)), None)
            if place not in ordered and same:
                ordered[place] = same
                left = [node for node in left if node is not same] + [same] * (left.count(same) - 1)
    return [ordered[place] for place in range(len(drawn.inputs))]


def _digests(nodes: list[Node]) -> dict[int, int]:
    """Of each node and all below it, names aside; inputs come before what reads them."""
    digests: dict[int, int] = {}
    for node in nodes:
        below = [digests[id(one)] for one in node.inputs]
        settings = tuple(float(f"{value:.4g}") if isinstance(value, float) else value for value in node.settings)
        digests[id(node)] = hash((node.op, settings, tuple(sorted(below) if node.op == "add" else below)))
    return digests


def _equal(one: tuple, other: tuple) -> bool:
    return len(one) == len(other) and all(
        math.isclose(a, b, rel_tol=1e-5) if isinstance(a, float) and isinstance(b, float) else a == b
        for a, b in zip(one, other, strict=True))
