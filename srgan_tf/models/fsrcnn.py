"""FSRCNN, SRCNN at the low resolution."""

import keras

from srgan_tf.models.blocks import built, conv, msra, normal_thousandth, prelu
from srgan_tf.models.generator import IMAGES, receptive_radius, require_positive_integers
from srgan_tf.models.luma import LumaGenerator

KERNEL = 9  # side of the deconvolution's


@keras.saving.register_keras_serializable("srgan_tf")
class FSRCNN(LumaGenerator):
    """FSRCNN (Dong et al., arXiv 1608.00367, section 3.2): convolutions at the low resolution, then a deconvolution.

    FSRCNN(56, 12, 4) has 12,809 trainable parameters on Y and 24,683 on RGB, at every scale. The 9x9 deconvolution is
    cropped to `scale` times the input's size; its kernel's middle lies on the middle of the pixel that it upscales, or
    half an HR pixel off where the scale is even.
    """

    scales = (2, 3, 4)

    def __init__(
        self,
        scale: int = 4,
        channels: int = 1,
        features: int = 56,
        shrunk: int = 12,
        mappings: int = 4,
        **kwargs,
    ):
        """Builds the network.

        Args:
            scale: 2, 3 or 4.
            channels: 1 for Y, 3 for RGB.
            features: the paper's d, channels of the first and the last layer.
            shrunk: the paper's s, channels in between.
            mappings: the paper's m, 3x3 convolutions in between.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, channels, **kwargs)
        require_positive_integers(features=features, shrunk=shrunk, mappings=mappings)
        self.features, self.shrunk, self.mappings = features, shrunk, mappings
        # Filters and the side of the kernel of each convolution.
        layers = [(features, 5), (shrunk, 1), *[(shrunk, 3)] * mappings, (features, 1)]
        inputs, dtype = [channels, *(filters for filters, _ in layers)], self.dtype_policy
        self.body = [conv(before, filters, dtype, kernel_size=side, initializer=msra)
                     for before, (filters, side) in zip(inputs, layers, strict=False)]
        self.body_activations = [prelu(filters, dtype) for filters, _ in layers]
        self.tail = built(features, keras.layers.Conv2DTranspose(
            channels, KERNEL, scale, padding="same", kernel_initializer=normal_thousandth(), dtype="float32"))
        reach = (KERNEL + scale - 2) // 2 // scale  # of the deconvolution, in LR pixels
        path = [(2, 1), *[(1, 1)] * mappings, (reach, 1)]
        self.receptive_radius = receptive_radius(scale, path)
        self.build(IMAGES)

    def enhance(self, low: keras.KerasTensor, upscaled: keras.KerasTensor) -> keras.KerasTensor:
        for convolution, activation in zip(self.body, self.body_activations, strict=True):
            low = activation(convolution(low))
        return self.tail(low)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "features": self.features,
            "shrunk": self.shrunk,
            "mappings": self.mappings,
        }
