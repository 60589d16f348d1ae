"""SRCNN, the first convolutional network for super-resolution."""

import keras
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.blocks import conv, normal_thousandth
from srgan_tf.models.generator import IMAGES, require_positive_integers
from srgan_tf.models.luma import LumaGenerator, radius_on_bicubic
from srgan_tf.settings import lookup

# Sides of the kernels (section 4.3.2 of the paper).
KERNELS = {"9-1-5": (9, 1, 5), "9-3-5": (9, 3, 5), "9-5-5": (9, 5, 5)}


@keras.saving.register_keras_serializable("srgan_tf")
class SRCNN(LumaGenerator):
    """SRCNN (Dong et al., arXiv 1501.00092, section 3): three convolutions on the bicubic upscaling.

    On Y 9-1-5 has 8,129 trainable parameters and 9-5-5 57,281; on RGB 20,099 and 69,251. Convolutions are padded, where
    the authors' training cut the borders off.
    """

    scales = (1, 2, 3, 4, 8)

    def __init__(self, scale: int = 4, channels: int = 1, kernels: str = "9-1-5", features: int = 64, **kwargs):
        """Builds the network.

        Args:
            scale: 1, 2, 3, 4 or 8.
            channels: 1 for Y, 3 for RGB.
            kernels: sides of the three kernels: 9-1-5, 9-3-5 or 9-5-5.
            features: channels after the first convolution, even; half as many after the second.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, channels, **kwargs)
        first, second, third = lookup(KERNELS, kernels, "kernels of SRCNN")
        require_positive_integers(features=features)
        if features % 2:
            raise UserError(f"features of SRCNN must be even; got {features}")
        self.kernels, self.features = kernels, features
        dtype, start = self.dtype_policy, normal_thousandth
        self.head = conv(channels, features, dtype, kernel_size=first, initializer=start)
        self.mapping = conv(features, features // 2, dtype, kernel_size=second, initializer=start)
        self.tail = conv(features // 2, channels, "float32", kernel_size=third, initializer=start)
        self.receptive_radius = radius_on_bicubic(scale, first // 2 + second // 2 + third // 2)
        self.build(IMAGES)

    def enhance(self, low: KerasTensor, upscaled: KerasTensor) -> KerasTensor:
        return self.tail(ops.relu(self.mapping(ops.relu(self.head(upscaled)))))

    def get_config(self) -> dict:
        return {**super().get_config(), "kernels": self.kernels, "features": self.features}
