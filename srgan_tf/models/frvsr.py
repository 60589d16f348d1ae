"""FRVSR, and with it TecoGAN's generator: each frame from itself and the image that was made before it, moved."""

import keras
import numpy as np
from keras import KerasTensor, ops

from srgan_tf.models.blocks import ResidualBlock, bilinear_upsample, built, conv, pixel_shuffle, upsampling_factors
from srgan_tf.models.flow import FlowNetwork
from srgan_tf.models.generator import IMAGES, receptive_radius, require_positive_integers
from srgan_tf.models.recurrent import FLOW_RADIUS, RecurrentGenerator
from srgan_tf.settings import lookup


def xavier() -> keras.initializers.Initializer:
    """Xavier's uniform (FRVSR, section 3.3)."""
    return keras.initializers.GlorotUniform()


@keras.saving.register_keras_serializable("srgan_tf")
class FRVSR(RecurrentGenerator):
    """FRVSR (Sajjadi et al., arXiv 1801.04590, section 3.1): a flow network, and one that upscales.

    The image before is warped by the flow, unshuffled to the LR resolution and joined with the frame. x4 with 10 blocks
    has 2,589,093 trainable parameters, of which 1,745,506 are the flow network's. TecoGAN's generator (Chu et al.,
    arXiv 1811.09393, appendix D) is the same with 16 blocks and an interpolation of the frame, to which the network
    adds (`skip`): 3,032,229. The first frame of a scene has black before it, as in the paper.
    """

    scales = (2, 4)
    warm_up = 2

    def __init__(self, scale: int = 4, features: int = 64, blocks: int = 10, skip: str = "none",
                 flow_features: int = 32, **kwargs):
        """Builds the network.

        Args:
            scale: 2 or 4.
            features: channels throughout.
            blocks: residual blocks.
            skip: how the frame is interpolated that the network adds to, and the flow with it: none (FRVSR; bilinear
                flow), bilinear, or bicubic as TensorFlow 1's resize_bicubic, which fits LR that is every fourth pixel.
            flow_features: channels of the flow network's first convolutions; its innermost have eight times as many.
            **kwargs: `name` and `dtype` of the keras.Model.
        """
        super().__init__(scale, **kwargs)
        require_positive_integers(features=features, blocks=blocks, flow_features=flow_features)
        self._interpolate = lookup(INTERPOLATIONS, skip, "skip of FRVSR")
        self.features, self.blocks, self.skip, self.flow_features = features, blocks, skip, flow_features
        self.state_channels = 3 + 3 * scale**2
        dtype, factors = self.dtype_policy, upsampling_factors(scale)
        self.flow = FlowNetwork(flow_features, xavier, dtype=dtype)
        self.head = conv(3 + 3 * scale**2, features, dtype, initializer=xavier)
        self.body = [ResidualBlock(features, initializer=xavier, dtype=dtype) for _ in range(blocks)]
        self.upsampling = [built(features, keras.layers.Conv2DTranspose(
            features, 3, 2, padding="valid", kernel_initializer=xavier(), dtype=dtype)) for _ in factors]
        self.tail = conv(features, 3, "float32", initializer=xavier)
        path = [*[(1, 1)] * (1 + 2 * blocks), *((1, 2**number) for number in range(len(factors))), (1, scale)]
        self.receptive_radius = receptive_radius(scale, path) + FLOW_RADIUS
        self.build(IMAGES)

    def first_image(self, frames: KerasTensor) -> KerasTensor:
        """Black."""
        return ops.repeat(ops.zeros_like(frames), self.scale**2, axis=-1)

    def upscaled_flow(self, flow: KerasTensor) -> KerasTensor:
        return super().upscaled_flow(flow) if self._interpolate is None else self.scale * self._interpolate(
            flow, self.scale)

    def render(self, frames: KerasTensor, moved: KerasTensor) -> KerasTensor:
        x = ops.relu(self.head(ops.concatenate([frames, moved], axis=-1)))
        for block in self.body:
            x = block(x)
        for upsample in self.upsampling:
            x = ops.relu(upsample(x)[:, 1:, 1:])  # PyTorch's padding of 1 and output padding of 1
        x = self.tail(x)
        return x if self._interpolate is None else x + self._interpolate(frames, self.scale)

    def get_config(self) -> dict:
        return {**super().get_config(), "features": self.features, "blocks": self.blocks, "skip": self.skip,
                "flow_features": self.flow_features}


def corner_kernels(factor: int) -> np.ndarray:
    """Weights [factor, 4] of the pixels -1, 0, 1 and 2 for each place i / factor, of Keys's kernel with a = -0.75."""
    far = np.abs(np.arange(factor)[:, None] / factor - np.arange(-1, 3))
    a = -0.75
    near = (a + 2) * far**3 - (a + 3) * far**2 + 1
    return np.where(far <= 1, near, np.where(far < 2, a * far**3 - 5 * a * far**2 + 8 * a * far - 4 * a, 0))


def corner_bicubic_upsample(x: KerasTensor, factor: int) -> KerasTensor:
    """TensorFlow 1's resize_bicubic: [B,H,W,C] -> [B,rH,rW,C].

    The top left pixels of the cells are the LR pixels themselves, and edges are replicated.
    """
    taps, channels = corner_kernels(factor).T, x.shape[-1]
    kernel = np.einsum("yi,xj,cd->yxcijd", taps, taps, np.eye(channels)).reshape(4, 4, channels, -1)
    x = ops.concatenate([x[:, :1], x] + [x[:, -1:]] * 2, axis=1)
    x = ops.concatenate([x[:, :, :1], x] + [x[:, :, -1:]] * 2, axis=2)
    return pixel_shuffle(ops.conv(x, ops.convert_to_tensor(kernel, x.dtype), padding="valid"), factor)


INTERPOLATIONS = {"none": None, "bilinear": bilinear_upsample, "bicubic": corner_bicubic_upsample}
