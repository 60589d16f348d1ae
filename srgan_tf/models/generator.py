"""What every generator is: a Keras model that upscales images by a whole number."""

import math
from collections.abc import Iterable

import keras
from keras import KerasTensor, ops

from srgan_tf.errors import UserError

# Shape of the input: any number of images, any height and width.
IMAGES = (None, None, None, 3)
ALL_WEIGHTS = "all weights"  # what `adopt` says of them


class Generator(keras.Model):
    """Base of the generators: float32 NHWC RGB in [0, 1] of any size -> the same, `scale` times larger.

    The output is always float32 and is not clipped to the range, so that losses near its ends keep their gradients.
    Under a mixed policy the last convolution still computes in float32: bfloat16 has 8 bits of precision, which is
    one grey level near white.

    A subclass makes its layers of blocks.py's, which have their weights at once, with `dtype=self.dtype_policy`; sets
    `receptive_radius`; ends its constructor with `self.build(IMAGES)`; and adds its arguments to `get_config`. The
    dtype is left out of the configuration: it is a choice of the run, not of the architecture, and the weights are
    float32 under every mixed policy.

    Attributes:
        scale: how many times larger the output is.
        receptive_radius: LR pixels on each side, beyond the one that an output pixel lies in, that can influence it;
            tiles that overlap by this much upscale exactly like the whole image.
        alignment: LR pixels that the network puts together, from the image's top left on; tiles that begin at
            multiples of it are cut up like the whole image.
        image_channels: of the images that go in and come out: 3 for RGB; 1 for grey and 4 for RGBA (straight alpha),
            each on 0..1, in some networks that others publish. Their input is [B,H,W,image_channels].
        closed_form: whether `train` solves equations for the weights, instead of following gradients.
        whole_image_bytes: of a network that takes averages over the whole image, so that tiles differ from it a little:
            about how much memory it takes for each LR pixel when it upscales an image at once. None for all others.
    """

    scales = (2, 3, 4, 8)
    closed_form = False
    alignment = 1
    image_channels = 3
    whole_image_bytes: int | None = None
    receptive_radius: int

    def __init__(self, scale: int, **kwargs):
        """Checks the scale.

        Args:
            scale: one of the class's `scales`.
            **kwargs: `name` and `dtype` of the keras.Model.

        Raises:
            ValueError: the family has no such scale.
        """
        # Autocasting here would round the input itself to bfloat16; each layer casts what it computes with.
        super().__init__(autocast=False, **kwargs)
        if isinstance(scale, bool) or not isinstance(scale, int) or scale not in self.scales:
            known = ", ".join(map(str, self.scales))
            raise UserError(f"scale of {type(self).__name__} must be one of {known}; got {scale!r}")
        self.scale = scale

    def upscale(self, images: KerasTensor) -> KerasTensor:
        """What the network does for an image file: uint8 [B,H,W,3] on 0..255 -> uint8 [B,sH,sW,3], rounded half up."""
        levels = 255 * self(ops.cast(images, "float32") / 255, training=False)
        return ops.cast(ops.clip(ops.floor(levels + 0.5), 0, 255), "uint8")

    def fold(self) -> "Generator":
        """The network in the form in which it runs fastest: itself, unless training has another (as SPAN's has)."""
        return self

    def adopt(self, other: "Generator") -> str:
        """Takes another network's weights, as far as they fit: all of those of this architecture with these arguments.

        Returns:
            What was taken, in words; empty where nothing fits.
        """
        if type(other) is not type(self) or other.get_config() != self.get_config():
            return ""
        self.set_weights(other.get_weights())
        return ALL_WEIGHTS

    def get_config(self) -> dict:
        """The architecture's arguments; the dtype is not among them (see the class)."""
        return {"scale": self.scale}

    def get_build_config(self) -> None:
        """Nothing: the constructor builds the model."""


def require_positive_integers(most: int = 65_536, **arguments: int) -> None:
    """Raises a ValueError that names the first argument which is not an integer of at least 1, and at most `most`."""
    for name, value in arguments.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UserError(f"{name} must be an integer of at least 1; got {value!r}")
        if value > most:
            raise UserError(f"{name} must be at most {most}; got {value!r}")


def require_booleans(**arguments: bool) -> None:
    """Raises a ValueError that names the first argument which is neither true nor false."""
    for name, value in arguments.items():
        if not isinstance(value, bool):
            raise UserError(f"{name} must be true or false; got {value!r}")


def require_image_channels(image_channels: int) -> None:
    """Raises a ValueError where it is not 1 (grey), 3 (RGB) or 4 (RGBA)."""
    if isinstance(image_channels, bool) or image_channels not in (1, 3, 4):
        raise UserError(f"image_channels must be 1 (grey), 3 (RGB) or 4 (RGBA); got {image_channels!r}")


def require_number(**arguments: float) -> None:
    """Raises a ValueError that names the first argument which is not a finite number."""
    for name, value in arguments.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise UserError(f"{name} must be a finite number; got {value!r}")


def receptive_radius(scale: int, convolutions: Iterable[tuple[int, int]]) -> int:
    """How many LR pixels on each side of its own an output pixel can depend on.

    Followed from the output backwards for the worst-placed pixel, the last of the `scale` that share an LR pixel; by
    symmetry the first reaches as far to the other side. Pixel shuffles and nearest-neighbour upscaling read one
    pixel of the lower resolution, so that only the rounding to it counts.

    Args:
        scale: of the network.
        convolutions: each convolution on the longest path from input to output, as its radius and the multiple of the
            LR resolution at which it runs.
    """
    resolution, reach = scale, scale - 1
    for radius, at in reversed(list(convolutions)):
        reach = reach // (resolution // at) + radius
        resolution = at
    return reach // resolution
