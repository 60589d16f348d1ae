"""Kernels rounded to int8 together, instead of each number by itself.

Rounded to its nearest step, each number of a kernel leaves an error, and the errors add up in what the convolution
gives. Here a kernel's numbers are rounded in turn, and those that are still to come make up for the errors, such that
the convolution's output on photographs changes least: GPTQ (Frantar et al., arXiv 2210.17323, section 3). It needs the
second moments of the patches that the kernel meets and nothing else. The file's scales stay, and so does its speed.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

STEPS = 127  # of a sign; TFLite's int8 kernels are symmetric, with a scale for each output channel
STRIDE = 3  # one patch of nine is enough for the moments
GROUP = 8  # convolutions whose moments are taken together: bounds the memory
MOST_NUMBERS = 2500  # of a patch; kernels with more (17x17 of 16 channels) would take minutes
DAMPING = 1e-3  # added to the moments' diagonal, times its mean

Convolution = tuple[str, tf.compat.v1.NodeDef]


def round_kernels(graph_def: tf.compat.v1.GraphDef, tiles: list[np.ndarray]) -> None:
    """Replaces the constant kernels of a graph's convolutions by kernels that int8 holds without an error.

    Args:
        graph_def: has one placeholder and no functions; its constants are overwritten.
        tiles: [1,H,W,3], all of one shape, that the placeholder is given.
    """
    found = [(name, constant) for name, constant in _convolutions(graph_def)
             if np.prod([side.size for side in constant.attr["value"].tensor.tensor_shape.dim[:3]]) <= MOST_NUMBERS]
    for start in range(0, len(found), GROUP):
        group = found[start : start + GROUP]
        kernels = [tf.make_ndarray(constant.attr["value"].tensor) for _, constant in group]
        moments = _moments(graph_def, [name for name, _ in group], kernels, tiles)
        for (_, constant), kernel, moment in zip(group, kernels, moments, strict=True):
            rounded = rounded_kernel(kernel.reshape(-1, kernel.shape[-1]), moment).reshape(kernel.shape)
            constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(rounded))


def rounded_kernel(kernel: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """A kernel [n,out] whose columns are whole multiples of a 127th of their largest number, which stays.

    Args:
        kernel: one column for each output channel.
        moments: [n,n], the sum over patches of the products of their numbers.
    """
    number = len(kernel)
    moments = moments + np.eye(number) * (DAMPING * np.mean(np.diag(moments)) + 1e-12)
    order = np.argsort(-np.diag(moments))  # what weighs most is rounded first, while others can still make up for it
    left = kernel.astype(np.float64)[order]
    largest = np.abs(left).argmax(axis=0)
    scales = np.maximum(np.abs(left).max(axis=0), 1e-30) / STEPS
    factor = np.linalg.cholesky(np.linalg.inv(moments[order][:, order])).T
    rounded = np.zeros_like(left)
    for row in range(number):
        steps = np.clip(np.round(left[row] / scales), -STEPS, STEPS)
        steps = np.where(largest == row, np.sign(kernel[order[row]]) * STEPS, steps)  # else the converter's scale moves
        rounded[row] = steps * scales
        left[row + 1 :] -= np.outer(factor[row, row + 1 :], (left[row] - rounded[row]) / factor[row, row])
    return rounded[np.argsort(order)].astype(np.float32)


def _convolutions(graph_def: tf.compat.v1.GraphDef) -> Iterator[Convolution]:
    """The names of the inputs of convolutions, each with the constant that is its kernel and no other's."""
    nodes = {node.name: node for node in graph_def.node}
    seen = set()
    for node in graph_def.node:
        if node.op != "Conv2D" or set(node.attr["strides"].list.i) | set(node.attr["dilations"].list.i) != {1}:
            continue
        constant = nodes[node.input[1].split(":")[0]]
        while constant.op == "Identity":
            constant = nodes[constant.input[0].split(":")[0]]
        if constant.op == "Const" and constant.name not in seen:
            seen.add(constant.name)
            yield node.input[0] if ":" in node.input[0] else f"{node.input[0]}:0", constant


def _moments(graph_def: tf.compat.v1.GraphDef, inputs: list[str], kernels: list[np.ndarray], tiles: list[np.ndarray]
             ) -> list[np.ndarray]:
    """The sums of second moments [n,n] of the patches that each kernel [h,w,in,out] meets, n = h w in."""
    placeholder, = (node.name for node in graph_def.node if node.op == "Placeholder")

    @tf.function(input_signature=[tf.TensorSpec(tiles[0].shape, tiles[0].dtype)], autograph=False)
    def of_tile(tile: tf.Tensor) -> list[tf.Tensor]:
        found = tf.graph_util.import_graph_def(graph_def, {placeholder: tile}, inputs, name="")
        return [_of_patches(x, kernel.shape) for x, kernel in zip(found, kernels, strict=True)]

    totals = [np.zeros((np.prod(kernel.shape[:3]),) * 2) for kernel in kernels]
    for tile in tiles:
        for total, part in zip(totals, of_tile(tile), strict=True):
            total += part.numpy()
    return totals


def _of_patches(x: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    height, width, channels, _ = shape
    stride = 1 if height == width == 1 else STRIDE
    patches = tf.image.extract_patches(x, [1, height, width, 1], [1, stride, stride, 1], [1] * 4, "SAME")
    patches = tf.reshape(patches, (-1, height * width * channels))
    return tf.matmul(patches, patches, transpose_a=True)
