"""ESPCN, which brought the pixel shuffle."""

import keras
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.blocks import conv, pixel_shuffle
from srgan_tf.models.generator import IMAGES, receptive_radius, require_positive_integers
from srgan_tf.models.luma import LumaGenerator


@keras.saving.register_keras_serializable("srgan_tf")
class ESPCN(LumaGenerator):
    """ESPCN (Shi et al., arXiv 1609.05158, section 3 and 4.1): three convolutions and a pixel shuffle.

    x4 has 24,752 trainable parameters on Y and 37,200 on RGB. The activation is the paper's tanh (section 4.2).
    """

    def __init__(self, scale: int = 4, channels: int = 1, features: int = 64, **kwargs):
        """Builds the network.

        Args:
            scale: 2, 3, 4 or 8.
            channels: 1 for Y, 3 for RGB.
            features: channels after the first convolution, even; half as many after the second.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, channels, **kwargs)
        require_positive_integers(features=features)
        if features % 2:
            raise UserError(f"features of ESPCN must be even; got {features}")
        self.features = features
        self.head = conv(channels, features, self.dtype_policy, kernel_size=5)
        self.mapping = conv(features, features // 2, self.dtype_policy)
        self.tail = conv(features // 2, channels * scale**2, "float32")
        self.receptive_radius = receptive_radius(scale, [(2, 1), (1, 1), (1, 1)])
        self.build(IMAGES)

    def enhance(self, low: KerasTensor, upscaled: KerasTensor) -> KerasTensor:
        return pixel_shuffle(self.tail(ops.tanh(self.mapping(ops.tanh(self.head(low))))), self.scale)

    def get_config(self) -> dict:
        return {**super().get_config(), "features": self.features}
