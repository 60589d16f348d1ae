"""OmniSR, attention over pixels and over channels within windows and on grids that span the image."""

import keras
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.blocks import bilinear_resize, built, conv, mirror_to_least, pixel_shuffle, pytorch_uniform
from srgan_tf.models.generator import IMAGES, Generator, require_positive_integers
from srgan_tf.models.span import silu
from srgan_tf.models.windows import (
    attention,
    dense,
    gelu,
    join_heads,
    layer_norm,
    merge,
    on_tokens,
    partition,
    position_bias,
    relative_positions,
    split_heads,
    window_reach,
    zeros_to_multiple,
)

HEADS = 4
LEAST_SIDE = 15  # of what the spatial attention can reduce by 2 and by 3 behind a window of 7


@keras.saving.register_keras_serializable("srgan_tf")
class OmniSR(Generator):
    """OmniSR (Wang et al., arXiv 2304.10244, section 3): 805,376 trainable parameters at x4.

    Each block attends over pixels and then over channels twice: within windows, and on grids, whose pixels lie a part
    of the image's side apart ("omni-axis" and "omni-scale" in the paper). So every pixel depends on every other one;
    `receptive_radius` is that of windows and convolutions alone. Images are filled with zeros at the right and the
    bottom to a multiple of the window, as in the authors' code; those of fewer than 15 pixels a side, which it does not
    take, are mirrored first.
    """

    scales = (1, 2, 3, 4, 8)

    def __init__(self, scale: int = 4, features: int = 64, groups: int = 5, blocks: int = 1, window: int = 8, **kwargs):
        """Builds the network.

        Args:
            scale: 1, 2, 3, 4 or 8.
            features: channels throughout, a multiple of 4.
            groups: of blocks, each with a skip and spatial attention.
            blocks: in each group.
            window: side of the windows, and pixels of a grid along each axis.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, **kwargs)
        require_positive_integers(features=features, groups=groups, blocks=blocks)
        require_positive_integers(64, window=window)
        if features % HEADS:
            raise UserError(f"features of OmniSR must be a multiple of {HEADS}; got {features}")
        self.features, self.groups, self.blocks, self.window = features, groups, blocks, window
        dtype = self.dtype_policy
        self.head = conv(3, features, dtype)
        self.body = [Group(features, blocks, window, dtype=dtype) for _ in range(groups)]
        self.body_end = conv(features, features, dtype)
        self.tail = conv(features, 3 * scale**2, "float32")
        self.alignment, self.receptive_radius = window, self._radius()
        self.whole_image_bytes = 64 * features
        self.build(IMAGES)

    def _radius(self) -> int:
        low, high = -2, self.window - 1 + 2  # of the last two convolutions
        for _ in range(self.groups * self.blocks):
            # Backwards: grids and two feed-forward networks, channels within windows and one, pixels and two.
            for steps in (4, 1, 1):
                low, high = window_reach(low - steps, high + steps, self.window, [0])
            low, high = low - 1, high + 1
        reach = max(1 - low, high + 1 - (self.window - 1))
        return reach + self.window - 1

    def call(self, inputs: KerasTensor) -> KerasTensor:
        _, height, width, _ = ops.shape(inputs)
        head = self.head(zeros_to_multiple(mirror_to_least(inputs, LEAST_SIDE), self.window))
        x = head
        for group in self.body:
            x = group(x)
        x = pixel_shuffle(self.tail(head + self.body_end(x)), self.scale)
        return x[:, : height * self.scale, : width * self.scale]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "features": self.features,
            "groups": self.groups,
            "blocks": self.blocks,
            "window": self.window,
        }


class Group(keras.layers.Layer):
    """Blocks and a 1x1 convolution in a skip, then spatial attention (the paper's OSAG)."""

    def __init__(self, features: int, blocks: int, window: int, **kwargs):
        super().__init__(**kwargs)
        dtype = self.dtype_policy
        self.blocks = [OmniBlock(features, window, dtype=dtype) for _ in range(blocks)]
        self.end = conv(features, features, dtype, kernel_size=1)
        self.spatial = SpatialAttention(features, dtype=dtype)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        residual = x
        for block in self.blocks:
            residual = block(residual)
        return self.spatial(x + self.end(residual))


class OmniBlock(keras.layers.Layer):
    """A convolution that weighs channels, then attention within windows and attention on grids."""

    def __init__(self, features: int, window: int, **kwargs):
        super().__init__(**kwargs)
        dtype = self.dtype_policy
        self.convolution = InvertedBottleneck(features, dtype=dtype)
        self.pixels = [PixelAttention(features, window, grid, dtype=dtype) for grid in (False, True)]
        self.channels = [ChannelAttention(features, window, grid, dtype=dtype) for grid in (False, True)]
        self.forwards = [FeedForward(features, dtype=dtype) for _ in range(4)]
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        x = self.convolution(x)
        for number in range(2):
            x = self.forwards[2 * number](self.pixels[number](x))
            x = self.forwards[2 * number + 1](self.channels[number](x))
        return x


class InvertedBottleneck(keras.layers.Layer):
    """x + 1x1, depthwise 3x3 and 1x1 convolutions of x, channels weighed by their averages (the paper's LCB)."""

    def __init__(self, features: int, **kwargs):
        super().__init__(**kwargs)
        dtype, few = self.dtype_policy, features // 4
        self.first, self.last = (conv(features, features, dtype, kernel_size=1) for _ in range(2))
        self.depthwise = depthwise(features, dtype, use_bias=True)
        self.squeeze, self.excite = (dense(*sides, dtype, use_bias=False)
                                     for sides in ((features, few), (few, features)))
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        y = gelu(self.depthwise(gelu(self.first(x))))
        means = ops.cast(ops.mean(ops.cast(y, "float32"), axis=(1, 2)), y.dtype)  # [B,C]
        shares = ops.sigmoid(self.excite(silu(self.squeeze(means))))
        return x + self.last(y * shares[:, None, None])


class FeedForward(keras.layers.Layer):
    """x + a 1x1 convolution of gelu(a) b, where a and b are a 1x1 and a depthwise convolution of the normalised x."""

    def __init__(self, features: int, **kwargs):
        super().__init__(**kwargs)
        dtype = self.dtype_policy
        self.norm = layer_norm(features, dtype, epsilon=1e-6)
        self.widen = conv(features, 2 * features, dtype, kernel_size=1, use_bias=False)
        self.depthwise = depthwise(2 * features, dtype)
        self.narrow = conv(features, features, dtype, kernel_size=1, use_bias=False)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        first, second = ops.split(self.depthwise(self.widen(self.norm(x))), 2, axis=-1)
        return x + self.narrow(gelu(first) * second)


class PixelAttention(keras.layers.Layer):
    """x + multi-head attention among the pixels of each window, or of each grid."""

    def __init__(self, features: int, window: int, grid: bool, **kwargs):
        super().__init__(**kwargs)
        self.window, self.grid, dtype = window, grid, self.dtype_policy
        self.norm = layer_norm(features, dtype)
        self.joined, self.out = (dense(features, parts * features, dtype, use_bias=False) for parts in (3, 1))
        self.scale, self.positions = (features // HEADS) ** -0.5, relative_positions(window, window)
        self.table = self.add_weight(shape=((2 * window - 1) ** 2, HEADS), name="table", initializer="random_normal")
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        y, side = self.norm(x), self.window
        y = deal(y, side, side) if self.grid else y
        shape = ops.shape(y)
        tokens = partition(y, side, side)
        queries, keys, values = split_heads(on_tokens(self.joined, tokens), 3, HEADS)
        y = attention(queries * self.scale, keys, values, position_bias(self.table, self.positions))
        y = merge(on_tokens(self.out, join_heads(y)), side, side, shape)
        return x + (deal(y, shape[1] // side, shape[2] // side) if self.grid else y)


class ChannelAttention(keras.layers.Layer):
    """x + attention among the channels of each head: over a window's pixels, or over those that lie at one place of it.

    Queries and keys are brought to length 1, and a learned temperature takes the place of a scale.
    """

    def __init__(self, features: int, window: int, grid: bool, **kwargs):
        super().__init__(**kwargs)
        self.window, self.grid, dtype = window, grid, self.dtype_policy
        self.norm = layer_norm(features, dtype, epsilon=1e-6)
        self.joined = conv(features, 3 * features, dtype, kernel_size=1, use_bias=False)
        self.depthwise = depthwise(3 * features, dtype)
        self.out = conv(features, features, dtype, kernel_size=1, use_bias=False)
        self.temperature = self.add_weight(shape=(HEADS, 1, 1), initializer="ones", name="temperature")
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        y = self.depthwise(self.joined(self.norm(x)))
        shape, side = ops.shape(y), self.window
        rows, columns = (shape[1] // side, shape[2] // side) if self.grid else (side, side)
        y = deal(y, rows, columns) if self.grid else y
        queries, keys, values = split_heads(partition(y, rows, columns), 3, HEADS)  # [heads,Nw,N,D] each
        logits = ops.matmul(ops.transpose(unit(queries), (0, 1, 3, 2)), unit(keys))  # [heads,Nw,D,D]
        weights = ops.softmax(logits * ops.cast(self.temperature, logits.dtype)[:, None], axis=-1)
        y = join_heads(ops.matmul(values, ops.transpose(weights, (0, 1, 3, 2))))
        y = merge(y, rows, columns, (*shape[:3], x.shape[-1]))
        return x + self.out(deal(y, side, side) if self.grid else y)


class SpatialAttention(keras.layers.Layer):
    """ESA: x times a map that is made at a sixth of its resolution (arXiv 2009.11551, section 3.3)."""

    def __init__(self, features: int, **kwargs):
        super().__init__(**kwargs)
        dtype, few = self.dtype_policy, max(features // 4, 16)
        self.squeeze, self.excite = (conv(*sides, dtype, kernel_size=1) for sides in ((features, few), (few, features)))
        self.skip, self.coarse = conv(few, few, dtype, kernel_size=1), conv(few, few, dtype)
        self.reduce = built(few, keras.layers.Conv2D(few, 3, 2, kernel_initializer=pytorch_uniform(), dtype=dtype))
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        squeezed = self.squeeze(x)
        coarse = self.coarse(ops.max_pool(self.reduce(squeezed), 7, 3, "valid"))
        fine = bilinear_resize(coarse, *ops.shape(x)[1:3])
        return x * ops.sigmoid(self.excite(fine + self.skip(squeezed)))


def depthwise(channels: int, dtype: str | keras.DTypePolicy, use_bias: bool = False) -> keras.layers.DepthwiseConv2D:
    """A depthwise 3x3 convolution, by default without biases."""
    uniform = keras.initializers.RandomUniform(-1 / 3, 1 / 3)  # PyTorch's default: the fan-in is that of one channel
    return built(channels, keras.layers.DepthwiseConv2D(
        3, padding="same", use_bias=use_bias, depthwise_initializer=uniform, dtype=dtype))


def unit(x: KerasTensor) -> KerasTensor:
    """Brings each channel's numbers, along the pixels of [heads,Nw,N,D], to a sum of squares of 1."""
    exact = ops.cast(x, "float32")
    squares = ops.sum(ops.square(exact), axis=2, keepdims=True)
    return ops.cast(exact * ops.rsqrt(ops.maximum(squares, 1e-24)), x.dtype)


def deal(x: KerasTensor, rows: int, columns: int) -> KerasTensor:
    """Puts row i (H / rows) + j at j rows + i, and columns the same way: [B,H,W,C] -> the same.

    What lay H / rows apart is then side by side; `deal` with H / rows and W / columns undoes it.
    """
    batch, height, width, channels = ops.shape(x)
    x = ops.reshape(x, (batch, rows, height // rows, width * channels))
    x = ops.transpose(x, (0, 2, 1, 3))  # [B,r,H/r,WC] -> [B,H/r,r,WC]
    x = ops.reshape(x, (batch * height, columns, width // columns, channels))
    x = ops.transpose(x, (0, 2, 1, 3))  # [BH,c,W/c,C] -> [BH,W/c,c,C]
    return ops.reshape(x, (batch, height, width, channels))
