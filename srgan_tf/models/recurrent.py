"""What the networks have in common whose memory is the image that they made before, moved by the flow."""

import keras
from keras import KerasTensor, ops

from srgan_tf.models.blocks import bilinear_upsample, pixel_shuffle, pixel_unshuffle
from srgan_tf.models.clip_generator import ClipGenerator
from srgan_tf.models.flow import MOST, RADIUS, STRIDE, FlowNetwork
from srgan_tf.models.generator import Generator
from srgan_tf.models.warping import warp

# LR pixels that the flow adds to how far a network sees: it is interpolated over two neighbours at most, and what it
# warps is fetched from MOST away.
FLOW_RADIUS = max(RADIUS + 2, MOST + 1)


def shapes(network: keras.layers.Layer) -> list[tuple[int, ...]]:
    """Of a network's weights."""
    return [tuple(weight.shape) for weight in network.weights]


class RecurrentGenerator(ClipGenerator):
    """Base of FRVSR (Sajjadi et al., arXiv 1801.04590, section 3.1) and of what is built as it is.

    The state is the frame before [.., :3] and, unshuffled to the LR resolution, the image that was made of it.

    A subclass sets `flow`, a FlowNetwork, and has `render` and `first_image`.
    """

    alignment = STRIDE
    flow: FlowNetwork

    def render(self, frames: KerasTensor, moved: KerasTensor) -> KerasTensor:
        """The images [B,sH,sW,3] of frames [B,H,W,3].

        Args:
            frames: [B,H,W,3].
            moved: the images before, moved onto the frames and unshuffled, [B,H,W,3 s^2].
        """
        raise NotImplementedError

    def first_image(self, frames: KerasTensor) -> KerasTensor:
        """What stands for the image before a scene, unshuffled: [B,H,W,3] -> [B,H,W,3 s^2]."""
        raise NotImplementedError

    def adopt(self, other: Generator) -> str:
        """Of any recurrent generator with such a flow network, this one."""
        taken, theirs = super().adopt(other), getattr(other, "flow", None)
        if taken or not isinstance(theirs, FlowNetwork) or shapes(theirs) != shapes(self.flow):
            return taken
        self.flow.set_weights(theirs.get_weights())
        return "the flow network alone"

    def initial_state(self, frames: KerasTensor) -> KerasTensor:
        """The frame itself, as the one before it, and `first_image`."""
        return ops.concatenate([frames, self.first_image(frames)], axis=-1)

    def step(self, frames: KerasTensor, state: KerasTensor, training: bool = False) -> tuple[KerasTensor, KerasTensor]:
        before, made = state[..., :3], pixel_shuffle(state[..., 3:], self.scale)
        images = self.render(frames, self.moved(made, self.flow(frames, before)))
        return images, ops.concatenate([ops.cast(frames, "float32"), pixel_unshuffle(images, self.scale)], axis=-1)

    def unroll(self, frames: KerasTensor, training: bool = False) -> tuple[KerasTensor, list]:
        count, shape = frames.shape[1], ops.shape(frames)
        here, before = (ops.reshape(part, (-1, *shape[2:])) for part in (frames[:, 1:], frames[:, :-1]))
        flow = self.flow(here, before)  # of all frames together: [B(T-1),H,W,2]
        flows = ops.reshape(flow, (-1, count - 1, *shape[2:4], 2))
        images = [self(frames[:, 0])]
        for number in range(1, count):
            images.append(self.render(frames[:, number], self.moved(images[-1], flows[:, number - 1])))
        return ops.stack(images, axis=1), [(warp(before, flow), here, flow)]

    def triplet_flows(self, frames: KerasTensor) -> list[KerasTensor]:
        """HR flow from the second of each three frames [B,T,H,W,3] to the first and to the third, for `triplets`."""
        count = frames.shape[1] // 3
        threes = ops.reshape(frames[:, : 3 * count], (-1, 3, *frames.shape[2:]))
        return [self.upscaled_flow(self.flow(threes[:, 1], threes[:, place])) for place in (0, 2)]

    def moved(self, made: KerasTensor, flow: KerasTensor) -> KerasTensor:
        """Images [B,sH,sW,3], moved by the flow [B,H,W,2] between the frames and unshuffled: [B,H,W,3 s^2]."""
        return pixel_unshuffle(warp(made, self.upscaled_flow(flow)), self.scale)

    def upscaled_flow(self, flow: KerasTensor) -> KerasTensor:
        """The flow of images for that of frames: [B,H,W,2] -> [B,sH,sW,2], in HR pixels."""
        return self.scale * bilinear_upsample(flow, self.scale)
