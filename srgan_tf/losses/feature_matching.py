"""The distance between two images as the discriminator sees them."""

from collections.abc import Sequence

from keras import KerasTensor, ops


def feature_matching(hr: KerasTensor, sr: KerasTensor, real_maps: Sequence, fake_maps: Sequence) -> KerasTensor:
    """Sum over the discriminator's layers of the mean absolute difference (pix2pixHD, arXiv 1711.11585, Eq. 4).

    Only the generator learns from it: the maps of real images are constants, and a step differentiates it by the
    generator's weights alone.

    Args:
        hr: not used; the maps stand for it.
        sr: not used, for the same reason.
        real_maps: [B,h,w,C] each, of the originals; without the logits.
        fake_maps: those of the generator's images.
    """
    return sum(
        ops.mean(ops.abs(ops.cast(fake, "float32") - ops.stop_gradient(ops.cast(real, "float32"))))
        for real, fake in zip(real_maps, fake_maps, strict=True))
