"""Discriminators: networks that tell real images from generated ones.

They take float32 NHWC RGB in [0, 1], square patches of the one size that they were built for, and return float32
logits: [B,1] here, [B,h,w,1] in unet.py and patchgan.py. The sigmoid belongs to the losses.
"""

import keras
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.blocks import batch_norm, conv
from srgan_tf.models.generator import require_positive_integers
from srgan_tf.models.sizes import count_layer


def he_normal() -> keras.initializers.Initializer:
    """MSRA normal. Neither paper states how its discriminator starts."""
    return keras.initializers.HeNormal()


def dense(inputs: int, outputs: int, dtype: str | keras.DTypePolicy) -> keras.layers.Dense:
    """A dense layer whose weights exist at once."""
    count_layer()
    layer = keras.layers.Dense(outputs, kernel_initializer=he_normal(), dtype=dtype)
    layer.build((None, inputs))
    return layer


class Discriminator(keras.Model):
    """Base of the discriminators: fixes the patch size; logits, or the maps on the way to them.

    A subclass makes its layers, ends its constructor with `pin`, and returns from `maps` what its layers see. The
    dtype is left out of the configuration, as in Generator; the last layer computes in float32.
    """

    stride: int
    smallest = 1
    image_channels = 3

    def __init__(self, patch_size: int, features: int, **kwargs):
        """Checks the arguments.

        Args:
            patch_size: side of the square patches in pixels, a multiple of the class's `stride`, at least `smallest`.
            features: channels of the first convolution.
            **kwargs: `name` and `dtype` of the keras.Model.

        Raises:
            ValueError: an argument is out of range.
        """
        super().__init__(**kwargs)
        require_positive_integers(patch_size=patch_size, features=features)
        if patch_size % self.stride or patch_size < self.smallest:
            least = f", at least {self.smallest}" if patch_size < self.smallest else ""
            raise UserError(
                f"patch_size of {type(self).__name__} must be a multiple of {self.stride}{least}; got {patch_size}")
        self.patch_size, self.channels = patch_size, features

    def maps(self, inputs: KerasTensor) -> list:
        """The maps after each activated convolution, then the logits."""
        raise NotImplementedError

    def call(self, inputs: KerasTensor, features: bool = False) -> KerasTensor | list[KerasTensor]:
        maps = self.maps(inputs)
        return maps if features else maps[-1]

    def features(self, images: KerasTensor, training: bool = False) -> list:
        """What the network sees, from one pass.

        Args:
            images: float32 [B,P,P,3] in [0, 1].
            training: as in calling the model.

        Returns:
            The maps [B,h,w,C] of the activated convolutions in order, in the type that they are computed in; last the
            logits, those of calling the model.
        """
        return self(images, features=True, training=training)

    def pin(self) -> None:
        """Marks the model as built and fixes the input's shape."""
        shape = (None, self.patch_size, self.patch_size, self.image_channels)
        self.build(shape)
        self.input_spec = keras.layers.InputSpec(shape=shape)

    def build(self, input_shape: tuple) -> None:
        """Makes nothing: every layer has its weights already."""
        self.built = True

    def get_config(self) -> dict:
        """The architecture's arguments."""
        return {"patch_size": self.patch_size, "features": self.channels}

    def get_build_config(self) -> None:
        """Nothing: the constructor builds the model."""


class VGGStyleDiscriminator(Discriminator):
    """Base of those that end in dense layers: calls their layers in order."""

    def finish(self, units: list["ConvUnit"], hidden: int) -> None:
        """Puts the dense layers behind the convolutions."""
        size = self.patch_size // self.stride
        self.network = [
            *units,
            keras.layers.Flatten(dtype=self.dtype_policy),
            dense(size**2 * units[-1].filters, hidden, self.dtype_policy),
            keras.layers.LeakyReLU(0.2, dtype=self.dtype_policy),
            dense(hidden, 1, "float32"),
        ]
        self.pin()

    def maps(self, inputs: KerasTensor) -> list:
        """The output of each ConvUnit, and the logits [B,1]."""
        maps, x = [], inputs
        for layer in self.network:
            x = layer(x)
            if isinstance(layer, ConvUnit):
                maps.append(x)
        return [*maps, x]


@keras.saving.register_keras_serializable("srgan_tf")
class SRGANDiscriminator(VGGStyleDiscriminator):
    """SRGAN's discriminator (arXiv 1609.04802, section 2.1.1 and figure 4): 23,565,505 trainable parameters at 96.

    Eight 3x3 convolutions, every second one with stride 2, then dense layers of 1,024 and 1.
    """

    stride = 16

    def __init__(self, patch_size: int = 96, features: int = 64, **kwargs):
        """Builds the network; the arguments are those of Discriminator."""
        super().__init__(patch_size, features, **kwargs)
        dtype = self.dtype_policy
        units = [ConvUnit(3, features, normalized=False, dtype=dtype)]
        for width, strides in ((1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (8, 1), (8, 2)):
            units.append(ConvUnit(units[-1].filters, features * width, strides=strides, dtype=dtype))
        self.finish(units, hidden=16 * features)


@keras.saving.register_keras_serializable("srgan_tf")
class VGG128Discriminator(VGGStyleDiscriminator):
    """The VGG-style discriminator of the ESRGAN authors' code: 14,499,401 trainable parameters at 128.

    Five pairs of a 3x3 convolution and a 4x4 one with stride 2, then dense layers of 100 and 1.
    """

    stride = 32

    def __init__(self, patch_size: int = 128, features: int = 64, **kwargs):
        """Builds the network; the arguments are those of Discriminator."""
        super().__init__(patch_size, features, **kwargs)
        dtype = self.dtype_policy
        units = [ConvUnit(3, features, normalized=False, dtype=dtype), self._halving(features)]
        for width in (2, 4, 8, 8):
            units.append(ConvUnit(units[-1].filters, features * width, use_bias=False, dtype=dtype))
            units.append(self._halving(features * width))
        self.finish(units, hidden=100)

    def _halving(self, filters: int) -> "ConvUnit":
        return ConvUnit(filters, filters, kernel_size=4, strides=2, use_bias=False, dtype=self.dtype_policy)


class ConvUnit(keras.layers.Layer):
    """A convolution, batch normalisation (except where it meets the image) and LeakyReLU."""

    def __init__(
        self,
        channels: int,
        filters: int,
        *,
        kernel_size: int = 3,
        strides: int = 1,
        use_bias: bool = True,
        normalized: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.conv = conv(
            channels, filters, self.dtype_policy, kernel_size=kernel_size, strides=strides, use_bias=use_bias,
            initializer=he_normal)
        self.norm = batch_norm(filters, self.dtype_policy) if normalized else None
        self.built = True

    def call(self, x: KerasTensor) -> KerasTensor:
        x = self.conv(x)
        return ops.leaky_relu(x if self.norm is None else self.norm(x), 0.2)
