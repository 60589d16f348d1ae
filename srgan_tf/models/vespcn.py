"""VESPCN: each frame from itself and its two neighbours, which are moved onto it."""

import keras
from keras import KerasTensor, ops

from srgan_tf.errors import UserError
from srgan_tf.models.blocks import bicubic_upsample, conv, mirror_to_multiple, msra, pixel_shuffle
from srgan_tf.models.clip_generator import ClipGenerator
from srgan_tf.models.generator import IMAGES, require_positive_integers
from srgan_tf.models.luma import LUMA_TO_RGB, luma
from srgan_tf.models.warping import warp

# LR pixels that the coarse and the fine flow can be long. The paper ends both in tanh and does not say what 1 stands
# for.
MOST_COARSE, MOST_FINE = 24, 8
COARSE, FINE = 4, 2  # LR pixels in one of the map whose pixel shuffle is the flow
_COARSE_RADIUS = 2 + 2 + 2 * 2 + 4 + 4 + COARSE - 1
_FINE_RADIUS = 2 + 2 * (3 + 1) + FINE - 1


class MotionNetwork(keras.layers.Layer):
    """The spatial transformer (section 3.2, table 1): where pixels of Y were in another, coarse to fine.

    `layer(frames, others)`, float32 [B,H,W,1] both -> float32 [B,H,W,2], as `warp` takes it.
    """

    def __init__(self, features: int, **kwargs):
        super().__init__(**kwargs)
        self.coarse = self._stack(2, features, ((5, 2), (3, 1), (5, 2), (3, 1)), 2 * COARSE**2)
        self.fine = self._stack(5, features, ((5, 2), (3, 1), (3, 1), (3, 1)), 2 * FINE**2)
        self.built = True

    def _stack(self, channels: int, features: int, convolutions: tuple, last: int) -> list:
        layers = []
        for side, strides in convolutions:
            layers.append(conv(channels, features, self.dtype_policy, kernel_size=side, strides=strides,
                               initializer=msra))
            channels = features
        # bfloat16 would round a vector of 24 pixels to an eighth of one.
        return [*layers, conv(features, last, "float32")]

    def call(self, frames: KerasTensor, others: KerasTensor) -> KerasTensor:
        height, width = ops.shape(frames)[1:3]
        frames, others = (mirror_to_multiple(x, COARSE) for x in (frames, others))
        coarse = MOST_COARSE * _flow(self.coarse, [frames, others], COARSE)
        fine = MOST_FINE * _flow(self.fine, [frames, others, coarse / MOST_COARSE, warp(others, coarse)], FINE)
        return (coarse + fine)[:, :height, :width]


def _flow(layers: list, maps: list, factor: int) -> KerasTensor:
    """What the layers make of the maps: [B,H,W,2] in -1..1."""
    x = ops.concatenate(maps, axis=-1)
    for layer in layers[:-1]:
        x = ops.relu(layer(x))
    return pixel_shuffle(ops.tanh(layers[-1](x)), factor)


@keras.saving.register_keras_serializable("srgan_tf")
class VESPCN(ClipGenerator):
    """VESPCN (Caballero et al., arXiv 1611.05250, section 3): ESPCN on three frames that are fused in its first layer.

    The frames before and after are moved onto the one in the middle by a spatial transformer. All is done on Y; Cb and
    Cr are interpolated (MATLAB's bicubic), as in the other networks on luma. x4 has 40,600 trainable parameters in nine
    convolutions (9L-E3) and 53,392 in the transformer. A frame's image comes one step after it; where a scene begins or
    ends, its frame stands in for the one that is not there.
    """

    scales = (2, 3, 4)
    alignment = COARSE
    delay = 1
    state_channels = 6

    def __init__(self, scale: int = 4, features: int = 24, layers: int = 9, **kwargs):
        """Builds the network.

        Args:
            scale: 2, 3 or 4.
            features: channels throughout.
            layers: convolutions, the last of which is before the pixel shuffle; at least 2.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, **kwargs)
        require_positive_integers(features=features, layers=layers)
        if layers < 2:
            raise UserError(f"layers of VESPCN must be at least 2; got {layers}")
        # Keras keeps `layers` for itself.
        self.features, self.convolutions = features, layers
        self.motion = MotionNetwork(features, dtype=self.dtype_policy)
        self.body = [conv(before, features, self.dtype_policy, initializer=msra)
                     for before in (3, *[features] * (layers - 2))]
        self.tail = conv(features, scale**2, "float32")
        fetched = max(MOST_COARSE + MOST_FINE + 1, _FINE_RADIUS + max(_COARSE_RADIUS, MOST_COARSE + 1))
        self.receptive_radius = layers + fetched
        self.build(IMAGES)

    def initial_state(self, frames: KerasTensor) -> KerasTensor:
        """The frame twice: before itself, and as the one whose image comes next."""
        return ops.concatenate([frames, frames], axis=-1)

    def step(self, frames: KerasTensor, state: KerasTensor, training: bool = False) -> tuple[KerasTensor, KerasTensor]:
        middle = state[..., 3:]
        neighbours = [self.moved(middle, other)[0] for other in (state[..., :3], frames)]
        return self.render(middle, *neighbours), ops.concatenate([middle, ops.cast(frames, "float32")], axis=-1)

    def unroll(self, frames: KerasTensor, training: bool = False) -> tuple[KerasTensor, list]:
        shape, inner = ops.shape(frames), frames.shape[1] - 2
        before, middle, after = (ops.reshape(frames[:, place : place + inner], (-1, *shape[2:])) for place in range(3))
        neighbours = [self.moved(middle, other) for other in (before, after)]
        images = self.render(middle, *(moved for moved, _ in neighbours))
        images = ops.reshape(images, (-1, inner, *ops.shape(images)[1:]))
        return images, [(moved, luma(middle), flow) for moved, flow in neighbours]

    def moved(self, frames: KerasTensor, others: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
        """The Y of others [B,H,W,3], moved onto that of frames: [B,H,W,1]; and the flow [B,H,W,2]."""
        other = luma(others)
        flow = self.motion(luma(frames), other)
        return warp(other, flow), flow

    def render(self, frames: KerasTensor, before: KerasTensor, after: KerasTensor) -> KerasTensor:
        """The images [B,sH,sW,3] of frames [B,H,W,3] and of their neighbours' moved Y, [B,H,W,1] each."""
        x = ops.concatenate([before, luma(frames), after], axis=-1)
        for layer in self.body:
            x = ops.relu(layer(x))
        upscaled = bicubic_upsample(frames, self.scale)
        return upscaled + LUMA_TO_RGB * (pixel_shuffle(self.tail(x), self.scale) - luma(upscaled))

    def get_config(self) -> dict:
        return {**super().get_config(), "features": self.features, "layers": self.convolutions}
