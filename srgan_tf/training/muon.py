"""Muon for convolutions."""

import keras
from keras import KerasTensor, ops


class ConvolutionalMuon(keras.optimizers.Muon):
    """Keras' Muon (Jordan, https://kellerjordan.github.io/posts/muon), which leaves kernels of convolutions to AdamW.

    Here they are matrices, as its author advises: all inputs of a pixel by all of its outputs. The update of a kernel
    is its momentum with all singular values brought near 1; biases, slopes and the like stay AdamW's. Updates are
    scaled as in Moonlight (arXiv 2502.16982, section 2.2), so that Adam's learning rates serve.
    """

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        return len(variable.shape) not in (2, 4)  # PReLU has slopes [1,1,C]

    def _muon_update_step(self, gradient: KerasTensor, variable: keras.Variable, lr: KerasTensor,
                          momentum: keras.Variable) -> None:
        self.assign_add(momentum, gradient + momentum * (self.momentum - 1))
        update = gradient + self.momentum * momentum if self.nesterov else momentum
        matrix = ops.reshape(update, (-1, update.shape[-1]))
        matrix = self.lr_adjust(self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
        self.assign_sub(variable, ops.cast(lr, variable.dtype) * ops.reshape(matrix, update.shape))
