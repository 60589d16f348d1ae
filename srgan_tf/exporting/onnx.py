"""ONNX, for ONNX Runtime, browsers and the many tools that read it.

The graph is what such tools expect of an upscaler: float32 `image` [N,3,H,W] -> `upscaled` [N,3,sH,sW], RGB in 0..1
and not clipped, of any N, H and W. Pixel shuffles are DepthToSpace.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from srgan_tf.atomic import replacing
from srgan_tf.config import ExportConfig
from srgan_tf.exporting.tflite_graph import mobile_forms
from srgan_tf.models import Generator
from srgan_tf.runtimes.keras import inference_form, info_of_network
from srgan_tf.runtimes.onnx import INFO

OPERATOR_SET = 18  # of ONNX 1.13, the newest that tf2onnx 1.17 writes
# Names of the free sizes of the input and the output.
AXES = ({0: "batch", 2: "height", 3: "width"}, {0: "batch", 2: "upscaled_height", 3: "upscaled_width"})


def export_onnx(generator: Generator, folder: Path, name: str, config: ExportConfig) -> Path:
    """Writes FOLDER/NAME.onnx.

    Args:
        generator: what to export.
        folder: exists.
        name: of the file, without ending.
        config: not used by this format: it has float32 alone.

    Returns:
        The path of the file. It appears whole or not at all.

    Raises:
        ModuleNotFoundError: onnx or tf2onnx is not installed.
        OSError: it cannot be written.
    """
    import onnx
    import tf2onnx

    # It shows a traceback where it cannot move a transposition (networks on luma), and leaves it: no number changes.
    logging.getLogger("tf2onnx.optimizer").setLevel(logging.CRITICAL)
    generator = inference_form(generator)
    signature = [tf.TensorSpec([None, None, None, 3], tf.float32, "image")]
    with mobile_forms():
        graph = tf.function(lambda image: {"upscaled": generator(image, training=False)}, signature)
        model, _ = tf2onnx.convert.from_function(graph, signature, opset=OPERATOR_SET, inputs_as_nchw=["image"],
                                                 outputs_as_nchw=["upscaled"], custom_op_handlers={"Erfc": (_erfc, [])})
    for value, axes in zip((model.graph.input[0], model.graph.output[0]), AXES, strict=True):
        for axis, size in axes.items():
            value.type.tensor_type.shape.dim[axis].dim_param = size
    info = info_of_network(generator, input_range=(0, 1), output_range=(0, 1))
    model.metadata_props.add(key=INFO, value=info.to_json())
    onnx.checker.check_model(model, full_check=True)
    path = folder / f"{name}.onnx"
    with replacing(path) as temporary:
        temporary.write_bytes(model.SerializeToString())
    return path


def _erfc(graph: Any, node: Any, name: str, arguments: list) -> None:
    """1 - erf(x) in place of TensorFlow's erfc, of which GELU is made and which ONNX does not have."""
    kind, shape = graph.get_dtype(node.output[0]), graph.get_shape(node.output[0])
    one = graph.make_const(f"{name}/one", np.array(1, np.float32))
    error = graph.make_node("Erf", [node.input[0]], shapes=[shape], dtypes=[kind])
    graph.remove_node(name)
    graph.make_node("Sub", [one.output[0], error.output[0]], name=name, outputs=node.output, shapes=[shape],
                    dtypes=[kind])
