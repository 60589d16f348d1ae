"""Residual additions in a form that TensorFlow leaves alone.

On a CPU, TensorFlow's remapper makes one operation of a convolution, its bias and an addition. Where the addend is
needed again later, oneDNN's kernel copies it by two members that all its calls share, without a lock: calls that meet
in one session, as in TensorFlow Serving, give wrong images or end the process (docs/tensorflow_onednn_report.md). A
subtraction is not joined. So x + (W * y + b) becomes x - (-W * y - b), the same number: rounding to nearest is
symmetric, and a sum of negated products is the negated sum.
"""

from collections import Counter

import numpy as np
import tensorflow as tf

ADDITIONS = ("Add", "AddV2")
# What lies between a bias and its constant, and moves no value.
FORMS = ("Identity", "Reshape", "Squeeze")


def subtract_residuals(graph_def: tf.compat.v1.GraphDef) -> None:
    """Puts a subtraction in place of each addition of a convolution with bias that nothing else uses.

    The constants that they had stay in the graph, though nothing may need them any more.
    """
    nodes = {node.name: node for node in graph_def.node}
    uses = Counter(map(_name, (source for node in graph_def.node for source in node.input)))
    for addition in [node for node in graph_def.node if node.op in ADDITIONS]:
        for place in (1, 0):
            biased = nodes[_name(addition.input[place])]
            if biased.op != "BiasAdd" or uses[biased.name] > 1:
                continue
            convolution = nodes[_name(biased.input[0])]
            if convolution.op != "Conv2D" or uses[convolution.name] > 1:
                continue
            values = [_constant(nodes, node.input[1]) for node in (convolution, biased)]
            if any(value is None for value in values):
                continue
            for node, value in zip((convolution, biased), values, strict=True):
                _replace_weights(graph_def, node, -value)
            sides = [addition.input[1 - place], biased.name]
            addition.op, addition.input[:2] = "Sub", sides
            break


def _replace_weights(graph_def: tf.compat.v1.GraphDef, node: tf.compat.v1.NodeDef, value: np.ndarray) -> None:
    constant = graph_def.node.add(name=f"{node.name}/negated", op="Const")
    constant.attr["dtype"].type = node.attr["T"].type
    constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, node.attr["T"].type, value.shape))
    node.input[1] = constant.name


def _constant(nodes: dict, source: str) -> np.ndarray | None:
    """The value of a convolution's kernel [h,w,in,out] or of a bias, [n] in the end; None where it is no constant."""
    node = nodes[_name(source)]
    bias = node.op in FORMS
    while node.op in FORMS:
        node = nodes[_name(node.input[0])]
    if node.op != "Const":
        return None
    value = tf.make_ndarray(node.attr["value"].tensor)
    return value.reshape(-1) if bias else value


def _name(source: str) -> str:
    """The node of an input, which is written node, node:0 or ^node."""
    return source.removeprefix("^").split(":")[0]
