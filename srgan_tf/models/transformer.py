"""What SwinIR and its successors share: everything but the blocks of their groups."""

import math
from itertools import accumulate
from operator import mul

import keras
import numpy as np
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.blocks import (
    SubpixelConv,
    conv,
    nearest_upsample,
    pixel_shuffle,
    pixel_unshuffle,
    upsampling_factors,
)
from srgan_tf.models.edsr import DIV2K_MEAN
from srgan_tf.models.generator import (
    IMAGES,
    Generator,
    receptive_radius,
    require_image_channels,
    require_number,
    require_positive_integers,
)
from srgan_tf.models.windows import layer_norm, reflect_to_multiple
from srgan_tf.settings import lookup

# How features become the image, and what the image's scale times `unshuffle` may be.
UPSAMPLERS = {"pixelshuffle": (1, 2, 3, 4, 8, 16), "pixelshuffledirect": range(1, 33), "nearest+conv": (2, 4, 8, 16),
              "none": (1,)}
# How many convolutions end each group and the body.
CONNECTIONS = {"1conv": 1, "3conv": 3}


class Transformer(Generator):
    """A convolution, groups of transformer blocks in a long skip, and a reconstruction of the image.

    A subclass adds its arguments and `groups`, layers [B,H,W,C] -> [B,H,W,C], then calls `finish`.

    Attributes:
        groups: the body.
        multiple: the network reflects images, after `unshuffle`, at the right and the bottom until their sides are
            multiples of it.
    """

    scales = (1, 2, 3, 4, 8)
    groups: list[keras.layers.Layer]
    multiple = 1

    def __init__(self, scale: int, features: int, upsampler: str, connection: str, reconstruction_features: int,
                 input_range: float, unshuffle: int, image_channels: int, **kwargs):
        """Checks the arguments and makes all layers but the groups; the subclasses say what they are."""
        super().__init__(scale, **kwargs)
        require_positive_integers(features=features, reconstruction_features=reconstruction_features)
        require_number(input_range=input_range)
        require_image_channels(image_channels)
        kind = type(self).__name__
        steps = lookup(UPSAMPLERS, upsampler, f"upsampler of {kind}")
        lookup(CONNECTIONS, connection, f"connection of {kind}")
        if isinstance(unshuffle, bool) or unshuffle not in (1, 2, 4) or (unshuffle > 1 and upsampler == "none"):
            raise UserError(f"unshuffle of {kind} must be 1, 2 or 4, and 1 without an upsampler; got {unshuffle!r}")
        if scale * unshuffle not in steps:
            raise UserError(f"upsampler {upsampler!r} of {kind} does not upscale by {scale * unshuffle}")
        self.features, self.upsampler, self.connection, self.unshuffle = features, upsampler, connection, unshuffle
        self.reconstruction_features, self.input_range = reconstruction_features, input_range
        self.image_channels, self.mean = image_channels, np.array(DIV2K_MEAN if image_channels == 3 else 0, "float32")
        dtype = self.dtype_policy
        self.head = conv(image_channels * unshuffle**2, features, dtype)
        self.norm_before, self.norm_after = layer_norm(features, dtype), layer_norm(features, dtype)
        self.body_end = Connection(features, connection, dtype=dtype)
        self._make_reconstruction(scale * unshuffle, dtype)

    def _make_reconstruction(self, factor: int, dtype: keras.DTypePolicy) -> None:
        inner, channels = self.reconstruction_features, self.image_channels
        self.upsampling, self.refine, stepwise = [], None, self.upsampler in ("pixelshuffle", "nearest+conv")
        factors = upsampling_factors(factor) if stepwise else ()
        self.before = conv(self.features, inner, dtype) if stepwise else None
        if self.upsampler == "pixelshuffle":
            self.upsampling = [SubpixelConv(inner, step, dtype=dtype) for step in factors]
        elif stepwise:
            self.upsampling = [conv(inner, inner, dtype) for _ in factors]
            self.refine = conv(inner, inner, dtype)
        if stepwise:
            self.tail = conv(inner, channels, "float32")
        else:
            self.tail = conv(self.features, channels * factor**2, "float32")

    def finish(self, low: int, high: int, side: int) -> None:
        """Sets the receptive radius and the alignment, and builds the model.

        Args:
            low: first row or column that the pixels 0..side - 1 depend on behind the head's convolution, in pixels
                after `unshuffle`.
            high: the last one.
            side: of the cells whose grid everything in the body keeps to.
        """
        reach = max(1 - low, high + 1 - (side - 1))
        self.alignment = side * self.unshuffle
        # In pixels after `unshuffle`; the first pixel of a cell sees all of the last one.
        self.receptive_radius = (reach + side) * self.unshuffle - 1
        self.build((*IMAGES[:3], self.image_channels))

    def reach_of_reconstruction(self) -> int:
        """How far the reconstruction and the body's last convolutions see, in pixels after `unshuffle`."""
        factor = self.scale * self.unshuffle
        at = list(accumulate(upsampling_factors(factor), mul, initial=1))
        path = {"pixelshuffle": [(1, 1), *((1, step) for step in at[:-1]), (1, factor)],
                "nearest+conv": [(1, 1), *((1, step) for step in at[1:]), (1, factor), (1, factor)]}
        path = path.get(self.upsampler, [(1, 1)])
        return receptive_radius(factor, [*[(1, 1)] * self.body_end.radius, *path])

    def call(self, inputs: KerasTensor) -> KerasTensor:
        _, height, width, _ = ops.shape(inputs)
        image = reflect_to_multiple(inputs, self.multiple * self.unshuffle)
        image = (image - self.mean) * self.input_range
        head = self.head(pixel_unshuffle(image, self.unshuffle))
        x = self.norm_before(head)
        for group in self.groups:
            x = group(x)
        x = self.reconstruct(head + self.body_end(self.norm_after(x)))
        x = (image + x if self.upsampler == "none" else x) / self.input_range + self.mean
        return x[:, : height * self.scale, : width * self.scale]

    def reconstruct(self, x: KerasTensor) -> KerasTensor:
        """[B,H,W,C] -> [B,rH,rW,image_channels], float32."""
        if self.upsampler in ("pixelshuffledirect", "none"):
            return pixel_shuffle(self.tail(x), self.scale * self.unshuffle)
        x = ops.leaky_relu(self.before(x), 0.01)
        if self.upsampler == "pixelshuffle":
            for upsample in self.upsampling:
                x = upsample(x)
            return self.tail(x)
        for convolution in self.upsampling:
            x = ops.leaky_relu(convolution(nearest_upsample(x, 2)), 0.2)
        return self.tail(ops.leaky_relu(self.refine(x), 0.2))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "features": self.features,
            "upsampler": self.upsampler,
            "connection": self.connection,
            "reconstruction_features": self.reconstruction_features,
            "input_range": self.input_range,
            "unshuffle": self.unshuffle,
            "image_channels": self.image_channels,
        }


class Connection(keras.layers.Layer):
    """What ends a residual path: a 3x3 convolution, or 3x3, 1x1, 3x3 with a quarter of the features inside.

    Attributes:
        radius: pixels that it sees on each side.
    """

    def __init__(self, features: int, kind: str, **kwargs):
        super().__init__(**kwargs)
        dtype, inner = self.dtype_policy, max(features // 4, 1)
        self.radius = 1 if kind == "1conv" else 2
        self.convolutions = [conv(features, features, dtype)] if kind == "1conv" else [
            conv(features, inner, dtype), conv(inner, inner, dtype, kernel_size=1), conv(inner, features, dtype)]
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        *first, last = self.convolutions
        for convolution in first:
            x = ops.leaky_relu(convolution(x), 0.2)
        return last(x)


class Group(keras.layers.Layer):
    """x + connection(blocks(x)).

    `blocks` are called with the feature maps and what `call` is given beside them.
    """

    def __init__(self, blocks: list[keras.layers.Layer], features: int, connection: str, **kwargs):
        super().__init__(**kwargs)
        self.blocks = blocks
        self.end = Connection(features, connection, dtype=self.dtype_policy)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        residual = x
        for block in self.blocks:
            residual = block(residual)
        return x + self.end(residual)


def numbers(value: int | str, what: str, most: int = 256) -> tuple[int, ...]:
    """Integers written as "6-6-2"; a single one may be an int.

    Raises:
        UserError: it is none of this; `what` is named.
    """
    texts = str(value).split("-")
    if isinstance(value, bool) or not all(text.isascii() and text.isdigit() and len(text) < 6 for text in texts):
        raise UserError(f"{what} must be positive integers as in 6-6-6-6; got {value!r}")
    found = tuple(map(int, texts))
    if min(found) < 1 or max(found) > most or len(found) > most:
        raise UserError(f"{what} must be 1 to {most} integers of 1 to {most}; got {value!r}")
    return found


def for_each_group(value: int | str, groups: int, what: str) -> tuple[int, ...]:
    """As `numbers`, one for each group; a single one is for all."""
    found = numbers(value, what)
    if len(found) not in (1, groups):
        raise UserError(f"{what} must be one integer, or one for each of {groups} groups; got {value!r}")
    return found * groups if len(found) == 1 else found


def hidden_features(features: int, ratio: float, what: str) -> int:
    """Features within a feed-forward network, `ratio` times those around it.

    Raises:
        UserError: there would be none, or too many; `what` is named.
    """
    require_number(**{what: ratio})
    hidden = math.floor(features * ratio + 1e-6)  # 49 times 1/49 is less than 1
    if not 1 <= hidden <= 65_536:
        raise UserError(f"{what} must give 1 to 65536 features of {features}; got {ratio!r}")
    return hidden
