"""SPAN, the swift parameter-free attention network, in the form that is trained and the form that runs."""

import keras
import numpy as np
from keras import KerasTensor, ops

from srgan_tf.models.blocks import conv, conv_of_joined, pixel_shuffle
from srgan_tf.models.edsr import DIV2K_MEAN
from srgan_tf.models.generator import (
    IMAGES,
    Generator,
    receptive_radius,
    require_booleans,
    require_number,
    require_positive_integers,
)

GAIN = 2  # widening of the convolutions within a re-parametrised one; the authors use no other


@keras.saving.register_keras_serializable("srgan_tf")
class SPAN(Generator):
    """SPAN (Wan et al., arXiv 2311.12770).

    Blocks of three 3x3 convolutions, whose output is weighed by a symmetric function of itself: attention without
    parameters. Four feature maps are joined, and one pixel shuffle makes the image. Every 3x3 convolution but the last
    is trained re-parametrised (`Conv3XC`) and folded into a plain one for inference: x4 has 1,840,488 trainable
    parameters in training and 426,288 folded. (The authors' files hold both, 2,236,728 numbers.)
    """

    scales = (1, 2, 3, 4, 8)

    def __init__(
        self,
        scale: int = 4,
        features: int = 48,
        blocks: int = 6,
        normalized: bool = True,
        input_range: float = 255,
        folded: bool = False,
        **kwargs,
    ):
        """Builds the network.

        Args:
            scale: 1, 2, 3, 4 or 8.
            features: channels throughout; the authors publish 48 and 52.
            blocks: blocks with attention.
            normalized: whether the network sees images less DIV2K's mean and times `input_range`, as the authors' does;
                many networks of the community see them as they are.
            input_range: of normalized images, 255 in the authors' code.
            folded: whether the 3x3 convolutions are plain ones.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, **kwargs)
        require_positive_integers(features=features, blocks=blocks)
        require_booleans(normalized=normalized, folded=folded)
        require_number(input_range=input_range)
        self.features, self.blocks, self.folded = features, blocks, folded
        self.normalized, self.input_range = normalized, input_range
        dtype = self.dtype_policy
        self.head = conv_3x3(3, features, folded, dtype)
        self.body = [AttentionBlock(features, folded, dtype=dtype) for _ in range(blocks)]
        self.body_end = conv_3x3(features, features, folded, dtype)
        self.join = conv(4 * features, features, dtype, kernel_size=1)
        self.tail = conv(features, 3 * scale**2, "float32")
        self.receptive_radius = receptive_radius(scale, [(1, 1)] * (3 * blocks + 3))
        self.build(IMAGES)

    def call(self, inputs: KerasTensor) -> KerasTensor:
        return self.after_head(self.features_of(inputs))

    def features_of(self, images: KerasTensor) -> KerasTensor:
        """What the first convolution makes of images: [B,H,W,3] -> [B,H,W,features]."""
        if self.normalized:
            images = (images - np.array(DIV2K_MEAN, "float32")) * self.input_range
        return self.head(images)

    def after_head(self, head: KerasTensor) -> KerasTensor:
        """The images [B,sH,sW,3] of `features_of`."""
        x, outputs = head, []
        for block in self.body:
            x, first = block(x)
            outputs.append(x)
        x = conv_of_joined(self.join, [head, self.body_end(x), outputs[0], first])
        return pixel_shuffle(self.tail(x), self.scale)

    def adopt(self, other: Generator) -> str:
        """Of one of a multiple of the scale too: the averages of its image's pixels. Folded, of one that is not."""
        other = other.fold() if self.folded and type(other) is SPAN else other
        if taken := super().adopt(other):
            return taken
        if type(other) is not SPAN or {**other.get_config(), "scale": self.scale} != self.get_config():
            return ""
        if other.scale % self.scale:
            return ""
        cell, most = other.scale // self.scale, self.scale
        *weights, kernel, bias = other.get_weights()
        tail = [part.reshape(*part.shape[:-1], most, cell, most, cell, 3).mean((-4, -2)) for part in (kernel, bias)]
        self.set_weights([*weights, *(part.reshape(*part.shape[:-3], -1) for part in tail)])
        return f"x{other.scale}, averaged to x{self.scale}"

    def fold(self) -> "SPAN":
        """The same network with plain 3x3 convolutions; itself where it has them."""
        if self.folded:
            return self
        twin = type(self)(**{**self.get_config(), "folded": True}, name=self.name, dtype=self.dtype_policy)
        for plain, trained in zip(twin.convolutions(), self.convolutions(), strict=True):
            plain.set_weights([ops.convert_to_numpy(part) for part in trained.fold()])
        for name in ("join", "tail"):
            getattr(twin, name).set_weights(getattr(self, name).get_weights())
        return twin

    def convolutions(self) -> list[keras.layers.Layer]:
        """The 3x3 convolutions that have two forms, in order."""
        return [self.head, *(layer for block in self.body for layer in block.convolutions), self.body_end]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "features": self.features,
            "blocks": self.blocks,
            "normalized": self.normalized,
            "input_range": self.input_range,
            "folded": self.folded,
        }


def conv_3x3(channels: int, filters: int, folded: bool, dtype: str | keras.DTypePolicy) -> keras.layers.Layer:
    """A 3x3 convolution in the form for inference or for training."""
    return conv(channels, filters, dtype) if folded else Conv3XC(channels, filters, dtype=dtype)


def silu(x: KerasTensor) -> KerasTensor:
    """SiLU, x sigmoid(x). TensorFlow's own has a gradient that a SavedModel cannot hold."""
    return x * ops.sigmoid(x)


class AttentionBlock(keras.layers.Layer):
    """(y + x) (sigmoid(y) - 1/2), where y is three convolutions of x, the paper's SPAB.

    Returns the output, and what the first convolution's activation gives. (Their code returns the convolution's own
    output, which the activation then overwrites in place.)
    """

    def __init__(self, features: int, folded: bool, **kwargs):
        super().__init__(**kwargs)
        self.convolutions = [conv_3x3(features, features, folded, self.dtype_policy) for _ in range(3)]
        self.built = True

    def call(self, x: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
        first = silu(self.convolutions[0](x))
        y = self.convolutions[2](silu(self.convolutions[1](first)))
        return (y + x) * (ops.sigmoid(y) - 0.5), first


class Conv3XC(keras.layers.Layer):
    """A 3x3 convolution re-parametrised as 1x1, 3x3, 1x1, the middle wider, and a 1x1 beside them.

    All are linear, so that their kernels are multiplied on each call and the image is convolved once: outputs and
    gradients are those of the authors' code, which convolves four times in training, and the edges too, because the
    image's zero padding goes around the first 1x1 convolution there. The multiplication is in float32
    under every policy.
    """

    def __init__(self, channels: int, filters: int, **kwargs):
        # Autocasting would round the kernels before they are multiplied.
        super().__init__(autocast=False, **kwargs)
        dtype = self.dtype_policy
        self.skip = conv(channels, filters, dtype, kernel_size=1)
        self.widen = conv(channels, GAIN * channels, dtype, kernel_size=1)
        self.spread = conv(GAIN * channels, GAIN * filters, dtype)
        self.narrow = conv(GAIN * filters, filters, dtype, kernel_size=1)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        kernel, bias = (ops.cast(part, self.compute_dtype) for part in self.fold())
        return ops.conv(ops.cast(x, self.compute_dtype), kernel, padding="same") + bias

    def fold(self) -> tuple:
        """Kernel [3,3,in,out] and bias [out] of the one convolution."""
        skip, widen, narrow = (layer.kernel[0, 0] for layer in (self.skip, self.widen, self.narrow))
        spread = ops.matmul(self.spread.kernel, narrow)  # [3,3,G in,G out] -> [3,3,G in,out]
        kernel = ops.matmul(widen, spread) + ops.pad(skip[None, None], ((1, 1), (1, 1), (0, 0), (0, 0)))
        bias = ops.matmul(self.widen.bias, ops.sum(spread, (0, 1))) + ops.matmul(self.spread.bias, narrow)
        return kernel, bias + self.narrow.bias + self.skip.bias
