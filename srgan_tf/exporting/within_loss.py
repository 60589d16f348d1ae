"""int8 files that stay within a loss: the operations whose rounding costs most compute in float32."""

from collections.abc import Callable, Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from srgan_tf.exporting.tflite_graph import operations

# Most of a network's time goes here. All others turn into float32 together: one by one they only add conversions.
PRODUCTS = {"BATCH_MATMUL", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}

Quantize = Callable[[frozenset[str]], bytes]


def within_loss(calibrated: bytes, quantize: Quantize, loss: Callable[[bytes], float],
                upscale: Callable[[bytes], np.ndarray], most: float) -> bytes:
    """The file with the fewest float32 products whose loss is small enough, all int8 if possible.

    Args:
        calibrated: a .tflite graph of float32 operations.
        quantize: makes a file of it in which the operations with these outputs compute in float32.
        loss: of a file, in dB.
        upscale: what a file makes of some images, on 0..1.
        most: greatest loss, in dB; reached by float32 alone if by nothing else.
    """
    content = quantize(frozenset())
    if loss(content) <= most:
        return content
    found = list(_outputs(calibrated))
    everything = frozenset(name for _, name in found)
    products = [name for kind, name in found if kind in PRODUCTS]
    exact = upscale(quantize(everything))
    costs = {name: np.mean(np.square(upscale(quantize(everything - {name})) - exact)) for name in products}
    worst = sorted(products, key=costs.__getitem__, reverse=True)
    fewest, enough = 0, len(worst)
    while True:
        count = (fewest + enough) // 2
        content = quantize(everything - set(worst[count:]))
        if fewest == enough:
            return content
        if loss(content) <= most:
            enough = count
        else:
            fewest = count + 1


def float_products(content: bytes) -> int:
    """How many convolutions and products of matrices of a .tflite file compute in float32."""
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    return sum(name in PRODUCTS and graph.Tensors(operator.Inputs(1)).Type() == schema.TensorType.FLOAT32
               for name, operator in operations(model, graph))


def _outputs(content: bytes) -> Iterator[tuple[str, str]]:
    """The operations of a graph, each with the name of its output."""
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    for name, operator in operations(model, graph):
        yield name, graph.Tensors(operator.Outputs(0)).Name().decode()
