"""What mobile runtimes ask of a .tflite graph: operations that delegates take, and an exact range of the output."""

import contextlib
import io
import struct
import sys
from collections.abc import Iterator

import keras
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from srgan_tf.errors import UserError
from srgan_tf.models import blocks


def depth_to_space(x: tf.Tensor, factor: int) -> tf.Tensor:
    """One operation in place of a reshape, a transpose and a reshape; the order of channels is the same."""
    return x if factor == 1 else tf.nn.depth_to_space(x, factor)


def space_to_depth(x: tf.Tensor, factor: int) -> tf.Tensor:
    """One operation, of the same order of channels, again."""
    return x if factor == 1 else tf.nn.space_to_depth(x, factor)


def resize_bilinear(x: tf.Tensor, factor: int) -> tf.Tensor:
    """One operation in place of a mirrored pad, which XNNPACK does not know, a convolution and a pixel shuffle."""
    known = x.shape[1] is not None and x.shape[2] is not None
    size = [x.shape[1] * factor, x.shape[2] * factor] if known else tf.shape(x)[1:3] * factor
    return tf.compat.v1.image.resize_bilinear(x, size, half_pixel_centers=True)


LEAK = 0.2  # any slope but 1 gives the same sum


def integer_prelu(layer: keras.layers.PReLU, x: tf.Tensor) -> tf.Tensor:
    """PReLU as a sum of what XNNPACK has in int8: it has LEAKY_RELU, of one slope, but neither PRELU nor RELU."""
    share = (1 - layer.alpha) / (1 - LEAK)
    return share * tf.nn.leaky_relu(x, LEAK) + (1 - share) * x


def sum_of_convs(layer: keras.layers.Conv2D, maps: list[tf.Tensor]) -> tf.Tensor:
    """The convolution of each map by itself: joined, maps of unequal ranges would share the widest's 256 numbers."""
    kernels = tf.split(layer.kernel, [x.shape[-1] for x in maps], axis=2)
    first, *parts = (tf.nn.conv2d(x, kernel, 1, "SAME") for x, kernel in zip(maps, kernels, strict=True))
    total = first + layer.bias
    for part in parts:
        total = total + part
    return total


# Each computes what the models' own function does.
FORMS = {
    blocks.pixel_shuffle: depth_to_space,
    blocks.pixel_unshuffle: space_to_depth,
    blocks.bilinear_upsample: resize_bilinear,
}
INTEGER_FORMS = {blocks.conv_of_joined: sum_of_convs}
# Those of a model's operations that the GPU delegate takes.
GPU_OPERATIONS = {
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTH_TO_SPACE", "DEPTHWISE_CONV_2D", "DEQUANTIZE", "EXP",
    "FULLY_CONNECTED", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "MAX_POOL_2D", "MAXIMUM", "MEAN", "MINIMUM", "MUL",
    "PAD", "PRELU", "QUANTIZE", "RELU", "RELU6", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SLICE",
    "SOFTMAX", "SPACE_TO_DEPTH", "SPLIT", "STRIDED_SLICE", "SUB", "TANH", "TRANSPOSE", "TRANSPOSE_CONV"}


@contextlib.contextmanager
def mobile_forms(integer: bool = False) -> Iterator[None]:
    """While it lasts, the models are traced with FORMS, and INTEGER_FORMS, in place of their own functions.

    Args:
        integer: whether the graph will compute in int8.
    """
    table = {**FORMS, **INTEGER_FORMS} if integer else FORMS
    places = [(module, name, value) for key, module in list(sys.modules.items()) if key.startswith("srgan_tf.models.")
              for name, value in vars(module).items() if any(value is function for function in table)]
    forms = [(module, name, value, table[value]) for module, name, value in places]
    if integer:
        forms.append((keras.layers.PReLU, "call", keras.layers.PReLU.call, integer_prelu))
    try:
        for place, name, _, form in forms:
            setattr(place, name, form)
        yield
    finally:
        for place, name, value, _ in forms:
            setattr(place, name, value)


def require_gpu_compatible(content: bytes) -> None:
    """Raises a ValueError where a graph has something that GPU delegates do not support.

    TensorFlow's analyzer is asked too, but that of 2.21 passes everything: TOPK_V2, WHERE, five dimensions.
    """
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    foreign = sorted({name for name, _ in operations(model, graph)} - GPU_OPERATIONS)
    if foreign:
        raise UserError(f"--gpu_compatible: GPU delegates do not support {', '.join(foreign)}; try another --io")
    if any(graph.Tensors(index).ShapeLength() > 4 for index in range(graph.TensorsLength())):
        raise UserError("--gpu_compatible: GPU delegates support only tensors of up to four dimensions")
    with contextlib.redirect_stdout(io.StringIO()) as said:
        tf.lite.experimental.Analyzer.analyze(model_content=content, gpu_compatibility=True)
    if "looks compatible with GPU delegate" not in said.getvalue():
        reasons = " ".join(line.strip() for line in said.getvalue().splitlines() if "GPU" in line)
        raise UserError(f"--gpu_compatible: TensorFlow's analyzer finds it unfit: {reasons[:300]}")


# Operations whose output has the real values of their input, and those that bring them to a scale of their own.
SAME = {"QUANTIZE", "DEQUANTIZE", "DEPTH_TO_SPACE", "RESHAPE", "TRANSPOSE"}
RESCALING = {"ADD", "SUB", "MUL", "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"}
NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items() if not name.startswith("_")}


def operations(model: schema.Model, graph: schema.SubGraph) -> Iterator[tuple[str, schema.Operator]]:
    """The operations of a graph in order, each with its name."""
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        code = model.OperatorCodes(operator.OpcodeIndex())
        yield NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())], operator


def set_output_range(content: bytes, peak: int) -> bytes:
    """Gives the output of an int8 graph the range 0..peak, so that its 256 numbers are the grey levels.

    The range that calibration finds is wider, the network's output being unclipped: its steps are coarser than a grey
    level, and clipping it in the graph takes an operation that XNNPACK does not have in int8. The last operation that
    scales its output saturates anyway, at what this range says.

    Args:
        content: of a .tflite file, quantized to int8.
        peak: 1, or 255 where the graph ends by multiplying with it.

    Returns:
        The content with other scales; unchanged where the graph ends in an operation that does not rescale.
    """
    edited = bytearray(content)
    model = schema.Model.GetRootAs(edited, 0)
    graph = model.Subgraphs(0)
    makers = {operator.Outputs(0): (name, operator) for name, operator in operations(model, graph)}
    tensor, ranges = graph.Outputs(0), []
    while tensor in makers:
        name, operator = makers[tensor]
        ranges.append((graph.Tensors(tensor), peak))
        if name == "MUL" and peak == 255:
            peak = 1
        elif name in RESCALING:
            for place, top in ranges:
                _set_range(edited, place, top)
            return bytes(edited)
        elif name not in SAME:
            break
        tensor = operator.Inputs(0)
    return content


def _set_range(content: bytearray, tensor: schema.Tensor, peak: int) -> None:
    """Overwrites the scale and zero point of a tensor, where it has them, in the file's bytes."""
    found = tensor.Quantization()
    if found is None or found.ScaleLength() != 1:
        return
    table = found._tab
    scale, zero = (table.Vector(table.Offset(field)) for field in (8, 10))
    struct.pack_into("<f", content, scale, peak / 255)
    struct.pack_into("<q", content, zero, -128 if tensor.Type() == schema.TensorType.INT8 else 0)
