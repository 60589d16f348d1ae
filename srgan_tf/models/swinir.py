"""SwinIR, image restoration by transformers within shifted windows."""

import keras
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.generator import require_positive_integers
from srgan_tf.models.transformer import Group, Transformer, for_each_group, hidden_features, numbers
from srgan_tf.models.windows import (
    Perceptron,
    attention,
    dense,
    join_heads,
    layer_norm,
    merge,
    normal_fiftieth,
    on_tokens,
    partition,
    position_bias,
    relative_positions,
    roll,
    shift_mask,
    split_heads,
    window_reach,
)


@keras.saving.register_keras_serializable("srgan_tf")
class SwinIR(Transformer):
    """SwinIR (Liang et al., arXiv 2108.10257, section 3).

    The defaults are the classical SwinIR, 11,900,199 trainable parameters at x4; `features=60, depths="6-6-6-6",
    upsampler="pixelshuffledirect"` is the lightweight one, 929,628; `upsampler="nearest+conv"` the one for real images;
    `scale=1, upsampler="none"` those for denoising, and with `window=7, input_range=255` for JPEG's artifacts.

    Windows begin at the image's top left corner, and every second block's are shifted by half a window; the parts of a
    shifted window that lie at opposite ends of the image do not see each other. Images that are no multiple of the
    window are reflected at the right and the bottom. Blocks are never skipped in training: the authors skip a tenth
    of them, at most, and note that it does not matter for super-resolution.
    """

    def __init__(
        self,
        scale: int = 4,
        features: int = 180,
        depths: str = "6-6-6-6-6-6",
        heads: int | str = "6",
        window: int = 8,
        mlp_ratio: float = 2,
        upsampler: str = "pixelshuffle",
        connection: str = "1conv",
        reconstruction_features: int = 64,
        input_range: float = 1,
        unshuffle: int = 1,
        image_channels: int = 3,
        **kwargs,
    ):
        """Builds the network.

        Args:
            scale: 1, 2, 3, 4 or 8.
            features: channels of the body, a multiple of every number of heads.
            depths: blocks in each group, as in "6-6-6-6".
            heads: of each group's attention, in the same notation; one number for all groups.
            window: side of the windows.
            mlp_ratio: how many times more features the blocks' perceptrons have inside.
            upsampler: "pixelshuffle" (classical), "pixelshuffledirect" (lightweight), "nearest+conv" (real images), or
                "none" at scale 1.
            connection: what ends each group and the body: "1conv" or "3conv".
            reconstruction_features: channels behind the body, with the first and the third upsampler.
            input_range: what white is inside the network, 1 or, in the authors' for JPEG, 255.
            unshuffle: side of the cells of pixels that become channels first: 1, 2 or 4.
            image_channels: of input and output: 1 (grey), 3 (RGB) or 4 (RGBA).
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, features, upsampler, connection, reconstruction_features, input_range, unshuffle,
                         image_channels, **kwargs)
        require_positive_integers(window=window)
        blocks = numbers(depths, "depths of SwinIR")
        counts = for_each_group(heads, len(blocks), "heads of SwinIR")
        if not 2 <= window <= 64 // unshuffle:
            raise UserError(f"window of SwinIR must be 2 to {64 // unshuffle}; got {window}")
        if any(features % count for count in counts):
            raise UserError(f"features of SwinIR must be a multiple of heads={heads}; got {features}")
        self.depths, self.heads, self.window, self.mlp_ratio = depths, heads, window, mlp_ratio
        hidden, dtype = hidden_features(features, mlp_ratio, "mlp_ratio"), self.dtype_policy
        self.multiple = window
        self.groups = [
            Group([SwinBlock(features, count, window, window // 2 * (block % 2), hidden, dtype=dtype)
                   for block in range(depth)], features, connection, dtype=dtype)
            for depth, count in zip(blocks, counts, strict=True)]
        self.finish(*self._reach(), window)

    def _reach(self) -> tuple[int, int]:
        """What a window's pixels depend on behind the head's convolution."""
        reach = self.reach_of_reconstruction()
        low, high = -reach, self.window - 1 + reach
        for group in reversed(self.groups):
            low, high = window_reach(low - group.end.radius, high + group.end.radius, self.window,
                                     [block.shift for block in reversed(group.blocks)])
        return low, high

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "depths": self.depths,
            "heads": self.heads,
            "window": self.window,
            "mlp_ratio": self.mlp_ratio,
        }


class SwinBlock(keras.layers.Layer):
    """Attention within windows, then a perceptron on each pixel, both residual (equation 7 to 9 and figure 2)."""

    def __init__(self, features: int, heads: int, window: int, shift: int, hidden: int, **kwargs):
        super().__init__(**kwargs)
        dtype, self.window, self.shift = self.dtype_policy, window, shift
        self.norm1, self.norm2 = layer_norm(features, dtype), layer_norm(features, dtype)
        self.attention = WindowAttention(features, heads, window, dtype=dtype)
        self.perceptron = Perceptron(features, hidden, dtype=dtype)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        shape, window, shift = ops.shape(x), self.window, self.shift
        y, apart = self.norm1(x), None
        if shift:
            y, apart = roll(y, shift, shift), shift_mask(shape, window, window, shift, shift)
        y = merge(self.attention(partition(y, window, window), apart), window, window, shape)
        x = x + (roll(y, -shift, -shift) if shift else y)
        return x + self.perceptron(self.norm2(x))


class WindowAttention(keras.layers.Layer):
    """Multi-head attention in each window, with a bias for each step between two pixels: [Nw,N,C] -> [Nw,N,C]."""

    def __init__(self, features: int, heads: int, window: int, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.scale = heads, (features // heads) ** -0.5
        self.joined, self.out = (dense(features, count * features, self.dtype_policy) for count in (3, 1))
        self.table = self.add_weight(((2 * window - 1) ** 2, heads), normal_fiftieth(), name="table")
        self.positions = relative_positions(window, window)
        self.built = True

    def call(self, windows: KerasTensor, apart: KerasTensor | None = None) -> KerasTensor:
        queries, keys, values = split_heads(on_tokens(self.joined, windows), 3, self.heads)
        bias = position_bias(self.table, self.positions)
        return on_tokens(self.out, join_heads(attention(queries * self.scale, keys, values, bias, apart)))
