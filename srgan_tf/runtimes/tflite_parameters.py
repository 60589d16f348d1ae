"""How many weights a .tflite file holds: those of its convolutions, dense layers and PReLUs, in whatever numbers."""

import math

# Places of the weights, and of the biases where there are any, among an operation's inputs.
_WEIGHTS = {"CONV_2D": (1, 2), "DEPTHWISE_CONV_2D": (1, 2), "FULLY_CONNECTED": (1, 2), "TRANSPOSE_CONV": (1, 3),
            "PRELU": (1,)}


def count_parameters(content: bytes) -> int | None:
    """The number of weights and biases; None where there are none, or the file does not say.

    What an export folds into its convolutions (batch normalization) counts as part of them.
    """
    from ai_edge_litert import schema_py_generated as schema

    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    try:
        model = schema.Model.GetRootAs(content, 0)
        total = sum(_of_graph(model, model.Subgraphs(index), names) for index in range(model.SubgraphsLength()))
    except Exception:  # FlatBuffers raise whatever they met; the number is for tables alone
        return None
    return total or None


def _of_graph(model: object, graph: object, names: dict[int, str]) -> int:
    operations = [graph.Operators(index) for index in range(graph.OperatorsLength())]
    codes = [model.OperatorCodes(operation.OpcodeIndex()) for operation in operations]
    kinds = [names.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode())) for code in codes]
    # float16 weights are constants that a DEQUANTIZE gives to the convolution.
    origins = {operation.Outputs(0): operation.Inputs(0)
               for operation, kind in zip(operations, kinds, strict=True) if kind == "DEQUANTIZE"}
    # One convolution may be used many times; equal biases and slopes of different ones are stored once.
    counted: dict[object, list[int]] = {}
    for operation, kind in zip(operations, kinds, strict=True):
        places = [place for place in _WEIGHTS.get(kind, ()) if place < operation.InputsLength()]
        inputs = [origins.get(operation.Inputs(place), operation.Inputs(place)) for place in places]
        if inputs:
            counted[(operation.Outputs(0), kind) if kind == "PRELU" else inputs[0]] = inputs
    tensors = [graph.Tensors(index) for inputs in counted.values() for index in inputs if index >= 0]
    return sum(math.prod(tensor.Shape(axis) for axis in range(tensor.ShapeLength())) for tensor in tensors
               if model.Buffers(tensor.Buffer()).DataLength())
