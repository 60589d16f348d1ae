"""PLKSR, partial large kernels, and RealPLKSR."""

import keras
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.blocks import GroupNormalization, built, conv, pixel_shuffle
from srgan_tf.models.dysample import DySample
from srgan_tf.models.generator import (
    IMAGES,
    Generator,
    receptive_radius,
    require_booleans,
    require_positive_integers,
)
from srgan_tf.settings import lookup

MIXERS = {"ccm": (3, 1), "iccm": (1, 3), "dccm": (3, 3)}  # kernel sizes of the channel mixer
UPSAMPLERS = ("pixel_shuffle", "dysample")
NORMS = ("none", "group", "layer")


@keras.saving.register_keras_serializable("srgan_tf")
class PLKSR(Generator):
    """PLKSR (Lee et al., arXiv 2404.11848, section 3 and figure 2), and the community's RealPLKSR.

    Each block mixes the channels, convolves some of them with one large kernel, and weighs the result pixel by pixel.
    The defaults are the paper's network, 7,386,096 trainable parameters at x4; `blocks=12, kernel_size=13,
    attention=False` are PLKSR-tiny, 2,370,544. `activation="mish", norm="group"` are RealPLKSR, 7,389,680, which the
    authors made with neosr for images as they are found; others of its kind have `norm="layer"`, or DySample.

    Group normalisation takes its averages over the whole image, so that every pixel depends on every other one;
    `receptive_radius` is that of the convolutions alone.
    """

    scales = (1, 2, 3, 4, 8)

    def __init__(
        self,
        scale: int = 4,
        features: int = 64,
        blocks: int = 28,
        kernel_size: int = 17,
        large_features: int = 16,
        mixer: str = "dccm",
        activation: str = "gelu",
        norm: str = "none",
        norm_groups: int = 4,
        attention: bool = True,
        upsampler: str = "pixel_shuffle",
        **kwargs,
    ):
        """Builds the network.

        Args:
            scale: 1, 2, 3, 4 or 8.
            features: channels throughout.
            blocks: how many.
            kernel_size: side of the large kernel, odd.
            large_features: channels that it convolves.
            mixer: of the channels, two convolutions, twice as wide in between: of 3x3 and 1x1 (ccm), 1x1 and 3x3 (iccm)
                or 3x3 both (dccm, as published).
            activation: between them: gelu or mish.
            norm: of a block: none; group, of its result; layer, of its input and each pixel by itself.
            norm_groups: groups of channels of group normalisation.
            attention: whether blocks weigh each number by what a 3x3 convolution makes of its surroundings.
            upsampler: pixel_shuffle or dysample.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, **kwargs)
        require_positive_integers(features=features, blocks=blocks, kernel_size=kernel_size,
                                  large_features=large_features, norm_groups=norm_groups)
        require_booleans(attention=attention)
        self.features, self.blocks, self.kernel_size = features, blocks, kernel_size
        self.large_features = large_features
        self.mixer, self.activation, self.norm, self.norm_groups = mixer, activation, norm, norm_groups
        self.attention, self.upsampler = attention, upsampler
        self._check()
        dtype = self.dtype_policy
        self.head = conv(3, features, dtype, initializer=truncated)
        self.body = [PartialBlock(self, dtype=dtype) for _ in range(blocks)]
        self.tail = conv(features, 3 * scale**2, "float32", initializer=truncated)
        self.sampler = DySample(scale, dtype=dtype) if upsampler == "dysample" else None
        radius = sum(side // 2 for side in MIXERS[mixer]) + kernel_size // 2 + attention
        self.receptive_radius = receptive_radius(scale, [(1, 1), *[(radius, 1)] * blocks, (1, 1)])
        if norm == "group":
            self.whole_image_bytes = 64 * features + (DySample.pixel_bytes * scale**2 if self.sampler else 0)
        self.build(IMAGES)

    def _check(self) -> None:
        lookup(MIXERS, self.mixer, "mixer of PLKSR")
        lookup(ACTIVATIONS, self.activation, "activation of PLKSR")
        lookup(dict.fromkeys(NORMS), self.norm, "norm of PLKSR")
        lookup(dict.fromkeys(UPSAMPLERS), self.upsampler, "upsampler of PLKSR")
        if self.kernel_size % 2 == 0:
            raise UserError(f"kernel_size of PLKSR must be odd; got {self.kernel_size}")
        if self.large_features > self.features:
            raise UserError(f"large_features of PLKSR must be at most features={self.features}; got "
                            f"{self.large_features}")
        if self.norm == "group" and self.features % self.norm_groups:
            raise UserError(f"features of PLKSR must be a multiple of norm_groups={self.norm_groups}; got "
                            f"{self.features}")
        if self.upsampler == "dysample" and self.scale == 1:
            raise UserError("upsampler of PLKSR must be pixel_shuffle for scale 1; got 'dysample'")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        x = self.head(inputs)
        for block in self.body:
            x = block(x)
        x = self.tail(x) + ops.concatenate([inputs] * self.scale**2, axis=-1)  # every pixel r^2 times
        return self.sampler(x) if self.sampler else pixel_shuffle(x, self.scale)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "features": self.features,
            "blocks": self.blocks,
            "kernel_size": self.kernel_size,
            "large_features": self.large_features,
            "mixer": self.mixer,
            "activation": self.activation,
            "norm": self.norm,
            "norm_groups": self.norm_groups,
            "attention": self.attention,
            "upsampler": self.upsampler,
        }


def truncated() -> keras.initializers.Initializer:
    """Normal with a standard deviation of 0.02, from which the authors' code starts most kernels."""
    return keras.initializers.TruncatedNormal(stddev=0.02)


def gelu(x: KerasTensor) -> KerasTensor:
    """GELU, x times the normal distribution's integral up to x."""
    return ops.gelu(x, approximate=False)


def mish(x: KerasTensor) -> KerasTensor:
    """Mish, x tanh(log(1 + exp x)), by one exponential: with e = exp x, the tanh is e (e + 2) / (e (e + 2) + 2)."""
    power = ops.exp(ops.minimum(x, 20))  # from there on the quotient is 1
    ratio = power * (power + 2)
    return x * (ratio / (ratio + 2))


ACTIVATIONS = {"gelu": gelu, "mish": mish}


class PartialBlock(keras.layers.Layer):
    """A residual block: channel mixer, large kernel, attention, 1x1 convolution (figure 2); normalised in RealPLKSR."""

    def __init__(self, network: PLKSR, **kwargs):
        super().__init__(**kwargs)
        features, dtype = network.features, self.dtype_policy
        first, last = MIXERS[network.mixer]
        self.activation, self.large_features = ACTIVATIONS[network.activation], network.large_features
        self.layer_norm = built(features, keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype)) \
            if network.norm == "layer" else None
        self.widen = conv(features, 2 * features, dtype, kernel_size=first)
        self.narrow = conv(2 * features, features, dtype, kernel_size=last, initializer=truncated)
        self.large = conv(self.large_features, self.large_features, dtype, kernel_size=network.kernel_size,
                          initializer=truncated)
        self.attention = conv(features, features, dtype, initializer=truncated) if network.attention else None
        self.refine = conv(features, features, dtype, kernel_size=1, initializer=truncated)
        self.norm = GroupNormalization(features, network.norm_groups, dtype=dtype) \
            if network.norm == "group" else None
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        residual = self.layer_norm(x) if self.layer_norm else x
        residual = self.narrow(self.activation(self.widen(residual)))
        large, rest = residual[..., : self.large_features], residual[..., self.large_features :]
        residual = ops.concatenate([self.large(large), rest], axis=-1)
        if self.attention:
            residual = residual * ops.sigmoid(self.attention(residual))
        residual = self.refine(residual)
        return x + (self.norm(residual) if self.norm else residual)
