"""Spectral normalisation (arXiv 1802.05957) as PyTorch parametrises it."""

import keras
import numpy as np
from keras import KerasTensor, ops

from srgan_tf.models.blocks import Initializer, pytorch_uniform
from srgan_tf.models.sizes import count_layer, without_values

EPSILON = 1e-12
# What torch.nn.utils.parametrizations does, so that a discriminator can be asked before its first training step.
FIRST_ITERATIONS = 15


class SpectralConv(keras.layers.Layer):
    """A zero-padded ("same") convolution without bias by kernel / sigma, sigma being the kernel's greatest stretch.

    What the optimizer trains, and a file holds, is the kernel itself; keras.layers.SpectralNormalization overwrites it
    with the quotient. Sigma is v' K u with K the kernel as a matrix [height width channels, filters], and its gradient
    is part of the kernel's. A call in training first improves u and v by one power iteration, without gradients:
    v = K u / |K u|, u = K' v / |K' v|. PyTorch's v of an imported network is permuted from [channels, height, width]
    to [height, width, channels].

    Everything up to the quotient is computed in float32 under every policy.
    """

    def __init__(self, channels: int, filters: int, *, kernel_size: int = 3, strides: int = 1,
                 initializer: Initializer = pytorch_uniform, **kwargs):
        """Makes the weights; the arguments are those of blocks.conv."""
        super().__init__(**kwargs)
        count_layer()
        self.strides = strides
        self.kernel = self.add_weight(
            (kernel_size, kernel_size, channels, filters), initializer(), name="kernel", autocast=False)
        self.u, self.v = (
            self.add_weight((size,), keras.initializers.RandomNormal(stddev=1.0), trainable=False, name=name,
                            autocast=False)
            for size, name in ((filters, "u"), (kernel_size**2 * channels, "v")))
        if not without_values():
            self._begin()
        self.built = True

    def call(self, x: KerasTensor, training: bool = False) -> KerasTensor:
        if training:
            u, v = self._iterate()
        else:
            u, v = ops.convert_to_tensor(self.u), ops.convert_to_tensor(self.v)
        sigma = ops.sum(v * ops.matmul(self._matrix(), u))
        return ops.conv(x, ops.cast(self.kernel / sigma, x.dtype), strides=self.strides, padding="same")

    def _begin(self) -> None:
        """The first iterations, in NumPy: a hundred small operations a layer would take TensorFlow a second."""
        matrix, u = ops.convert_to_numpy(self._matrix()), ops.convert_to_numpy(self.u)
        for _ in range(FIRST_ITERATIONS):
            v = matrix @ u
            v /= max(np.linalg.norm(v), EPSILON)
            u = v @ matrix
            u /= max(np.linalg.norm(u), EPSILON)
        self.u.assign(u)
        self.v.assign(v)

    def _iterate(self) -> tuple[KerasTensor, KerasTensor]:
        matrix = ops.stop_gradient(self._matrix())
        v = _unit(ops.matmul(matrix, ops.convert_to_tensor(self.u)))
        u = _unit(ops.matmul(v, matrix))
        self.u.assign(u)
        self.v.assign(v)
        return u, v

    def _matrix(self) -> KerasTensor:
        """[k,k,C,F] -> [k k C,F]."""
        return ops.reshape(ops.convert_to_tensor(self.kernel), (-1, self.kernel.shape[-1]))


def _unit(vector: KerasTensor) -> KerasTensor:
    return vector / ops.maximum(ops.sqrt(ops.sum(ops.square(vector))), EPSILON)
