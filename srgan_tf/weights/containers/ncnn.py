"""ncnn's model files: `.param`, a graph in plain text, and `.bin`, its numbers in the order of the layers.

The text begins with 7767517 and the numbers of layers and blobs; then a line a layer: type, name, how many blobs it
reads and writes, their names, and its settings as NUMBER=VALUE, arrays as -(23300+NUMBER)=LENGTH,VALUE,... In `.bin` a
layer's kernel comes after a tag that says how it is stored; biases and slopes are float32 without a tag.
"""

import math
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.weights.containers.kinds import NCNN_MAGIC

FLOAT16, FLOAT32, FLOAT32_SCALED = 0x01306B47, 0, 0x0002C056
INT8 = 0x000D4B38
ARRAYS = -23300
MOST_CONSTANTS = 16  # numbers in a constant of the graph: one for each channel of an image
INTEGER, NUMBER = re.compile(r"-?[0-9]{1,10}"), re.compile(r"[-+]?[0-9.]{1,30}(e[-+]?[0-9]{1,3})?", re.IGNORECASE)


class Layer(NamedTuple):
    """A line of the graph with its numbers.

    Attributes:
        type: ncnn's name of what it does.
        name: its own.
        inputs, outputs: names of blobs.
        settings: ncnn's numbered settings: integers, floats, tuples of them.
        arrays: `weight` and `bias`, as far as it has them; kernels are [out,in,H,W].
    """

    type: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: dict[int, int | float | tuple]
    arrays: dict[str, np.ndarray]

    def integer(self, number: int, default: int = 0) -> int:
        """A setting that must be an integer.

        Raises:
            ValueError: it is something else.
        """
        value = self.settings.get(number, default)
        if not isinstance(value, int):
            raise UserError(f"setting {number} of layer {self.name[:60]!r} must be an integer; got {value!r}")
        return value


class Numbers:
    """Reads a `.bin` from its start to its end."""

    def __init__(self, data: bytes):
        self.data, self.position = memoryview(data), 0

    def take(self, kind: str, count: int) -> np.ndarray:
        """The next numbers: a view of the file.

        Raises:
            ValueError: there are not that many left.
        """
        start, size = self.position, count * np.dtype(kind).itemsize
        if count < 0 or start + size > len(self.data):
            raise UserError(f"the .bin has {len(self.data) - start} bytes left where {size} are needed")
        self.position += size
        return np.frombuffer(self.data[start : start + size], kind)

    def take_tagged(self, count: int) -> np.ndarray:
        """The next numbers, stored as the tag before them says."""
        tag = int(self.take("<u4", 1)[0])
        if tag == FLOAT16:
            numbers = self.take("<f2", count)
            self.take("<f2", count % 2)  # filled to four bytes
            return numbers
        if tag in (FLOAT32, FLOAT32_SCALED):
            return self.take("<f4", count)
        kind = "int8" if tag == INT8 else f"by tag {tag:#010x}"
        raise UserError(f"the kernel is quantized ({kind}); only float16 and float32 are read")


def read_ncnn(param: bytes, numbers: bytes) -> list[Layer]:
    """Reads both files of a network.

    Args:
        param: all of the `.param`.
        numbers: all of the `.bin`.

    Returns:
        The layers in their order; arrays are views of `numbers`.

    Raises:
        ValueError: they are damaged, do not belong together, or have layers or numbers of an unknown kind.
    """
    reader = Numbers(numbers)
    layers = []
    for layer in read_param(param):
        if layer.type not in ARRAYS_OF:
            known = ", ".join(sorted(ARRAYS_OF))
            raise UserError(f"layer {layer.name[:60]!r} is of type {layer.type[:40]!r}; known ncnn layers: {known}")
        try:
            layers.append(layer._replace(arrays=ARRAYS_OF[layer.type](layer, reader)))
        except ValueError as error:
            raise UserError(f"layer {layer.name[:60]!r}: {error}") from None
    if reader.position != len(numbers):
        raise UserError(f"{len(numbers) - reader.position} bytes of the .bin belong to no layer of the .param")
    return layers


def read_param(param: bytes) -> list[Layer]:
    """Reads the graph alone; `arrays` are empty.

    Raises:
        ValueError: it is damaged.
    """
    try:
        lines = param.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        lines = [""]
    if lines[0].strip() != NCNN_MAGIC:
        raise UserError(f"not a text .param of ncnn: it begins with {param[:16]!r} instead of {NCNN_MAGIC}")
    counts, *rest = [line.split() for line in lines[1:] if line.split()] or [[]]
    if len(counts) != 2 or counts[0] != str(len(rest)):
        raise UserError(f"cut off, or damaged: its second line must say how many layers follow, which are {len(rest)}")
    return [_layer(words) for words in rest]


def _layer(words: list[str]) -> Layer:
    shown = " ".join(words)[:60]
    if len(words) < 4 or not all(re.fullmatch("[0-9]{1,5}", word) for word in words[2:4]):
        raise UserError(f"damaged .param: {shown!r} is not a layer with its numbers of inputs and outputs")
    middle, end = 4 + int(words[2]), 4 + int(words[2]) + int(words[3])
    if end > len(words) or any("=" in word for word in words[4:end]):
        raise UserError(f"damaged .param: {shown!r} has fewer blobs than it says")
    settings = {}
    for word in words[end:]:
        number, equals, text = word.partition("=")
        if not equals or not INTEGER.fullmatch(number):
            raise UserError(f"damaged .param: {word[:40]!r} in {shown!r} is not NUMBER=VALUE")
        values = tuple(map(_value, text.split(",")))
        if int(number) <= ARRAYS:
            if values[0] != len(values) - 1:
                raise UserError(f"damaged .param: {word[:40]!r} in {shown!r} has another length than it says")
            settings[ARRAYS - int(number)] = values[1:]
        elif len(values) == 1:  # in the shape hint, of newer files, several numbers; the graph says as much
            settings[int(number)] = values[0]
    return Layer(words[0], words[1], tuple(words[4:middle]), tuple(words[middle:end]), settings, {})


def _value(text: str) -> int | float:
    if INTEGER.fullmatch(text):
        return int(text)
    if not NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise UserError(f"damaged .param: {text[:40]!r} is not a number")
    return float(text)


def _convolution(layer: Layer, reader: Numbers) -> dict[str, np.ndarray]:
    if layer.integer(8) or layer.integer(19):
        raise UserError("its kernel is quantized to int8, or computed; only float16 and float32 of the .bin are read")
    outputs, width, size = layer.integer(0), layer.integer(1), layer.integer(6)
    height = layer.integer(11, width)
    if min(outputs, width, height, size) < 1 or size % (outputs * width * height):
        raise UserError(f"{size} numbers are no kernel of {outputs} outputs and {height}x{width} pixels")
    arrays = {"weight": reader.take_tagged(size).reshape(outputs, -1, height, width)}
    return arrays | ({"bias": reader.take("<f4", outputs)} if layer.integer(5) else {})


def _slopes(layer: Layer, reader: Numbers) -> dict[str, np.ndarray]:
    return {"weight": reader.take("<f4", layer.integer(0))}


def _constant(layer: Layer, reader: Numbers) -> dict[str, np.ndarray]:
    count = math.prod(max(layer.integer(number), 1) for number in (0, 1, 11, 2))
    if count > MOST_CONSTANTS or layer.integer(21, 1) != 1:
        raise UserError(f"it holds {count} numbers; a constant of up to {MOST_CONSTANTS}, in float32, is read")
    return {"weight": reader.take("<f4", count)}


def _nothing(layer: Layer, reader: Numbers) -> dict[str, np.ndarray]:
    return {}


# What each type of layer has in the .bin.
ARRAYS_OF: dict[str, Callable[[Layer, Numbers], dict[str, np.ndarray]]] = {
    "Convolution": _convolution,
    "MemoryData": _constant,
    "PReLU": _slopes,
    **dict.fromkeys(("BinaryOp", "Concat", "Eltwise", "Input", "Interp", "PixelShuffle", "ReLU", "Sigmoid", "Split",
                     "Swish"), _nothing),
}
