"""SPAN over time: a still network that also sees the image that it made before, moved."""

import keras
from keras import KerasTensor, ops

from srgan_tf.models.blocks import conv
from srgan_tf.models.flow import FlowNetwork
from srgan_tf.models.generator import IMAGES, Generator, require_positive_integers
from srgan_tf.models.recurrent import FLOW_RADIUS, RecurrentGenerator
from srgan_tf.models.span import SPAN


@keras.saving.register_keras_serializable("srgan_tf")
class RecurrentSPAN(RecurrentGenerator):
    """FRVSR's recurrence (Sajjadi et al., arXiv 1801.04590, section 3.1) around SPAN (Wan et al., arXiv 2311.12770).

    One convolution takes in what the image before, moved, has more than the frame: their difference, as LR pixels of
    3 s^2 channels. Its result is added to SPAN's first features. It begins as zeros, so that a network that adopts a
    still SPAN begins as that one, frame by frame. Before a scene the image is the frame itself, each pixel repeated,
    moved by what little motion the flow network sees between a frame and itself. x4 has 2,192,530 trainable parameters,
    of which 1,745,506 are the flow network's.
    """

    scales = (2, 3, 4)

    def __init__(self, scale: int = 4, features: int = 48, blocks: int = 6, input_range: float = 4,
                 flow_features: int = 32, **kwargs):
        """Builds the network.

        Args:
            scale: 2, 3 or 4.
            features: channels of SPAN.
            blocks: of SPAN.
            input_range: of SPAN.
            flow_features: channels of the flow network's first convolutions; its innermost have eight times as many.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, **kwargs)
        require_positive_integers(flow_features=flow_features)
        self.features, self.blocks, self.input_range = features, blocks, input_range
        self.flow_features, dtype = flow_features, self.dtype_policy
        self.still = SPAN(scale, features, blocks, input_range=input_range, folded=True, dtype=dtype)
        self.state_channels = 3 + 3 * scale**2
        self.flow = FlowNetwork(flow_features, keras.initializers.GlorotUniform, dtype=dtype)
        self.history = conv(3 * scale**2, features, dtype, use_bias=False, initializer=keras.initializers.Zeros)
        self.receptive_radius = self.still.receptive_radius + FLOW_RADIUS
        self.build(IMAGES)

    def first_image(self, frames: KerasTensor) -> KerasTensor:
        """The frame, each pixel of it repeated."""
        return ops.tile(frames, (1, 1, 1, self.scale**2))

    def render(self, frames: KerasTensor, moved: KerasTensor) -> KerasTensor:
        more = self.input_range * (moved - self.first_image(frames))
        return self.still.after_head(self.still.features_of(frames) + self.history(more))

    def adopt(self, other: Generator) -> str:
        """Of a SPAN for still images too: all that it has."""
        return "the network for each frame" if self.still.adopt(other) else super().adopt(other)

    def get_config(self) -> dict:
        return {**super().get_config(), "features": self.features, "blocks": self.blocks,
                "input_range": self.input_range, "flow_features": self.flow_features}
