"""DySample, upscaling by sampling at learned places."""

import keras
import numpy as np
from keras import KerasTensor, ops

from srgan_tf.models.blocks import conv, pixel_shuffle


class DySample(keras.layers.Layer):
    """[B,H,W,3 r^2] -> [B,rH,rW,3], bilinear samples at learned places (Liu et al., arXiv 2308.15085, section 3).

    As RealPLKSR has it: the channels, those of an image before its pixel shuffle, are in groups with places of their
    own, and a 1x1 convolution joins what is sampled. Both are linear: here each group is convolved at the low
    resolution, where there are r^2 times fewer pixels, and the groups' samples are added.

    How far the places move has no bound, so that in theory an output pixel can depend on any input pixel; those of
    trained networks move by a pixel or two.
    """

    pixel_bytes = 1000  # of memory, about, for each output pixel

    def __init__(self, factor: int, **kwargs):
        super().__init__(autocast=False, **kwargs)
        channels = 3 * factor**2
        self.factor, self.groups = factor, 3 if factor % 2 else 4
        dtype, places = self.dtype_policy, 2 * self.groups * factor**2
        self.offset = conv(channels, places, dtype, kernel_size=1)
        self.scope = conv(channels, places, dtype, kernel_size=1, use_bias=False, initializer=keras.initializers.Zeros)
        self.end = conv(channels, 3, "float32", kernel_size=1)
        # In PyTorch's order a group's channels follow each other; here they are in the order of a pixel shuffle.
        order = np.arange(channels).reshape(-1, factor**2).T.ravel()
        self.member = np.float32(order[:, None] // (channels // self.groups) == np.arange(self.groups))  # [C,G]
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        moves = self.offset(x) * ops.sigmoid(self.scope(x)) * 0.5
        moves = pixel_shuffle(ops.cast(moves, "float32"), self.factor)  # [B,H,W,2 G r^2] -> [B,rH,rW,2 G]
        kernel = self.member[:, :, None] * self.end.kernel[0, 0][:, None, :]  # [C,G,3]
        maps = ops.conv(x, ops.reshape(kernel, (1, 1, x.shape[-1], -1)))  # [B,H,W,3 G]
        return self._sample(maps, moves[..., : self.groups], moves[..., self.groups :]) + self.end.bias

    def _sample(self, maps: KerasTensor, right: KerasTensor, down: KerasTensor) -> KerasTensor:
        """The sum over groups of samples [B,H,W,3 G] `right` and `down` [B,rH,rW,G] of each pixel's centre."""
        batch, height, width, _ = ops.shape(maps)
        x, left = self._places(right, width, axis=2)
        y, top = self._places(down, height, axis=1)
        # A pixel and its neighbours lie together, so that one look-up finds the four.
        below = ops.concatenate([maps[:, 1:], maps[:, -1:]], axis=1)
        corners = [one for row in (maps, below)
                   for one in (row, ops.concatenate([row[:, :, 1:], row[:, :, -1:]], axis=2))]
        table = ops.concatenate([ops.reshape(one, (-1, 3)) for one in corners], axis=1)  # [B H W G,12]
        place = ops.reshape(ops.arange(batch, dtype="int32"), (-1, 1, 1, 1)) * height + top
        place = (place * width + left) * self.groups + ops.arange(self.groups, dtype="int32")
        found = ops.take(table, ops.reshape(place, (-1,)), axis=0)  # [B rH rW G,12]
        x, y = ops.reshape(x, (-1, 1)), ops.reshape(y, (-1, 1))  # [B,rH,rW,G] -> [B rH rW G,1]
        shares = ops.concatenate([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y], axis=1)
        shares = ops.reshape(shares, (-1, 4 * self.groups, 1))
        samples = ops.sum(ops.reshape(found, (-1, 4 * self.groups, 3)) * shares, axis=1)
        return ops.reshape(samples, (batch, height * self.factor, width * self.factor, 3))

    def _places(self, moves: KerasTensor, size: int, axis: int) -> tuple[KerasTensor, ...]:
        """Along one axis, the share of the second of two pixels and the index of the first; edges are replicated."""
        centres = (ops.arange(size * self.factor, dtype="float32") + 0.5) / self.factor - 0.5
        shape = (1, -1, 1, 1) if axis == 1 else (1, 1, -1, 1)
        places = ops.clip(ops.reshape(centres, shape) + moves, 0, ops.cast(size - 1, "float32"))
        first = ops.floor(places)
        return places - first, ops.cast(first, "int32")
