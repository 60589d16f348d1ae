"""FNet, the flow network of FRVSR (arXiv 1801.04590, figure 3a) and of TecoGAN (arXiv 1811.09393, appendix D)."""

import keras
from keras import KerasTensor, ops

from srgan_tf.models.blocks import Initializer, bilinear_double, conv, mirror_to_multiple

MOST = 24  # LR pixels that the flow can be long, along each axis
STRIDE = 8  # LR pixels that lie in one of the innermost map
# Channels of the two convolutions of each stage, over those of the first: three that halve, three that double.
WIDTHS = (1, 2, 4, 8, 4, 2)
# LR pixels to each side that a vector depends on: two convolutions a stage and the last two, at 1, 2, 4 and 8 pixels a
# step, the neighbours that three interpolations read, and the cell that a pixel lies in.
RADIUS = 2 * (1 + 2 + 4 + 8 + 4 + 2 + 1) + (2 + 4 + 8) + STRIDE - 1


class FlowNetwork(keras.layers.Layer):
    """Where each pixel of a frame was in another: [B,H,W,3] and [B,H,W,3] -> float32 [B,H,W,2], as `warp` takes it.

    Frames whose sides are no multiples of 8 are mirrored at their right and bottom edges. (The PyTorch TecoGAN cuts
    them there and mirrors the flow, so that motion at those edges is not seen.)
    """

    def __init__(self, features: int, initializer: Initializer, **kwargs):
        super().__init__(**kwargs)
        self.stages, channels = [], 6
        for width in (features * factor for factor in WIDTHS):
            self.stages.append([conv(before, width, self.dtype_policy, initializer=initializer)
                                for before in (channels, width)])
            channels = width
        self.refine = conv(channels, features, self.dtype_policy, initializer=initializer)
        # bfloat16 would round a vector of 24 pixels to an eighth of one.
        self.tail = conv(features, 2, "float32", initializer=initializer)
        self.built = True

    def call(self, frames: KerasTensor, others: KerasTensor) -> KerasTensor:
        height, width = ops.shape(frames)[1:3]
        x = mirror_to_multiple(ops.concatenate([frames, others], axis=-1), STRIDE)
        for number, (first, second) in enumerate(self.stages):
            x = ops.leaky_relu(second(ops.leaky_relu(first(x), 0.2)), 0.2)
            x = ops.max_pool(x, (2, 2), (2, 2)) if number < 3 else bilinear_double(x)
        x = self.tail(ops.leaky_relu(self.refine(x), 0.2))
        return MOST * ops.tanh(x)[:, :height, :width]
