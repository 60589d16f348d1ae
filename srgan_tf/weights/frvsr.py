"""The names of FRVSR's and TecoGAN's weights in TecoGAN-PyTorch (github.com/skycrapers/TecoGAN-PyTorch).

Files for LR that is every fourth pixel (BD) hold the numbers of the bicubic interpolation and are known by them; the
others interpolate bilinearly.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from srgan_tf.weights.layers import Arguments, Arrays, ConvTranspose, Family, Shapes, Slot, count, kernel

STAGES = ("encoder1", "encoder2", "encoder3", "decoder1", "decoder2", "decoder3")
KERNELS = ("upsample_func.kernels", "srnet.upsample_func.kernels")


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """Scale, features, blocks, interpolation and the flow network's features."""
    blocks = count(shapes, "srnet.resblocks.{}.conv.0.weight")
    head, flow = kernel(shapes, "srnet.conv_in.0.weight"), kernel(shapes, "fnet.encoder1.0.weight")
    # Frame and unshuffled image: 3 + 3 s^2 channels.
    scale = {3 + 3 * scale**2: scale for scale in (2, 4)}.get(head[1])
    if not (blocks and any(flow) and scale):
        return None
    return "tecogan_pytorch", {"scale": scale, "features": head[0], "blocks": blocks,
                               "skip": "bicubic" if KERNELS[0] in shapes else "bilinear", "flow_features": flow[0]}


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.FRVSR."""
    for name, layers in zip(STAGES, model.flow.stages, strict=True):
        for place, layer in enumerate(layers):
            yield Slot(f"fnet.{name}.{2 * place}", layer)
    yield Slot("fnet.flow.0", model.flow.refine)
    yield Slot("fnet.flow.2", model.flow.tail)
    yield Slot("srnet.conv_in.0", model.head)
    for number, block in enumerate(model.body):
        yield Slot(f"srnet.resblocks.{number}.conv.0", block.conv1)
        yield Slot(f"srnet.resblocks.{number}.conv.2", block.conv2)
    for number, layer in enumerate(model.upsampling):
        yield Slot(f"srnet.conv_up.{2 * number}", layer, ConvTranspose())
    yield Slot("srnet.conv_out", model.tail)


def constants(model: Any, keys: str) -> Arrays:
    """The interpolation's weights, where it is bicubic."""
    from srgan_tf.models.frvsr import corner_kernels  # where there is a model, Keras is imported

    kernels = corner_kernels(model.scale).astype(np.float32)
    return dict.fromkeys(KERNELS, kernels) if model.skip == "bicubic" else {}


FRVSR = Family(("tecogan_pytorch",), infer, slots, constants)
