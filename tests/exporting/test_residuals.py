"""No export holds an addition that oneDNN would fuse to a convolution: calls that meet there go wrong."""

import numpy as np
import pytest
import tensorflow as tf
from inference.lifelike import lifelike

from srgan_tf.exporting.freezing import freeze
from srgan_tf.exporting.residuals import subtract_residuals

v1 = tf.compat.v1


def run_and_look(graph: tf.Graph, images: np.ndarray) -> tuple[np.ndarray, list[list[bytes]]]:
    """What a graph makes of its placeholder `images`, and what TensorFlow fused in it."""
    done = v1.RunMetadata()
    with v1.Session(graph=graph) as session:
        made = session.run("upscaled:0", {"images:0": images}, v1.RunOptions(output_partition_graphs=True), done)
    nodes = [node for part in done.partition_graphs for node in part.node]
    return made, [list(node.attr["fused_ops"].list.s) for node in nodes if node.attr["fused_ops"].list.s]


@pytest.mark.parametrize(("name", "precision"), [
    ("edsr", "float32"), ("edsr", "bfloat16"), ("rcan", "float32"), ("rdn", "float32"), ("rrdb", "float32")])
def test_nothing_is_added_within_a_convolution(name, precision, photo):
    generator, images = lifelike(name), photo[None, 20:36, 30:50] / np.float32(255)
    network, graph = freeze(generator, precision), tf.Graph()
    with graph.as_default():
        tf.graph_util.import_graph_def(network.graph.as_graph_def(), name="")
    found, fused = run_and_look(graph, images)
    assert fused
    assert not any(b"Add" in names for names in fused), fused
    for operation in graph.get_operations():  # where oneDNN is off, nothing is fused and this alone is seen
        for addend in operation.inputs if operation.type in ("Add", "AddV2") else ():
            assert addend.op.type != "BiasAdd" or len(addend.consumers()) > 1, operation
    assert np.abs(found - np.asarray(generator(images))).max() < (1e-5 if precision == "float32" else 0.05)


@pytest.mark.parametrize(("what", "subtractions"), [
    ("right", 1), ("left", 1), ("bias used again", 0), ("convolution used again", 0), ("kernel used again", 1),
    ("kernel is fed", 0), ("no convolution", 0)])
def test_what_is_rearranged(what, subtractions, photo):
    """Only what can be, and the result is the same bit for bit."""
    random = np.random.default_rng(0)
    kernel, bias = random.normal(size=(3, 3, 3, 3)).astype("f4"), random.normal(size=3).astype("f4")
    graph = tf.Graph()
    with graph.as_default():
        x = v1.placeholder(tf.float32, [None, None, None, 3], "images")
        weights = tf.constant(kernel) * tf.reduce_sum(x[0, 0]) if what == "kernel is fed" else tf.constant(kernel)
        convolved = tf.nn.conv2d(x, weights, 1, "SAME") if what != "no convolution" else tf.nn.relu(x)
        biased = tf.nn.bias_add(convolved, tf.reshape(tf.constant(bias[None]), [-1]))
        y = biased + x if what == "left" else x + biased
        more = {"bias used again": biased, "convolution used again": convolved}.get(what, 0)
        y = tf.nn.conv2d(y, weights, 1, "SAME") if what == "kernel used again" else tf.multiply(y, more + 1)
        tf.identity(y, "upscaled")
    graph_def, images, changed = graph.as_graph_def(), photo[None, :9, :11] / np.float32(255), tf.Graph()
    subtract_residuals(graph_def)
    with changed.as_default():
        tf.graph_util.import_graph_def(graph_def, name="")
    assert [node.op for node in graph_def.node].count("Sub") == subtractions
    np.testing.assert_array_equal(run_and_look(changed, images)[0], run_and_look(graph, images)[0])
