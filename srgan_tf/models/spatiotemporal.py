"""TecoGAN's discriminator, which sees what moves (arXiv 1811.09393, section 3.1 and appendix D)."""

import keras
from keras import KerasTensor, ops

from srgan_tf.models.blocks import bicubic_upsample, conv
from srgan_tf.models.discriminators import ConvUnit, Discriminator, dense, he_normal
from srgan_tf.models.generator import require_booleans
from srgan_tf.models.warping import warp

FRAMES = 3  # that it sees at a time
KEPT = 0.75  # of the sides of moved frames, whose borders nothing can be moved into
WIDTHS = (1, 1, 2, 4)  # of the features, of the convolutions that halve


@keras.saving.register_keras_serializable("srgan_tf")
class SpatioTemporalDiscriminator(Discriminator):
    """Four 4x4 convolutions of stride 2 behind one of 3x3, and a dense layer: logits [B,1] of three frames.

    With `patches` a 3x3 convolution stands for the dense layer: logits [B,P/16,P/16,1], each of 80x80 pixels, as
    PatchGAN's (pix2pix, arXiv 1611.07004, section 3.2.2). The input is what `triplets` makes, float32 [B,P,P,27].
    """

    stride = 16
    image_channels = 9 * FRAMES

    def __init__(self, patch_size: int = 128, features: int = 64, patches: bool = False, **kwargs):
        """Builds the network.

        Args:
            patch_size: side of the square patches in pixels, a multiple of 16.
            features: channels of the first convolution.
            patches: whether there is a logit for each patch of a frame.
            **kwargs: as in Discriminator.
        """
        super().__init__(patch_size, features, **kwargs)
        require_booleans(patches=patches)
        dtype, self.patches = self.dtype_policy, patches
        self.units = [ConvUnit(self.image_channels, features, normalized=False, dtype=dtype)]
        for width in WIDTHS:
            self.units.append(ConvUnit(self.units[-1].filters, width * features, kernel_size=4, strides=2,
                                       use_bias=False, dtype=dtype))
        channels = self.units[-1].filters
        self.last = conv(channels, 1, "float32", initializer=he_normal) if patches else dense(
            (patch_size // self.stride) ** 2 * channels, 1, "float32")
        self.pin()

    def maps(self, inputs: KerasTensor) -> list:
        """The maps of the convolutions that halve, and the logits."""
        maps, x = [], inputs
        for unit in self.units:
            x = unit(x)
            maps.append(x)
        return [*maps[1:], self.last(x if self.patches else ops.reshape(x, (-1, self.last.kernel.shape[0])))]

    def get_config(self) -> dict:
        """The architecture's arguments."""
        return {**super().get_config(), "patches": self.patches}


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
