"""The distance between two images as VGG19 sees them (SRGAN, arXiv 1609.04802, section 2.2.1)."""

import re
from collections.abc import Sequence

from keras import KerasTensor, ops

from srgan_tf.models.vgg import LAYERS, VGG19Features

# The SRGAN paper's divisor of the feature maps (section 3.2). ESRGAN's recipe uses it here too: the maps of
# keras.applications' weights, which come from Caffe, are an order larger than those of torchvision's, for which
# ESRGAN's weight of 1 was chosen.
FEATURE_SCALE = 12.75
NAME = re.compile(r"vgg(?P<block>\d)(?P<index>\d)(?P<relu>_relu)?(?P<kind>_mse|_cosine)?")


def vgg_layer(name: str) -> str | None:
    """The convolution that a term looks at: conv5_4 for vgg54, vgg54_relu_mse, ...; None if that is no such name."""
    match = NAME.fullmatch(name)
    layer = f"conv{match['block']}_{match['index']}" if match else ""
    return layer if layer in LAYERS else None


class PerceptualLoss:
    """f(hr, sr) -> {name: float32 scalar}: mean distances between feature maps / 12.75.

    A name is vggIJ, the J-th convolution of VGG19's block I: before its ReLU (ESRGAN, section 3.3), or after it with
    `_relu` (SRGAN); by absolute differences (ESRGAN's code), or squared ones with `_mse` (SRGAN, Eq. 5); with
    `_cosine`, 1 less the mean cosine of the vectors at each place, without the 12.75 (TecoGAN, arXiv 1811.09393,
    Eq. 6). However many
    there are, each image goes through VGG once.

    Attributes:
        names: of the distances.
        features: the VGG19Features that it looks through.
    """

    def __init__(self, names: Sequence[str] = ("vgg54",), weights: str = "imagenet", dtype: str = "float32"):
        """Makes the network up to the deepest convolution that is named.

        Args:
            names: for each of which `vgg_layer` has a layer.
            weights: as in VGG19Features.
            dtype: as there; distances are float32.
        """
        self.names = tuple(names)
        layers = dict.fromkeys(vgg_layer(name) for name in names)
        self.features = VGG19Features(tuple(layers), activated=False, weights=weights, dtype=dtype)

    def __call__(self, hr: KerasTensor, sr: KerasTensor) -> dict:
        real, fake = (dict(zip(self.features.layer_names, self.features(x), strict=True)) for x in (hr, sr))
        return {name: _distance(name, real[vgg_layer(name)], fake[vgg_layer(name)]) for name in self.names}


def _distance(name: str, real: KerasTensor, fake: KerasTensor) -> KerasTensor:
    match = NAME.fullmatch(name)
    real, fake = ops.cast(ops.stop_gradient(real), "float32"), ops.cast(fake, "float32")
    if match["relu"]:
        real, fake = ops.relu(real), ops.relu(fake)
    if match["kind"] == "_cosine":
        return 1 - ops.mean(ops.sum(real * fake, -1) / (_lengths(real) * _lengths(fake)))
    difference = (fake - real) / FEATURE_SCALE
    return ops.mean(ops.square(difference) if match["kind"] == "_mse" else ops.abs(difference))


def _lengths(maps: KerasTensor) -> KerasTensor:
    """Of the vectors at each place, [B,H,W]; none is 0, where the root has no gradient."""
    return ops.sqrt(ops.sum(ops.square(maps), -1) + 1e-6)
