"""The distance between two pictures as VGG19 sees them (SRGAN, arXiv 1609.04802, section 2.2.1)."""

from keras import ops

from srgan_tf.models.vgg import VGG19Features

# The SRGAN paper's divisor of the feature maps (section 3.2). ESRGAN's recipe uses it here too: the maps of
# keras.applications' weights, which come from Caffe, are an order larger than those of torchvision's, for which
# ESRGAN's weight of 1 was chosen.
FEATURE_SCALE = 12.75


class PerceptualLoss:
    """f(hr, sr) -> float32 scalar: the mean distance between feature maps / 12.75.

    Attributes:
        features: the VGG19Features that it looks through.
    """

    def __init__(
        self, layer: str = "conv5_4", activated: bool = False, squared: bool = False, weights: str = "imagenet"
    ):
        """Makes the network.

        Args:
            layer: the convolution, conv1_1 to conv5_4.
            activated: whether the maps are taken after its ReLU. SRGAN: True; ESRGAN: False (section 3.3).
            squared: squared differences (SRGAN, Eq. 5) or absolute ones (ESRGAN's code).
            weights: as in VGG19Features.
        """
        self.features = VGG19Features((layer,), activated, weights)
        self.squared = squared

    def __call__(self, hr, sr):
        (real,), (fake,) = self.features(hr), self.features(sr)
        difference = (fake - ops.stop_gradient(real)) / FEATURE_SCALE
        return ops.mean(ops.square(difference) if self.squared else ops.abs(difference))
