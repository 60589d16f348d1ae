"""Pieces of the networks that attend within windows: windows, their shifts and masks, and layers on tokens.

A token is one pixel's features. Feature maps are [B,H,W,C], where H and W are multiples of the windows' sides; windows
are [Nw,N,C]: Nw of them, image by image and row by row, of N tokens each. No tensor has more than four dimensions, so
that LiteRT runs them.
"""

import math
from collections.abc import Iterable

import keras
import numpy as np
from keras import KerasTensor, ops

from srgan_tf.models.blocks import Initializer
from srgan_tf.models.sizes import count_layer

# What different parts of an image, side by side in one window, add to each other's logits (Swin's authors' code).
APART = -100.0


def normal_fiftieth() -> keras.initializers.Initializer:
    """Normal with a standard deviation of 0.02, from which transformers' dense layers start."""
    return keras.initializers.RandomNormal(stddev=0.02)


def dense(
    channels: int, units: int, dtype: str | keras.DTypePolicy, initializer: Initializer = normal_fiftieth,
    use_bias: bool = True,
) -> keras.layers.Dense:
    """A dense layer with zero biases, or none, whose weights exist at once."""
    return with_weights(channels, keras.layers.Dense(
        units, use_bias=use_bias, kernel_initializer=initializer(), dtype=dtype))


def layer_norm(channels: int, dtype: str | keras.DTypePolicy, epsilon: float = 1e-5) -> keras.layers.Layer:
    """Layer normalisation of each token, with PyTorch's epsilon; Keras' own is 1e-3."""
    return with_weights(channels, LayerNorm(epsilon=epsilon, dtype=dtype))


def with_weights(channels: int, layer: keras.layers.Layer) -> keras.layers.Layer:
    """The layer, with weights for tokens of that many channels."""
    count_layer()
    layer.build((None, channels))
    return layer


class LayerNorm(keras.layers.LayerNormalization):
    """Keras' layer, over the last axis alone, in two thirds of its time on a CPU; in float32 under every policy."""

    def call(self, inputs: KerasTensor) -> KerasTensor:
        x = ops.cast(inputs, "float32")
        x = x - ops.mean(x, axis=-1, keepdims=True)
        deviation = ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + self.epsilon)
        return ops.cast(x * deviation * self.gamma + self.beta, self.compute_dtype)


def on_tokens(layer: keras.layers.Dense, x: KerasTensor) -> KerasTensor:
    """A dense layer on [...,C] as one product of matrices, which TensorFlow joins with bias and activation."""
    shape = ops.shape(x)
    return ops.reshape(layer(ops.reshape(x, (-1, shape[-1]))), (*shape[:-1], layer.units))


def gelu(x: KerasTensor) -> KerasTensor:
    """GELU with the error function, which all of PyTorch's transformers have, not its approximation by tanh."""
    return ops.gelu(x, approximate=False)


class Perceptron(keras.layers.Layer):
    """Two dense layers on each token, GELU between them."""

    def __init__(self, features: int, hidden: int, **kwargs):
        super().__init__(**kwargs)
        self.widen, self.narrow = dense(features, hidden, self.dtype_policy), dense(hidden, features, self.dtype_policy)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        shape = ops.shape(x)
        x = self.narrow(gelu(self.widen(ops.reshape(x, (-1, shape[-1])))))
        return ops.reshape(x, shape)


def reflect_to_multiple(x: KerasTensor, multiple: int) -> KerasTensor:
    """Reflects an image at its right and bottom edges until its sides are multiples: [B,H,W,C] -> [B,mH',mW',C].

    The edge pixel is not repeated, as in PyTorch's "reflect", which refuses images smaller than what is added: here
    they are reflected back and forth.
    """
    for axis in (1, 2):
        size = ops.shape(x)[axis]
        if multiple == 1 or (isinstance(size, int) and size % multiple == 0):
            continue
        period = ops.maximum(2 * size - 2, 1)
        place = ops.arange((size + multiple - 1) // multiple * multiple) % period
        x = ops.take(x, ops.minimum(place, period - place), axis=axis)
    return x


def zeros_to_multiple(x: KerasTensor, multiple: int) -> KerasTensor:
    """Adds zeros at the right and the bottom until the sides are multiples: [B,H,W,C] -> [B,mH',mW',C]."""
    for axis in (1, 2):
        shape = list(ops.shape(x))
        shape[axis] = -shape[axis] % multiple
        if not isinstance(shape[axis], int) or shape[axis]:
            x = ops.concatenate([x, ops.zeros(shape, x.dtype)], axis=axis)
    return x


def roll(x: KerasTensor, rows: int, columns: int) -> KerasTensor:
    """Rolls feature maps up and left (down and right if negative): what leaves comes back at the other end.

    Of slices, because LiteRT has no operation that rolls.
    """
    x = ops.concatenate([x[:, rows:], x[:, :rows]], axis=1)
    return ops.concatenate([x[:, :, columns:], x[:, :, :columns]], axis=2)


def partition(x: KerasTensor, rows: int, columns: int) -> KerasTensor:
    """Cuts feature maps into windows of rows x columns: [B,H,W,C] -> [Nw,rows columns,C]."""
    batch, height, width, channels = ops.shape(x)
    x = ops.reshape(x, (batch * height // rows, rows, width // columns, columns * channels))
    x = ops.transpose(x, (0, 2, 1, 3))  # [B H/r,r,W/c,cC] -> [B H/r,W/c,r,cC]
    return ops.reshape(x, (-1, rows * columns, channels))


def merge(windows: KerasTensor, rows: int, columns: int, shape: tuple) -> KerasTensor:
    """Undoes `partition`: [Nw,rows columns,C] -> [B,H,W,C], the shape that is given (its C apart)."""
    batch, height, width, _ = shape
    channels = windows.shape[-1]
    x = ops.reshape(windows, (batch * height // rows, width // columns, rows, columns * channels))
    x = ops.transpose(x, (0, 2, 1, 3))  # [B H/r,W/c,r,cC] -> [B H/r,r,W/c,cC]
    return ops.reshape(x, (batch, height, width, channels))


def shift_mask(shape: tuple, rows: int, columns: int, row_shift: int, column_shift: int) -> KerasTensor:
    """What is added to the logits of windows cut from rolled maps of shape [B,H,W,C]: [Nw,N,N].

    The last windows of a row or a column hold what was at both ends of the image; these parts do not see each other.
    """
    batch, height, width, _ = shape
    labels = 0
    for count, repeats, side, shift, place, weight in (
            (height // rows, batch, rows, row_shift, 0, 2), (width // columns, 1, columns, column_shift, 1, 1)):
        last = ops.cast(ops.arange(count * repeats) % count == count - 1, "float32")
        wrapped = (np.arange(side) >= side - shift).astype("float32") * weight
        order = (-1, 1, 1, 1) if place == 0 else (1, -1, 1, 1)
        ends = (1, 1, -1, 1) if place == 0 else (1, 1, 1, -1)
        labels = labels + ops.reshape(last, order) * wrapped.reshape(ends)  # [B H/r,W/c,r,c]
    labels = ops.reshape(labels, (-1, rows * columns))
    return APART * ops.cast(ops.not_equal(labels[:, :, None], labels[:, None, :]), "float32")


def relative_positions(rows: int, columns: int) -> np.ndarray:
    """For every pair of a window's tokens the row of the table of biases: int64 [N,N].

    The table has (2 rows - 1)(2 columns - 1) rows, one for each step from the second token to the first.
    """
    places = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")).reshape(2, -1)
    steps = places[:, :, None] - places[:, None, :]
    return (steps[0] + rows - 1) * (2 * columns - 1) + steps[1] + columns - 1


def position_bias(table: KerasTensor, positions: np.ndarray) -> KerasTensor:
    """The biases of a table [(2r-1)(2c-1),heads], laid out for `attention`: [heads,1,N,N]."""
    number = len(positions)
    bias = ops.take(table, positions.ravel(), axis=0)  # [N N,heads]
    return ops.reshape(ops.transpose(bias), (-1, 1, number, number))


def split_heads(joined: KerasTensor, parts: int, heads: int) -> list[KerasTensor]:
    """Queries, keys and so on, their heads apart: [Nw,N,parts heads D] -> `parts` of [heads,Nw,N,D]."""
    number, tokens, channels = ops.shape(joined)
    joined = ops.reshape(joined, (number, tokens, parts * heads, channels // (parts * heads)))
    joined = ops.transpose(joined, (2, 0, 1, 3))
    return [joined[part * heads : (part + 1) * heads] for part in range(parts)]


def join_heads(x: KerasTensor) -> KerasTensor:
    """Undoes `split_heads`, of one part: [heads,Nw,N,D] -> [Nw,N,heads D]."""
    heads, _, tokens, channels = ops.shape(x)
    return ops.reshape(ops.transpose(x, (1, 2, 0, 3)), (-1, tokens, heads * channels))


def attention(queries: KerasTensor, keys: KerasTensor, values: KerasTensor, *terms: KerasTensor) -> KerasTensor:
    """softmax(Q K^T + terms) V in each window and head: [heads,Nw,N,D] each, terms that broadcast to [heads,Nw,N,N].

    Queries are scaled already; a term that is None is passed over.
    """
    logits = ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2)))
    for term in terms:
        if term is not None:
            logits = logits + ops.cast(term, logits.dtype)
    return ops.matmul(ops.softmax(logits, axis=-1), values)


def window_reach(low: int, high: int, side: int, offsets: Iterable[int]) -> tuple[int, int]:
    """How far pixels low..high see through blocks of windows whose grids begin at the offsets, the last block first."""
    for offset in offsets:
        low = math.floor((low - offset) / side) * side + offset
        high = math.floor((high - offset) / side) * side + offset + side - 1
    return low, high
