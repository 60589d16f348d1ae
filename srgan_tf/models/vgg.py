"""VGG19's convolutions, the eyes of the perceptual losses."""

import os
import warnings
from collections.abc import Sequence

import keras
import numpy as np
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.blocks import built
from srgan_tf.settings import lookup
from srgan_tf.text import expand

# Channels and number of convolutions of each block (Simonyan and Zisserman, arXiv 1409.1556, table 1, column E).
BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
LAYERS = {
    f"conv{block}_{index}": channels
    for block, (channels, count) in enumerate(BLOCKS, 1)
    for index in range(1, count + 1)
}
# Mean of ImageNet in B, G, R, 0..255, that the weights of keras.applications expect to be subtracted.
BGR_MEAN = (103.939, 116.779, 123.68)


class VGG19Features(keras.Model):
    """Feature maps of VGG19 at named convolutions; not trainable.

    Input: float32 NHWC RGB in [0, 1], converted inside to what the weights expect. Output: a tuple of maps in the
    order of `layers`, in the compute type of `dtype`; conv4_x is at 1/8, conv5_x at 1/16 of the input's resolution. It
    holds the network up to the deepest convolution asked for. It serves losses only, so that it has no configuration to
    save.
    """

    def __init__(
        self, layers: Sequence[str] = ("conv5_4",), activated: bool = False, weights: str = "imagenet",
        dtype: str = "float32", **kwargs
    ):
        """Builds the network and fills in its weights.

        Args:
            layers: names from conv1_1 to conv5_4.
            activated: whether the maps are taken after the ReLU (SRGAN) or before it (ESRGAN).
            weights: "imagenet" (keras.applications downloads them once), the path of a local
                vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5, or "random" (seeded; for tests).
            dtype: "float32", under any global policy, or "mixed_bfloat16"; float16 cannot hold what large maps hold.
            **kwargs: `name` of the keras.Model.

        Raises:
            ValueError: no or unknown layers, or weights that cannot be had.
        """
        super().__init__(dtype=dtype, autocast=False, **kwargs)  # the mean is subtracted in float32
        if isinstance(layers, str) or not layers:
            raise UserError(f"layers must be a sequence of names, such as ('conv5_4',); got {layers!r}")
        for name in layers:
            lookup(LAYERS, name, "VGG19 layer")
        self.layer_names, self.activated = tuple(layers), activated
        names = list(LAYERS)
        names = names[: 1 + max(map(names.index, layers))]
        self.smallest = 2 ** (int(names[-1][4]) - 1)
        channels = [3, *LAYERS.values()]
        self.convolutions = [
            built(channels[index], keras.layers.Conv2D(
                LAYERS[name], 3, padding="same", name=name, dtype=dtype,
                kernel_initializer=keras.initializers.HeNormal(seed=index) if weights == "random" else "zeros"))
            for index, name in enumerate(names)
        ]
        self.build((None, None, None, 3))
        if weights != "random":
            copy_weights(self.convolutions, weights)
        self.trainable = False

    def call(self, inputs: KerasTensor) -> KerasTensor:
        if None not in inputs.shape[1:3] and min(inputs.shape[1:3]) < self.smallest:
            raise UserError(
                f"{self.convolutions[-1].name} of VGG19 needs images of at least {self.smallest} pixels a side; "
                f"got {tuple(inputs.shape)}")
        x = inputs[..., ::-1] * 255.0 - np.array(BGR_MEAN, "float32")
        maps = {}
        for convolution in self.convolutions:
            if convolution.name.endswith("_1") and convolution.name != "conv1_1":
                x = ops.max_pool(x, 2, 2)
            before = convolution(x)
            x = ops.relu(before)
            maps[convolution.name] = x if self.activated else before
        return tuple(maps[name] for name in self.layer_names)


def copy_weights(convolutions: Sequence[keras.layers.Conv2D], weights: str) -> None:
    """Fills `convolutions`, the first ones of VGG19, from keras.applications.

    Args:
        convolutions: built layers in the network's order.
        weights: "imagenet" or the path of a local file.

    Raises:
        ValueError: the file is missing or wrong, or the download failed.
    """
    advice = "give a local vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 by --vgg_weights=FILE, or random by " \
        "--vgg_weights=random for trials of the machinery"
    weights = str(expand(weights))
    if weights != "imagenet" and not os.path.isfile(weights):
        raise UserError(f"VGG19 weights: no such file: {weights}; {advice}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras says there at length what the error below says in short
            source = keras.applications.VGG19(include_top=False, weights=weights)
    except Exception as error:  # Keras and h5py raise bare Exception, OSError, KeyError, ... for what they meet
        failed = "they could not be downloaded" if weights == "imagenet" else f"{weights} does not hold them"
        reason = " ".join(str(error).split())
        raise UserError(f"VGG19 weights: {failed} ({reason[:200]}); {advice}") from error
    kernels = [layer for layer in source.layers if isinstance(layer, keras.layers.Conv2D)]
    for target, layer in zip(convolutions, kernels, strict=False):  # the source is the whole network
        target.set_weights(layer.get_weights())
