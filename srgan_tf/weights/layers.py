"""How the weights of each kind of layer lie in PyTorch and in Keras, both ways.

A Slot says that a Keras layer's weights are found under a name; its kind turns one layout into the other. Layers are
known by `get_weights` and `set_weights` alone: nothing here imports Keras.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from srgan_tf.weights.graphs import Node

Arrays = dict[str, np.ndarray]
Shape = tuple[int, ...]
# Of the tensors of a checkpoint, by name.
Shapes = Mapping[str, Shape]
Arguments = dict[str, Any]


class Conv(NamedTuple):
    """A convolution: OIHW in PyTorch, HWIO in Keras.

    Attributes:
        shuffle: factor of the pixel shuffle behind it. PyTorch reads output channel c r^2 + k where TensorFlow's
            depth_to_space reads k C + c.
        unshuffle: factor of the pixel unshuffle before it; its input channels differ in the same way.
        bias_divisor: what PyTorch's biases are divided by.
        kernel_divisor: what its kernels are divided by.
    """

    shuffle: int = 1
    unshuffle: int = 1
    bias_divisor: float = 1
    kernel_divisor: float = 1
    names = ("weight", "bias")

    def shapes(self, kernel: Shape, *bias: Shape) -> list[Shape]:
        return [(kernel[3], kernel[2], *kernel[:2]), *bias]

    def to_keras(self, kernel: np.ndarray, *bias: np.ndarray) -> list[np.ndarray]:
        kernel = kernel.transpose(2, 3, 1, 0)[:, :, shuffled(kernel.shape[1], self.unshuffle)]
        order = shuffled(kernel.shape[3], self.shuffle)
        return [divide(kernel[..., order], self.kernel_divisor), *(divide(b[order], self.bias_divisor) for b in bias)]

    def to_torch(self, kernel: np.ndarray, *bias: np.ndarray) -> list[np.ndarray]:
        inputs, order = (np.argsort(shuffled(side, factor)) for side, factor in (
            (kernel.shape[2], self.unshuffle), (kernel.shape[3], self.shuffle)))
        kernel = kernel[:, :, inputs][..., order].transpose(3, 2, 0, 1)
        return [undivide(kernel, self.kernel_divisor), *(undivide(b[order], self.bias_divisor) for b in bias)]


class ConvTranspose(NamedTuple):
    """A transposed convolution: [in,out,H,W] in PyTorch, [H,W,out,in] in Keras."""

    names = ("weight", "bias")

    def shapes(self, kernel: Shape, *bias: Shape) -> list[Shape]:
        return [(kernel[3], kernel[2], *kernel[:2]), *bias]

    def to_keras(self, kernel: np.ndarray, *bias: np.ndarray) -> list[np.ndarray]:
        return [kernel.transpose(2, 3, 1, 0), *bias]

    def to_torch(self, kernel: np.ndarray, *bias: np.ndarray) -> list[np.ndarray]:
        return [kernel.transpose(3, 2, 0, 1), *bias]


class Depthwise(NamedTuple):
    """A depthwise convolution: [C,1,H,W] in PyTorch, [H,W,C,1] in Keras."""

    names = ("weight", "bias")

    def shapes(self, kernel: Shape, *bias: Shape) -> list[Shape]:
        return [(kernel[2], 1, *kernel[:2]), *bias]

    def to_keras(self, kernel: np.ndarray, *bias: np.ndarray) -> list[np.ndarray]:
        return [kernel.transpose(2, 3, 0, 1), *bias]

    def to_torch(self, kernel: np.ndarray, *bias: np.ndarray) -> list[np.ndarray]:
        return [kernel.transpose(2, 3, 0, 1), *bias]


class Dense(NamedTuple):
    """A dense layer: [out,in] and [in,out]. Behind a flattened map its inputs are in CHW order there, in HWC here."""

    channels: int = 1
    names = ("weight", "bias")

    def shapes(self, kernel: Shape, *bias: Shape) -> list[Shape]:
        return [kernel[::-1], *bias]

    def to_keras(self, kernel: np.ndarray, *bias: np.ndarray) -> list[np.ndarray]:
        return [kernel.T[self._rows(kernel.shape[1])], *bias]

    def to_torch(self, kernel: np.ndarray, *bias: np.ndarray) -> list[np.ndarray]:
        return [kernel[np.argsort(self._rows(kernel.shape[0]))].T, *bias]

    def _rows(self, count: int) -> np.ndarray:
        return np.arange(count).reshape(self.channels, -1).T.ravel()


class Plain(NamedTuple):
    """Vectors that lie alike: batch normalisation, unless other names are given."""

    names: tuple[str, ...] = ("weight", "bias", "running_mean", "running_var")

    def shapes(self, *vectors: Shape) -> list[Shape]:
        return list(vectors)

    def to_keras(self, *vectors: np.ndarray) -> list[np.ndarray]:
        return list(vectors)

    to_torch = to_keras


class PReLU(NamedTuple):
    """The slopes of PReLU: [C] and [1,1,C]."""

    names = ("weight",)

    def shapes(self, slopes: Shape) -> list[Shape]:
        return [slopes[-1:]]

    def to_keras(self, slopes: np.ndarray) -> list[np.ndarray]:
        return [slopes.reshape(1, 1, -1)]

    def to_torch(self, slopes: np.ndarray) -> list[np.ndarray]:
        return [slopes.ravel()]


class Slot(NamedTuple):
    """A layer and the name of its weights in a state_dict, without `.weight`."""

    name: str
    layer: Any
    kind: Any = Conv()

    @property
    def names(self) -> list[str]:
        """The full names, as many as the layer has weights."""
        return [f"{self.name}.{suffix}" for suffix in self.kind.names[: len(self.layer.weights)]]

    @property
    def shapes(self) -> dict[str, Shape]:
        """By the full names, the shapes that PyTorch's tensors must have."""
        shapes = self.kind.shapes(*(tuple(weight.shape) for weight in self.layer.weights))
        return dict(zip(self.names, shapes, strict=True))


class Family(NamedTuple):
    """The names under which one architecture's weights are published.

    Attributes:
        keys: what the sets of names are called; the first is written unless another is asked for.
        infer: from shapes to one of `keys` and the architecture's arguments, or None where it is something else.
        slots: from a model and one of `keys` to its layers and their names.
        constants: from a model and one of `keys` to entries of the state_dict that are no weights.
        derived: from a model and one of `keys` to entries that are computed from weights: written, and passed over when
            they are read.
        draw: from the nodes of a file's graph, inputs before what reads them, to the arguments and the graph that the
            architecture has with them, named by `drawn_keys`; None where it is something else. Without it
            ncnn's files are not read.
    """

    keys: tuple[str, ...]
    infer: Callable[[Shapes], tuple[str, Arguments] | None]
    slots: Callable[[Any, str], Iterator[Slot]]
    constants: Callable[[Any, str], Arrays] = lambda model, keys: {}
    derived: Callable[[Any, str], Iterator[Slot]] = lambda model, keys: iter(())
    draw: Callable[[list[Node]], tuple[Arguments, Node] | None] | None = None
    drawn_keys: str = ""


def shuffled(channels: int, factor: int) -> np.ndarray:
    """PyTorch's channel numbers in TensorFlow's order, for a pixel shuffle by `factor`."""
    return np.arange(channels).reshape(-1, factor**2).T.ravel()


def divide(array: np.ndarray, divisor: float) -> np.ndarray:
    """float32 quotients."""
    return array if divisor == 1 else (array / np.float32(divisor)).astype(np.float32)


def undivide(array: np.ndarray, divisor: float) -> np.ndarray:
    """The float32 numbers that `divide` gives `array` for.

    The rounded product, or a neighbour where that one's quotient is what is looked for. Where several numbers have the
    same quotient, or none has it, the result is within one unit in the last place.
    """
    product = divide(array, 1 / divisor)
    for neighbour in (np.nextafter(product, np.float32(np.inf)), np.nextafter(product, np.float32(-np.inf))):
        better = (divide(product, divisor) != array) & (divide(neighbour, divisor) == array)
        product = np.where(better, neighbour, product)
    return product


def kernel(shapes: Shapes, name: str) -> Shape:
    """Shape [out,in,H,W] of a convolution's kernel; zeros where there is no such tensor or it is none."""
    shape = shapes.get(name, ())
    return shape if len(shape) == 4 and all(shape) else (0, 0, 0, 0)


def image_channels(channels: int) -> Arguments:
    """The argument of networks for images of other than three channels: grey has one, RGBA four."""
    return {} if channels == 3 else {"image_channels": channels}


def count(shapes: Shapes, pattern: str, start: int = 0) -> int:
    """How many of `pattern` with start, start + 1, ... in it follow each other in the names."""
    number = start
    while pattern.format(number) in shapes:
        number += 1
    return number - start


def shuffle_factors(shapes: Shapes, pattern: str, start: int = 0, step: int = 1) -> list[int]:
    """Factors of the pixel shuffles behind the convolutions named `pattern` with start, start + step, ... in it."""
    factors, number = [], start
    while any(shape := kernel(shapes, pattern.format(number))):
        factors.append(math.isqrt(shape[0] // shape[1]))
        number += step
    return factors
