"""DAT, the dual aggregation transformer: attention within windows and over channels by turns."""

import keras
import numpy as np
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.blocks import batch_norm, built, conv
from srgan_tf.models.transformer import Group, Transformer, for_each_group, hidden_features, numbers
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
    roll,
    shift_mask,
    split_heads,
    window_reach,
    zeros_to_multiple,
)


@keras.saving.register_keras_serializable("srgan_tf")
class DAT(Transformer):
    """DAT (Chen et al., arXiv 2308.03364, section 3).

    The defaults are DAT, 14,802,051 trainable parameters at x4; `expansion=2` is DAT-2, 11,212,131; `expansion=2,
    window="8-16"` DAT-S, of as many; `features=60, depths=18, expansion=2, connection="3conv",
    upsampler="pixelshuffledirect"` DAT-light, 572,766.

    Every second block weighs channels by averages over the whole image, and so do parts of the others, so that every
    pixel depends on every other one; `receptive_radius` is that of windows and convolutions alone. Images are not
    padded: windows at the right and the bottom are filled with zeros, which take part in the attention, as in the
    authors' code. Blocks are never skipped in training (SwinIR's class says why).
    """

    def __init__(
        self,
        scale: int = 4,
        features: int = 180,
        depths: int | str = "6-6-6-6-6-6",
        heads: int | str = "6",
        window: str = "8-32",
        expansion: float = 4,
        upsampler: str = "pixelshuffle",
        connection: str = "1conv",
        reconstruction_features: int = 64,
        input_range: float = 1,
        image_channels: int = 3,
        **kwargs,
    ):
        """Builds the network.

        Args:
            scale: 1, 2, 3, 4 or 8.
            features: channels of the body, at least 32 and a multiple of every number of heads.
            depths: blocks in each group, as in "6-6-6-6".
            heads: of each group's attention, even, in the same notation; one number for all groups.
            window: sides of the windows, of which half of the heads have them upright and half lying, as in "8-32".
            expansion: how many times more features the blocks' feed-forward networks have inside.
            upsampler: "pixelshuffle", or "pixelshuffledirect" for the light one.
            connection: what ends each group and the body: "1conv" or "3conv".
            reconstruction_features: channels behind the body, with the first upsampler.
            input_range: what white is inside the network.
            image_channels: of input and output: 1 (grey), 3 (RGB) or 4 (RGBA).
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, features, upsampler, connection, reconstruction_features, input_range, 1,
                         image_channels, **kwargs)
        blocks = numbers(depths, "depths of DAT")
        counts = for_each_group(heads, len(blocks), "heads of DAT")
        sides, hidden = numbers(window, "window of DAT", 64), hidden_features(features, expansion, "expansion")
        if upsampler not in ("pixelshuffle", "pixelshuffledirect"):
            raise UserError(f"upsampler of DAT must be pixelshuffle or pixelshuffledirect; got {upsampler!r}")
        if len(sides) != 2 or sides[0] < 2 or sides[1] % sides[0]:
            raise UserError(f"window of DAT must be two sides, the second a multiple of the first; got {window!r}")
        if features < 32 or features % 2 or any(count % 2 or features % count for count in counts):
            raise UserError(f"features of DAT must be even, at least 32 and a multiple of heads={heads}, which must be "
                            f"even; got {features}")
        if hidden % 2:
            raise UserError(f"expansion of DAT must give an even number of features; got {expansion}")
        self.depths, self.heads, self.window, self.expansion = depths, heads, window, expansion
        self.sides, dtype = sides, self.dtype_policy
        self.groups = [
            Group([DualBlock(features, count, sides, self._kind(number, block), hidden, dtype=dtype)
                   for block in range(depth)], features, connection, dtype=dtype)
            for number, (depth, count) in enumerate(zip(blocks, counts, strict=True))]
        self.whole_image_bytes = 16 * (hidden + 4 * features) + 1024 * scale**2
        self.finish(*self._reach(), max(sides))

    @staticmethod
    def _kind(group: int, block: int) -> str:
        """Attention over channels in every second block, of the others shifted windows in every second one."""
        if block % 2:
            return "channel"
        return "shifted" if block % 4 == (0 if group % 2 else 2) else "spatial"

    def _reach(self) -> tuple[int, int]:
        """What a window's pixels depend on behind the head's convolution."""
        reach = self.reach_of_reconstruction()
        low, high = -reach, max(self.sides) - 1 + reach
        for group in reversed(self.groups):
            low, high = low - group.end.radius, high + group.end.radius
            for block in reversed(group.blocks):
                low, high = low - 1, high + 1  # of the feed-forward network
                reaches = [(low - 1, high + 1)]
                if block.kind != "channel":
                    reaches += [window_reach(low, high, side, [side // 2 * (block.kind == "shifted")])
                                for side in self.sides]
                low, high = min(reach[0] for reach in reaches), max(reach[1] for reach in reaches)
        return low, high

    def get_config(self) -> dict:
        config = super().get_config()
        del config["unshuffle"]
        return {
            **config,
            "depths": self.depths,
            "heads": self.heads,
            "window": self.window,
            "expansion": self.expansion,
        }


def depthwise(channels: int, dtype: str | keras.DTypePolicy) -> keras.layers.DepthwiseConv2D:
    """A 3x3 convolution of each channel by itself."""
    initializer = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return built(channels, keras.layers.DepthwiseConv2D(3, padding="same", depthwise_initializer=initializer,
                                                        dtype=dtype))


class DualBlock(keras.layers.Layer):
    """Attention of one kind, then a gated feed-forward network, both residual (figure 2 and equations 1 to 3)."""

    def __init__(self, features: int, heads: int, sides: tuple[int, int], kind: str, hidden: int, **kwargs):
        super().__init__(**kwargs)
        dtype, self.kind = self.dtype_policy, kind
        self.norm1, self.norm2 = layer_norm(features, dtype), layer_norm(features, dtype)
        self.attention = ChannelAttention(features, heads, dtype=dtype) if kind == "channel" else \
            SpatialAttention(features, heads, sides, kind == "shifted", dtype=dtype)
        self.widen, self.narrow = dense(features, hidden, dtype), dense(hidden // 2, features, dtype)
        self.gate_norm, self.gate = layer_norm(hidden // 2, dtype), depthwise(hidden // 2, dtype)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        x = x + self.attention(self.norm1(x))
        shape = ops.shape(x)
        hidden = gelu(self.widen(ops.reshape(self.norm2(x), (-1, shape[-1]))))
        plain, gate = ops.split(ops.reshape(hidden, (*shape[:-1], self.widen.units)), 2, axis=-1)
        return x + on_tokens(self.narrow, plain * self.gate(self.gate_norm(gate)))


class AdaptiveAttention(keras.layers.Layer):
    """Attention beside a depthwise convolution of the values, each weighed by what the other shows (AIM, figure 3)."""

    def __init__(self, features: int, heads: int, **kwargs):
        super().__init__(**kwargs)
        dtype, self.heads = self.dtype_policy, heads
        self.joined, self.out = dense(features, 3 * features, dtype), dense(features, features, dtype)
        self.convolution, self.convolution_norm = depthwise(features, dtype), batch_norm(features, dtype)
        self.channel = Interaction(features, features // 8, features, dtype=dtype)
        self.spatial = Interaction(features, features // 16, 1, dtype=dtype)
        self.built = True

    def convolved(self, values: KerasTensor) -> KerasTensor:
        """The values' own neighbourhood: [B,H,W,C] -> [B,H,W,C]."""
        return gelu(self.convolution_norm(self.convolution(values)))

    def by_channel(self, x: KerasTensor) -> KerasTensor:
        """A weight for each channel, from its average: [B,H,W,C] -> [B,1,1,C]."""
        return ops.sigmoid(self.channel(ops.mean(x, axis=(1, 2), keepdims=True)))

    def by_place(self, x: KerasTensor) -> KerasTensor:
        """A weight for each pixel: [B,H,W,C] -> [B,H,W,1]."""
        return ops.sigmoid(self.spatial(x))


class Interaction(keras.layers.Layer):
    """Two 1x1 convolutions, batch normalisation and GELU between them."""

    def __init__(self, channels: int, inner: int, filters: int, **kwargs):
        super().__init__(**kwargs)
        dtype = self.dtype_policy
        self.squeeze, self.norm = conv(channels, inner, dtype, kernel_size=1), batch_norm(inner, dtype)
        self.excite = conv(inner, filters, dtype, kernel_size=1)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        return self.excite(gelu(self.norm(self.squeeze(x))))


class SpatialAttention(AdaptiveAttention):
    """Attention within windows, of one shape for the first half of the channels, turned for the second.

    `joined` gives queries, keys and values of the first half, then those of the second.
    """

    def __init__(self, features: int, heads: int, sides: tuple[int, int], shifted: bool, **kwargs):
        super().__init__(features, heads, **kwargs)
        self.shifted, self.scale = shifted, (features // heads) ** -0.5
        self.shapes = [sides, sides[::-1]]
        self.biases = [PositionBias(features // 32, heads // 2, *shape, dtype=self.dtype_policy)
                       for shape in self.shapes]

    def call(self, x: KerasTensor) -> KerasTensor:
        _, height, width, channels = ops.shape(x)
        joined = on_tokens(self.joined, x)
        half, third = 3 * channels // 2, channels // 2
        values = ops.concatenate([joined[..., half - third : half], joined[..., 2 * half - third :]], axis=-1)
        joined = zeros_to_multiple(joined, max(self.shapes[0]))
        parts = [self._windowed(part, shape, bias)[:, :height, :width] for part, shape, bias in zip(
            (joined[..., :half], joined[..., half:]), self.shapes, self.biases, strict=True)]
        attended, convolved = ops.concatenate(parts, axis=-1), self.convolved(values)
        return on_tokens(self.out, attended * self.by_channel(convolved) + self.by_place(attended) * convolved)

    def _windowed(self, joined: KerasTensor, shape: tuple[int, int], bias: KerasTensor) -> KerasTensor:
        rows, columns = shape
        moved, apart = (rows // 2, columns // 2), None
        if self.shifted:
            apart = shift_mask(ops.shape(joined), rows, columns, *moved)
            joined = roll(joined, *moved)
        queries, keys, values = split_heads(partition(joined, rows, columns), 3, self.heads // 2)
        windows = join_heads(attention(queries * self.scale, keys, values, bias(None), apart))
        x = merge(windows, rows, columns, ops.shape(joined))
        return roll(x, -moved[0], -moved[1]) if self.shifted else x


class PositionBias(keras.layers.Layer):
    """The bias for each step between two pixels of a window, made by a small network of the step: [heads,1,N,N]."""

    def __init__(self, features: int, heads: int, rows: int, columns: int, **kwargs):
        super().__init__(**kwargs)
        dtype = self.dtype_policy
        self.positions = relative_positions(rows, columns)
        steps = np.meshgrid(np.arange(1 - rows, rows), np.arange(1 - columns, columns), indexing="ij")
        self.steps = np.stack(steps, axis=-1).reshape(-1, 2).astype("float32")
        self.start = dense(2, features, dtype)
        self.norms = [layer_norm(features, dtype) for _ in range(3)]
        self.layers = [dense(features, units, dtype) for units in (features, features, heads)]
        self.built = True

    def call(self, _: KerasTensor) -> KerasTensor:
        x = self.start(ops.convert_to_tensor(self.steps, self.compute_dtype))
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = layer(ops.relu(norm(x)))
        return position_bias(x, self.positions)


class ChannelAttention(AdaptiveAttention):
    """Attention between channels, over the whole image."""

    def __init__(self, features: int, heads: int, **kwargs):
        super().__init__(features, heads, **kwargs)
        self.temperature = self.add_weight((heads, 1, 1), "ones", autocast=False, name="temperature")

    def call(self, x: KerasTensor) -> KerasTensor:
        batch, height, width, channels = shape = ops.shape(x)
        joined = on_tokens(self.joined, x)
        convolved = self.convolved(joined[..., 2 * channels :])
        tokens = ops.reshape(joined, (batch, height * width, 3 * channels))
        queries, keys, values = split_heads(tokens, 3, self.heads)  # [heads,B,HW,D]
        logits = ops.matmul(ops.transpose(queries, (0, 1, 3, 2)), keys)  # [heads,B,D,D]
        # Each channel divided by its norm over the image, here behind the product: sums of squares are in float32.
        norms = [ops.maximum(ops.sqrt(ops.sum(ops.square(ops.cast(part, "float32")), axis=2, keepdims=True)), 1e-12)
                 for part in (queries, keys)]
        logits = ops.cast(logits, "float32") / (ops.transpose(norms[0], (0, 1, 3, 2)) * norms[1])
        weights = ops.softmax(logits * self.temperature[:, None], axis=-1)
        weights = ops.transpose(ops.cast(weights, values.dtype), (0, 1, 3, 2))
        attended = ops.reshape(join_heads(ops.matmul(values, weights)), shape)
        return on_tokens(self.out, attended * self.by_place(convolved) + convolved * self.by_channel(attended))
