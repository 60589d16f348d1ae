"""Pieces shared by the architectures: convolutions, residual blocks and changes of resolution.

Tensors are NHWC. Layers take the dtype policy of the model that owns them, so that nothing here depends on Keras'
global policy.
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import KerasTensor, ops

from srgan_tf.models.sizes import count_layer

Initializer = Callable[[], keras.initializers.Initializer]


def pytorch_uniform() -> keras.initializers.Initializer:
    """PyTorch's default for convolution kernels, uniform with variance 1 / (3 fan_in).

    The reference implementations were trained from it. Under it a residual block without normalisation raises the
    variance of its input by a twentieth; under MSRA it would triple it, 16 blocks in a row.
    """
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def msra_tenth() -> keras.initializers.Initializer:
    """MSRA (He) normal times 0.1, the "smaller initialization" of the ESRGAN paper, section 3.1."""
    return keras.initializers.VarianceScaling(2 * 0.1**2, "fan_in", "untruncated_normal")


def msra() -> keras.initializers.Initializer:
    """MSRA (He) normal (arXiv 1502.01852, section 2.2)."""
    return keras.initializers.VarianceScaling(2, "fan_in", "untruncated_normal")


def msra_prelu() -> keras.initializers.Initializer:
    """He normal for PReLU, whose slopes start at 0.25 (arXiv 1502.01852, Eq. 15)."""
    return keras.initializers.VarianceScaling(2 / (1 + 0.25**2), "fan_in", "untruncated_normal")


def normal_thousandth() -> keras.initializers.Initializer:
    """Normal with a standard deviation of 0.001, from which SRCNN and FSRCNN's last layer start."""
    return keras.initializers.RandomNormal(stddev=0.001)


def conv(
    channels: int,
    filters: int,
    dtype: str | keras.DTypePolicy,
    *,
    kernel_size: int = 3,
    strides: int = 1,
    use_bias: bool = True,
    initializer: Initializer = pytorch_uniform,
) -> keras.layers.Conv2D:
    """A zero-padded ("same") convolution with zero biases, whose weights exist at once.

    Left to its first call, Keras would find out the shapes of nested layers by tracing them over and over: the 351
    convolutions of RRDB would take eight seconds to make.

    Args:
        channels: input channels.
        filters: output channels.
        dtype: dtype policy of the layer.
        kernel_size: side of the square kernel.
        strides: step in both directions.
        use_bias: whether it has a bias.
        initializer: makes the kernel's initializer; a maker, because one initializer gives every kernel of the same
            shape the same numbers.
    """
    layer = keras.layers.Conv2D(
        filters, kernel_size, strides, padding="same", use_bias=use_bias, kernel_initializer=initializer(), dtype=dtype)
    return built(channels, layer)


def built(channels: int, layer: keras.layers.Layer) -> keras.layers.Layer:
    """The layer, with weights for an NHWC input of that many channels."""
    count_layer()
    layer.build((None, None, None, channels))
    return layer


def batch_norm(channels: int, dtype: str | keras.DTypePolicy) -> keras.layers.BatchNormalization:
    """Batch normalisation with the constants of PyTorch, in which the reference implementations train.

    Keras' own are an epsilon of 1e-3, with which imported weights would compute something else, and a momentum of
    0.99, which needs hundreds of steps before the statistics that validation uses mean anything. Keras hands the
    model's `training` argument down to it through the layers in between.
    """
    return built(channels, keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, dtype=dtype))


class GroupNormalization(keras.layers.Layer):
    """Group normalisation over the whole image, [B,H,W,C] -> [B,H,W,C] (Wu and He, arXiv 1803.08494, section 3.1).

    With PyTorch's epsilon, and with tensors of at most four dimensions, as Keras' own has not: LiteRT's operations take
    no more. The statistics are float32 under every policy.
    """

    def __init__(self, channels: int, groups: int, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.groups = groups
        self.gamma = self.add_weight(shape=(channels,), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(channels,), initializer="zeros", name="beta")
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        mean = self._group_means(ops.cast(x, "float32"))
        variance = self._group_means(ops.square(ops.cast(x, "float32") - mean))
        factor = self.gamma / ops.sqrt(variance + 1e-5)
        return x * ops.cast(factor, x.dtype) + ops.cast(self.beta - mean * factor, x.dtype)

    def _group_means(self, x: KerasTensor) -> KerasTensor:
        """[B,H,W,C] -> [B,1,1,C], each group's mean for every channel of it."""
        channels = x.shape[-1]
        means = ops.reshape(ops.mean(x, axis=(1, 2)), (-1, self.groups, channels // self.groups))
        means = ops.mean(means, axis=2, keepdims=True) * ops.ones((1, 1, channels // self.groups))
        return ops.reshape(means, (-1, 1, 1, channels))


def conv_of_joined(layer: keras.layers.Conv2D, maps: list) -> KerasTensor:
    """A convolution of several feature maps, their channels behind each other: [B,H,W,C] each."""
    return layer(ops.concatenate(maps, axis=-1))


def pixel_shuffle(x: KerasTensor, factor: int) -> KerasTensor:
    """Trades channels for resolution: [B,H,W,r^2 C] -> [B,rH,rW,C].

    Input channel (i r + j) C + c becomes channel c of the pixel in row i, column j of each r x r cell, as in
    TensorFlow's depth_to_space; PyTorch's pixel_shuffle reads it from channel c r^2 + i r + j, so that kernels which
    come from there are permuted once, when they are imported.

    With this order one 4-D transpose is enough, as fast on a CPU as TensorFlow's own kernel, on every backend and
    dtype, and three built-in operations in TFLite. (keras.ops.depth_to_space is younger than the oldest Keras in use.)
    """
    if factor == 1:
        return x
    batch, height, width, channels = ops.shape(x)
    x = ops.reshape(x, (batch * height, width, factor, channels // factor))  # [BH,W,r,rC]: a pixel's rows apart
    x = ops.transpose(x, (0, 2, 1, 3))  # [BH,W,r,rC] -> [BH,r,W,rC]
    return ops.reshape(x, (batch, height * factor, width * factor, channels // factor**2))


def pixel_unshuffle(x: KerasTensor, factor: int) -> KerasTensor:
    """Undoes `pixel_shuffle`, trading resolution for channels: [B,rH,rW,C] -> [B,H,W,r^2 C].

    The pixel in row i, column j of each r x r cell becomes channels (i r + j) C + c, as in TensorFlow's space_to_depth.
    PyTorch's pixel_unshuffle puts it into channels c r^2 + i r + j: kernels which come from there and read the result
    are permuted once along their input channels, when they are imported.
    """
    if factor == 1:
        return x
    batch, height, width, channels = ops.shape(x)
    height, width = height // factor, width // factor
    x = ops.reshape(x, (batch * height, factor, width, factor * channels))  # [BH,r,W,rC]: a cell's rows apart
    x = ops.transpose(x, (0, 2, 1, 3))  # [BH,r,W,rC] -> [BH,W,r,rC]
    return ops.reshape(x, (batch, height, width, factor**2 * channels))


def mirror_to_multiple(x: KerasTensor, multiple: int) -> KerasTensor:
    """Mirrors an image at its right and bottom edges until its sides are multiples: [B,H,W,C] -> [B,mH',mW',C].

    The edge pixel is repeated, and images of one pixel are filled too, which ops.pad would refuse.
    """
    for axis in (1, 2):
        size = ops.shape(x)[axis]
        if multiple == 1 or (isinstance(size, int) and size % multiple == 0):
            continue
        place = ops.arange((size + multiple - 1) // multiple * multiple) % (2 * size)
        x = ops.take(x, ops.minimum(place, 2 * size - 1 - place), axis=axis)
    return x


def mirror_to_least(x: KerasTensor, least: int) -> KerasTensor:
    """Mirrors an image at its right and bottom edges until no side is shorter than `least`: [B,H,W,C]."""
    for axis in (1, 2):
        size = ops.shape(x)[axis]
        if isinstance(size, int) and size >= least:
            continue
        place = ops.arange(max(size, least) if isinstance(size, int) else ops.maximum(size, least)) % (2 * size)
        x = ops.take(x, ops.minimum(place, 2 * size - 1 - place), axis=axis)
    return x


def bilinear_resize(x: KerasTensor, height: int, width: int) -> KerasTensor:
    """Bilinear interpolation to any size, which a graph may not know yet: [B,h,w,C] -> [B,height,width,C].

    Half-pixel centres, replicated edges, and no antialiasing, as PyTorch's interpolate(..., "bilinear").
    """
    for axis, size in ((1, height), (2, width)):
        there = ops.shape(x)[axis]
        step = ops.cast(there, "float32") / ops.cast(size, "float32")
        place = ops.maximum((ops.arange(size, dtype="float32") + 0.5) * step - 0.5, 0.0)
        first = ops.minimum(ops.cast(ops.floor(place), "int32"), there - 1)
        second = ops.minimum(first + 1, there - 1)
        share = ops.cast(place - ops.cast(first, "float32"), x.dtype)
        share = ops.reshape(share, (1, -1, 1, 1) if axis == 1 else (1, 1, -1, 1))
        x = ops.take(x, first, axis=axis) * (1 - share) + ops.take(x, second, axis=axis) * share
    return x


def nearest_upsample(x: KerasTensor, factor: int) -> KerasTensor:
    """Repeats every pixel `factor` times in both directions: [B,H,W,C] -> [B,rH,rW,C].

    A pixel shuffle of r^2 copies, because ops.repeat leads through 5-D tensors in TFLite.
    """
    return pixel_shuffle(ops.concatenate([x] * factor**2, axis=-1), factor)


def bilinear_upsample(x: KerasTensor, factor: int) -> KerasTensor:
    """Bilinear interpolation with half-pixel centres and replicated edges: [B,H,W,C] -> [B,rH,rW,C].

    Equals PyTorch's interpolate(..., "bilinear", align_corners=False). Written as a fixed convolution, because
    ops.image.resize refuses sizes that are unknown when a graph is traced.
    """
    offsets = (np.arange(factor) + 0.5) / factor - 0.5
    taps = np.maximum(0, 1 - np.abs(np.array([-1, 0, 1])[:, None] - offsets))  # [3,r]: the weight of each neighbour
    channels = x.shape[-1]
    kernel = np.einsum("yi,xj,cd->yxcijd", taps, taps, np.eye(channels)).reshape(3, 3, channels, -1)
    x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    return pixel_shuffle(ops.conv(x, ops.convert_to_tensor(kernel, x.dtype), padding="valid"), factor)


def bilinear_double(x: KerasTensor) -> KerasTensor:
    """What `bilinear_upsample` does by 2, as sums of shifted maps: [B,H,W,C] -> [B,2H,2W,C].

    With hundreds of channels its convolution, dense over them, would cost more than the rest of the network; and unlike
    ops.image.resize this has a second derivative, which gradient penalties need.
    """
    for axis in (1, 2):
        def cut(start: int | None, stop: int | None, axis: int = axis, x: KerasTensor = x) -> KerasTensor:
            return x[:, start:stop] if axis == 1 else x[:, :, start:stop]

        batch, height, width, channels = ops.shape(x)
        before = ops.concatenate([cut(0, 1), cut(0, -1)], axis=axis)
        after = ops.concatenate([cut(1, None), cut(-1, None)], axis=axis)
        x = ops.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis=axis + 1)
        shape = (batch, 2 * height, width, channels) if axis == 1 else (batch, height, 2 * width, channels)
        x = ops.reshape(x, shape)  # the two new rows, or columns, of each old one side by side
    return x


def bicubic_upsample(x: KerasTensor, factor: int) -> KerasTensor:
    """MATLAB's bicubic upscaling (Keys's kernel, a = -1/2): [B,H,W,C] -> [B,rH,rW,C].

    A fixed convolution, as in `bilinear_upsample`. Edges are replicated, as in the MATLAB of the papers.
    """
    if factor == 1:
        return x
    offsets = (np.arange(factor) + 0.5) / factor - 0.5
    far = np.abs(np.arange(-2, 3)[:, None] - offsets)  # [5,r]: the distance of each neighbour
    taps = np.where(far <= 1, 1.5 * far**3 - 2.5 * far**2 + 1,
                    np.where(far <= 2, -0.5 * far**3 + 2.5 * far**2 - 4 * far + 2, 0))
    channels = x.shape[-1]
    kernel = np.einsum("yi,xj,cd->yxcijd", taps, taps, np.eye(channels)).reshape(5, 5, channels, -1)
    x = replicate_edges(x, 2)
    return pixel_shuffle(ops.conv(x, ops.convert_to_tensor(kernel, x.dtype), padding="valid"), factor)


def replicate_edges(x: KerasTensor, width: int) -> KerasTensor:
    """Repeats the edge's pixels `width` times outside it: [B,H,W,C] -> [B,H+2w,W+2w,C].

    Slices are put there instead of a pad, which some of LiteRT's delegates do not take.
    """
    x = ops.concatenate([x[:, :1]] * width + [x] + [x[:, -1:]] * width, axis=1)
    return ops.concatenate([x[:, :, :1]] * width + [x] + [x[:, :, -1:]] * width, axis=2)


def upsampling_factors(scale: int) -> tuple[int, ...]:
    """The steps in which the networks reach `scale`: doublings, or one step by 3; none for 1."""
    return (3,) if scale == 3 else (2,) * (scale.bit_length() - 1)


def prelu(channels: int, dtype: str | keras.DTypePolicy, scalar: bool = False) -> keras.layers.PReLU:
    """PReLU with one slope a channel or one in all, starting at 0.25 (He et al., arXiv 1502.01852, section 2)."""
    shared_axes = [1, 2, 3] if scalar else [1, 2]
    layer = keras.layers.PReLU(keras.initializers.Constant(0.25), shared_axes=shared_axes, dtype=dtype)
    return built(channels, layer)


class SubpixelConv(keras.layers.Layer):
    """A convolution and a pixel shuffle, [B,H,W,C] -> [B,rH,rW,features] (ESPCN, arXiv 1609.05158)."""

    def __init__(self, features: int, factor: int, initializer: Initializer = pytorch_uniform, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.conv = conv(features, features * factor**2, self.dtype_policy, initializer=initializer)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        return pixel_shuffle(self.conv(x), self.factor)


class ResidualBlock(keras.layers.Layer):
    """x + residual_scale conv(relu(conv(x))), without normalisation (EDSR, arXiv 1707.02921, figure 2c)."""

    def __init__(
        self, features: int, residual_scale: float = 1.0, initializer: Initializer = pytorch_uniform, **kwargs
    ):
        super().__init__(**kwargs)
        self.residual_scale = residual_scale
        self.conv1 = conv(features, features, self.dtype_policy, initializer=initializer)
        self.conv2 = conv(features, features, self.dtype_policy, initializer=initializer)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        residual = self.conv2(ops.relu(self.conv1(x)))
        return x + residual if self.residual_scale == 1 else x + self.residual_scale * residual
