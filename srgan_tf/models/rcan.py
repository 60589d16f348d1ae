"""RCAN, residual channel attention networks."""

from itertools import accumulate
from operator import mul

import keras
import numpy as np
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.blocks import SubpixelConv, conv, upsampling_factors
from srgan_tf.models.edsr import DIV2K_MEAN
from srgan_tf.models.generator import (
    IMAGES,
    Generator,
    receptive_radius,
    require_number,
    require_positive_integers,
)


@keras.saving.register_keras_serializable("srgan_tf")
class RCAN(Generator):
    """RCAN (Zhang et al., arXiv 1807.02758, sections 3.1 to 3.4 and figure 2).

    Groups of residual blocks with channel attention, each group and all of them in a residual of their own. x4 has
    15,592,355 trainable parameters. As in the authors' code, the network in between sees images in 0..255, of which
    DIV2K's mean is subtracted; the sigmoids keep weights from being rescaled as EDSR's are.

    The attention averages over the whole image, so that every pixel depends on every other one. `receptive_radius`
    is that of the convolutions alone: tiles that overlap by it differ a little from the whole image, because their
    averages do.
    """

    def __init__(
        self,
        scale: int = 4,
        features: int = 64,
        groups: int = 10,
        blocks: int = 20,
        reduction: int = 16,
        residual_scale: float = 1.0,
        **kwargs,
    ):
        """Builds the network.

        Args:
            scale: 2, 3, 4 or 8.
            features: channels throughout, a multiple of `reduction`.
            groups: residual groups.
            blocks: residual blocks in each group.
            reduction: the paper's r, how many times fewer channels the attention has in between.
            residual_scale: factor on each block's residual.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, **kwargs)
        require_positive_integers(features=features, groups=groups, blocks=blocks, reduction=reduction)
        require_number(residual_scale=residual_scale)
        if features % reduction:
            raise UserError(f"features of RCAN must be a multiple of reduction={reduction}; got {features}")
        self.features, self.groups, self.blocks = features, groups, blocks
        self.reduction, self.residual_scale = reduction, residual_scale
        dtype, factors = self.dtype_policy, upsampling_factors(scale)
        self.head = conv(3, features, dtype)
        self.body = [
            ResidualGroup(features, blocks, reduction, residual_scale, dtype=dtype) for _ in range(groups)]
        self.body_end = conv(features, features, dtype)
        self.upsampling = [SubpixelConv(features, factor, dtype=dtype) for factor in factors]
        self.tail = conv(features, 3, "float32")
        stages = [(1, at) for at in accumulate(factors[:-1], mul, initial=1)]
        path = [*[(1, 1)] * (2 + groups * (2 * blocks + 1)), *stages, (1, scale)]
        self.receptive_radius = receptive_radius(scale, path)
        self.whole_image_bytes = 16 * features * scale**2  # its widest layers are those of the upscaling
        self.build(IMAGES)

    def call(self, inputs: KerasTensor) -> KerasTensor:
        mean = np.array(DIV2K_MEAN, "float32")
        head = self.head((inputs - mean) * 255.0)
        x = head
        for group in self.body:
            x = group(x)
        x = head + self.body_end(x)
        for upsample in self.upsampling:
            x = upsample(x)
        return self.tail(x) / 255.0 + mean

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "features": self.features,
            "groups": self.groups,
            "blocks": self.blocks,
            "reduction": self.reduction,
            "residual_scale": self.residual_scale,
        }


class ResidualGroup(keras.layers.Layer):
    """x + conv(blocks(x)), the paper's RG (equation 6)."""

    def __init__(self, features: int, blocks: int, reduction: int, residual_scale: float, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [
            AttentiveBlock(features, reduction, residual_scale, dtype=self.dtype_policy) for _ in range(blocks)]
        self.end = conv(features, features, self.dtype_policy)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        residual = x
        for block in self.blocks:
            residual = block(residual)
        return x + self.end(residual)


class AttentiveBlock(keras.layers.Layer):
    """x + residual_scale attention(conv(relu(conv(x)))), the paper's RCAB (equation 14).

    The attention weighs each channel by what a small network makes of all channels' means (section 3.3).
    """

    def __init__(self, features: int, reduction: int, residual_scale: float, **kwargs):
        super().__init__(**kwargs)
        self.residual_scale, dtype = residual_scale, self.dtype_policy
        self.conv1, self.conv2 = conv(features, features, dtype), conv(features, features, dtype)
        self.squeeze = conv(features, features // reduction, dtype, kernel_size=1)
        self.excite = conv(features // reduction, features, dtype, kernel_size=1)
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        residual = self.conv2(ops.relu(self.conv1(x)))
        means = ops.mean(residual, axis=(1, 2), keepdims=True)  # [B,H,W,C] -> [B,1,1,C]
        residual = residual * ops.sigmoid(self.excite(ops.relu(self.squeeze(means))))
        return x + residual if self.residual_scale == 1 else x + self.residual_scale * residual
