"""The names of the weights of Real-ESRGAN's U-Net discriminator, spectrally normalised.

The files hold what is trained, `weight_orig`, and the state of the power iteration; the patches' size is not in them,
and is taken to be Real-ESRGAN's 256.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from srgan_tf.weights.layers import Arguments, Conv, Family, Shape, Shapes, Slot

# Outputs and inputs of the convolutions between the first and the last, in multiples of the first one's outputs.
WIDTHS = ((2, 1), (4, 2), (8, 4), (4, 8), (2, 4), (1, 2), (1, 1), (1, 1))


class Spectral(NamedTuple):
    """A spectrally normalised convolution without bias; v is over [in,H,W] in PyTorch and over [H,W,in] here."""

    inputs: int
    names = ("weight_orig", "weight_u", "weight_v")

    def shapes(self, kernel: Shape, *vectors: Shape) -> list[Shape]:
        return [*Conv().shapes(kernel), *vectors]

    def to_keras(self, kernel: np.ndarray, u: np.ndarray, v: np.ndarray) -> list[np.ndarray]:
        return [*Conv().to_keras(kernel), u, v.reshape(self.inputs, -1).T.ravel()]

    def to_torch(self, kernel: np.ndarray, u: np.ndarray, v: np.ndarray) -> list[np.ndarray]:
        return [*Conv().to_torch(kernel), u, v.reshape(-1, self.inputs).T.ravel()]


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """Features. Every kernel's shape is looked at, because the model computes with them when it is made."""
    head = shapes.get("conv0.weight", ())
    if len(head) != 4 or "conv9.bias" not in shapes:
        return None
    kernels = [shapes.get(f"conv{number}.weight_orig", ())[:2] for number in range(1, 9)]
    if kernels != [(head[0] * outputs, head[0] * inputs) for outputs, inputs in WIDTHS]:
        return None
    return "basicsr", {"patch_size": 256, "features": head[0]}


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.UNetDiscriminator."""
    yield Slot("conv0", model.first)
    for number, layer in enumerate([*model.down, *model.up, *model.refine], 1):
        yield Slot(f"conv{number}", layer, Spectral(layer.kernel.shape[2]))
    yield Slot("conv9", model.last)


UNET = Family(("basicsr",), infer, slots)
