"""A generator as a graph of constants, in the compute type of the export."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from srgan_tf.exporting.residuals import subtract_residuals
from srgan_tf.models import Generator

# The compute type of an export, and the Keras policy that has it.
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}

Network = Callable[[tf.Tensor], tf.Tensor]


def freeze(generator: Generator, precision: str) -> Network:
    """The network as one graph function, float32 [N,H,W,3] in 0..1 -> float32 [N,sH,sW,3], which holds its weights.

    Weights that the network would cast on each call are stored in the type that they are cast to. As constants they
    are shared by all calls of a session, and oneDNN arranges them for its kernels once, not on each call.

    Args:
        generator: is left as it is.
        precision: a name in POLICIES.
    """
    twin = type(generator)(**generator.get_config(), dtype=POLICIES[precision])
    values = [weight.numpy() for weight in generator.variables]

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32, "images")], autograph=False)
    def trace(images: tf.Tensor) -> tf.Tensor:
        with keras.StatelessScope(zip(twin.variables, map(tf.constant, values), strict=True)):
            return tf.identity(twin(images, training=False), "upscaled")

    graph_def = trace.get_concrete_function().graph.as_graph_def()
    fold_casts(graph_def)
    subtract_residuals(graph_def)
    graph_def = needed(graph_def, "upscaled")

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32, "images")], autograph=False)
    def network(images: tf.Tensor) -> tf.Tensor:
        upscaled, = tf.graph_util.import_graph_def(graph_def, {"images": images}, ["upscaled:0"], name="")
        return upscaled

    return network.get_concrete_function()


def fold_casts(graph_def: tf.compat.v1.GraphDef) -> None:
    """Makes casts of constants into constants of the other type."""
    constants = {node.name: node for node in graph_def.node if node.op == "Const"}
    for node in graph_def.node:
        if node.op == "Cast" and node.input[0].removesuffix(":0") in constants:
            dtype = tf.as_dtype(node.attr["DstT"].type)
            value = tf.make_ndarray(constants[node.input[0].removesuffix(":0")].attr["value"].tensor)
            tensor = tf.make_tensor_proto(value.astype(dtype.as_numpy_dtype), dtype, np.shape(value))
            del node.input[:]
            node.attr.clear()
            node.op = "Const"
            node.attr["dtype"].type = dtype.as_datatype_enum
            node.attr["value"].tensor.CopyFrom(tensor)


def needed(graph_def: tf.compat.v1.GraphDef, *outputs: str) -> tf.compat.v1.GraphDef:
    """The part of a graph that the outputs need."""
    nodes, found, waiting = {node.name: node for node in graph_def.node}, set(), [*outputs]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [source.removeprefix("^").split(":")[0] for source in nodes[name].input]
    return tf.compat.v1.GraphDef(
        node=[node for node in graph_def.node if node.name in found], library=graph_def.library,
        versions=graph_def.versions)
