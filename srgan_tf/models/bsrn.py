"""BSRN, the blueprint separable residual network."""

import keras
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.blocks import bilinear_resize, built, conv, mirror_to_least, pixel_shuffle
from srgan_tf.models.generator import IMAGES, Generator, receptive_radius, require_positive_integers
from srgan_tf.models.plksr import gelu

COPIES = 4  # of the image, which the first convolution reads
LEAST_SIDE = 15  # of what the spatial attention can reduce by 2 and by 3 behind a window of 7


@keras.saving.register_keras_serializable("srgan_tf")
class BSRN(Generator):
    """BSRN (Li et al., arXiv 2205.05996, section 3 and figures 2 and 3): 352,400 trainable parameters at x4.

    Blocks that distil features by separable convolutions, 1x1 and then depthwise 3x3, and weigh them twice: by place
    (ESA) and by channel and contrast (CCA). All blocks' outputs are joined, and one pixel shuffle makes the image.

    CCA's means and deviations are those of the whole image, and ESA's steps begin at its top left, so that every pixel
    depends on every other one; `receptive_radius` is that of the convolutions outside of the attention. The authors'
    code does not take images of fewer than 15 pixels a side; here they are mirrored until they have as many.
    """

    def __init__(self, scale: int = 4, features: int = 64, blocks: int = 8, reduction: int = 16, **kwargs):
        """Builds the network.

        Args:
            scale: 2, 3, 4 or 8.
            features: channels throughout, a multiple of 4 and of `reduction`.
            blocks: how many.
            reduction: how many times fewer channels CCA has in between.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, **kwargs)
        require_positive_integers(features=features, blocks=blocks, reduction=reduction)
        if features % 4 or features % reduction:
            raise UserError(f"features of BSRN must be a multiple of 4 and of reduction={reduction}; got {features}")
        self.features, self.blocks, self.reduction = features, blocks, reduction
        dtype = self.dtype_policy
        self.head = SeparableConv(3 * COPIES, features, dtype=dtype)
        self.body = [DistillationBlock(features, reduction, dtype=dtype) for _ in range(blocks)]
        self.join = conv(blocks * features, features, dtype, kernel_size=1)
        self.body_end = SeparableConv(features, features, dtype=dtype)
        self.tail = conv(features, 3 * scale**2, "float32")
        self.receptive_radius = receptive_radius(scale, [(1, 1)] * (4 * blocks + 3))
        self.whole_image_bytes = 8 * (blocks + 4) * features
        self.build(IMAGES)

    def call(self, inputs: KerasTensor) -> KerasTensor:
        _, height, width, _ = ops.shape(inputs)
        head = self.head(ops.concatenate([mirror_to_least(inputs, LEAST_SIDE)] * COPIES, axis=-1))
        x, outputs = head, []
        for block in self.body:
            x = block(x)
            outputs.append(x)
        x = head + self.body_end(gelu(self.join(ops.concatenate(outputs, axis=-1))))
        return pixel_shuffle(self.tail(x)[:, :height, :width], self.scale)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "features": self.features,
            "blocks": self.blocks,
            "reduction": self.reduction,
        }


class SeparableConv(keras.layers.Layer):
    """A 1x1 convolution without bias and a depthwise 3x3 one, the paper's BSConv (section 3.2)."""

    def __init__(self, channels: int, filters: int, strides: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.pointwise = conv(channels, filters, self.dtype_policy, kernel_size=1, use_bias=False)
        # PyTorch's default, from which the authors train: its fan-in is that of the one channel.
        uniform = keras.initializers.RandomUniform(-1 / 3, 1 / 3)
        self.depthwise = built(filters, keras.layers.DepthwiseConv2D(
            3, strides, padding="same" if strides == 1 else "valid", depthwise_initializer=uniform,
            dtype=self.dtype_policy))
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        return self.depthwise(self.pointwise(x))


class DistillationBlock(keras.layers.Layer):
    """The paper's ESDB (figure 2b): three steps that each keep half of the channels, joined and weighed."""

    def __init__(self, features: int, reduction: int, **kwargs):
        super().__init__(**kwargs)
        dtype, half = self.dtype_policy, features // 2
        self.distilled = [conv(features, half, dtype, kernel_size=1) for _ in range(3)]
        self.refined = [SeparableConv(features, features, dtype=dtype) for _ in range(3)]
        self.last = SeparableConv(features, half, dtype=dtype)
        self.join = conv(4 * half, features, dtype, kernel_size=1)
        self.spatial = SpatialAttention(features, dtype=dtype)
        self.contrast = ContrastAttention(features, reduction, dtype=dtype)
        self.built = True

    def call(self, inputs: KerasTensor) -> KerasTensor:
        x, kept = inputs, []
        for distil, refine in zip(self.distilled, self.refined, strict=True):
            kept.append(gelu(distil(x)))
            x = gelu(refine(x) + x)
        joined = self.join(ops.concatenate([*kept, gelu(self.last(x))], axis=-1))
        return inputs + self.contrast(self.spatial(joined))


class SpatialAttention(keras.layers.Layer):
    """ESA: x times a map that is made at a sixth of its resolution (figure 3, and arXiv 2009.11551, section 3.3)."""

    def __init__(self, features: int, **kwargs):
        super().__init__(**kwargs)
        dtype, few = self.dtype_policy, features // 4
        self.squeeze = conv(features, few, dtype, kernel_size=1)
        self.skip = conv(few, few, dtype, kernel_size=1)
        self.reduce = SeparableConv(few, few, strides=2, dtype=dtype)
        self.coarse = [SeparableConv(few, few, dtype=dtype) for _ in range(3)]
        self.excite = conv(few, features, dtype, kernel_size=1)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        squeezed = self.squeeze(x)
        coarse = ops.max_pool(self.reduce(squeezed), 7, 3, "valid")
        first, second, third = self.coarse
        coarse = third(gelu(second(gelu(first(coarse)))))
        fine = bilinear_resize(coarse, *ops.shape(x)[1:3])
        return x * ops.sigmoid(self.excite(fine + self.skip(squeezed)))


class ContrastAttention(keras.layers.Layer):
    """CCA: x times what a small network makes of each channel's mean and deviation (arXiv 1909.11856, section 3.3)."""

    def __init__(self, features: int, reduction: int, **kwargs):
        super().__init__(**kwargs)
        self.squeeze = conv(features, features // reduction, self.dtype_policy, kernel_size=1)
        self.excite = conv(features // reduction, features, self.dtype_policy, kernel_size=1)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        exact = ops.cast(x, "float32")
        mean = ops.mean(exact, axis=(1, 2), keepdims=True)  # [B,H,W,C] -> [B,1,1,C]
        variance = ops.mean(ops.square(exact - mean), axis=(1, 2), keepdims=True)
        statistics = mean + ops.sqrt(variance + 1e-12)  # a root of 0 has no gradient
        return x * ops.sigmoid(self.excite(ops.relu(self.squeeze(ops.cast(statistics, x.dtype)))))
