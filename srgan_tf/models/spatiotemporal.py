"""TecoGAN's discriminator, which sees what moves (arXiv 1811.09393, section 3.1 and appendix D)."""

import keras
from keras import KerasTensor, ops

from srgan_tf.models.blocks import bicubic_upsample
from srgan_tf.models.discriminators import ConvUnit, Discriminator, dense
from srgan_tf.models.warping import warp

FRAMES = 3  # that it sees at a time
KEPT = 0.75  # of the sides of moved frames, whose borders nothing can be moved into
WIDTHS = (1, 1, 2, 4)  # of the features, of the convolutions that halve


@keras.saving.register_keras_serializable("srgan_tf")
class SpatioTemporalDiscriminator(Discriminator):
    """Four 4x4 convolutions of stride 2 behind one of 3x3, and a dense layer: logits [B,1] of three frames.

    The input is what `triplets` makes, float32 [B,P,P,27].
    """

    stride = 16
    image_channels = 9 * FRAMES

    def __init__(self, patch_size: int = 128, features: int = 64, **kwargs):
        """Builds the network; the arguments are those of Discriminator."""
        super().__init__(patch_size, features, **kwargs)
        dtype = self.dtype_policy
        self.units = [ConvUnit(self.image_channels, features, normalized=False, dtype=dtype)]
        for width in WIDTHS:
            self.units.append(ConvUnit(self.units[-1].filters, width * features, kernel_size=4, strides=2,
                                       use_bias=False, dtype=dtype))
        self.last = dense((patch_size // self.stride) ** 2 * self.units[-1].filters, 1, "float32")
        self.pin()

    def maps(self, inputs: KerasTensor) -> list:
        """The maps of the convolutions that halve, and the logits [B,1]."""
        maps, x = [], inputs
        for unit in self.units:
            x = unit(x)
            maps.append(x)
        return [*maps[1:], self.last(ops.reshape(x, (-1, self.last.kernel.shape[0])))]


def triplets(clips: KerasTensor, frames: KerasTensor, back: KerasTensor, forth: KerasTensor, scale: int) -> KerasTensor:
    """What the discriminator sees of clips: three frames, the same moved onto the second, and their LR, interpolated.

    Args:
        clips: HR or images, [B,T,sH,sW,3], of whose T the last T mod 3 are left out.
        frames: their LR, [B,T,H,W,3].
        back: HR flow from the second frame of each three to the first, [BT/3,sH,sW,2], which gets no gradient.
        forth: to the third, as `back`.
        scale: s.

    Returns:
        [BT/3,sH,sW,27].
    """
    count = clips.shape[1] // FRAMES
    images, low = (ops.reshape(part[:, : count * FRAMES], (-1, FRAMES, *part.shape[2:])) for part in (clips, frames))
    moved = [warp(images[:, 0], ops.stop_gradient(back)), images[:, 1], warp(images[:, 2], ops.stop_gradient(forth))]
    inner = _inner(images.shape[2])
    moved = [ops.cast(one, "float32") * inner for one in moved]
    interpolated = bicubic_upsample(ops.reshape(low, (-1, *low.shape[2:])), scale)
    interpolated = ops.reshape(interpolated, (-1, FRAMES, *images.shape[2:4], 3))
    first, last = ([part[:, place] for place in range(FRAMES)] for part in (images, interpolated))
    return ops.concatenate([*first, *moved, *last], axis=-1)


def _inner(side: int) -> KerasTensor:
    """1 where moved frames are looked at, [1,P,P,1]."""
    border = int(side * (1 - KEPT) / 2)
    line = ops.cast((ops.arange(side) >= border) & (ops.arange(side) < side - border), "float32")
    return ops.reshape(line[:, None] * line[None], (1, side, side, 1))
