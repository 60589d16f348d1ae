"""The names of DAT's weights. Outside of its groups they are SwinIR's.

The authors' files hold, beside weights, the steps between a window's pixels and the number of each, which are held
against ours, and the masks of shifted windows, which are computed anew. Which side of the windows comes first is not
seen in shapes: the shorter one is taken, as published, and the steps would tell otherwise.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from srgan_tf.weights.layers import Arguments, Arrays, Dense, Depthwise, Family, Plain, Shape, Shapes, Slot, count
from srgan_tf.weights.swinir import NORM, dashed, end_slots, held, infer_ends, mask

BLOCK = "layers.{}.blocks.{}"
TEMPERATURE = Plain(("temperature",))  # one number a head, [heads,1,1] in both
MASKED_SIDE = 64  # of the image whose masks are written, the default of other programs, unless windows are larger


class Halves(NamedTuple):
    """A dense layer for queries, keys and values, of which ours gives those of the first half of the channels first."""

    names = Dense.names

    def shapes(self, kernel: Shape, *bias: Shape) -> list[Shape]:
        return [kernel[::-1], *bias]

    def to_keras(self, kernel: np.ndarray, *bias: np.ndarray) -> list[np.ndarray]:
        order = self._order(len(kernel))
        return [kernel[order].T, *(vector[order] for vector in bias)]

    def to_torch(self, kernel: np.ndarray, *bias: np.ndarray) -> list[np.ndarray]:
        order = np.argsort(self._order(kernel.shape[1]))
        return [kernel.T[order], *(vector[order] for vector in bias)]

    @staticmethod
    def _order(units: int) -> np.ndarray:
        return np.arange(units).reshape(3, 2, -1).swapaxes(0, 1).ravel()


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """All arguments."""
    first = f"{BLOCK.format('{}', 0)}.attn.attns.0"
    ends, groups = infer_ends(shapes), count(shapes, f"{first}.rpe_biases")
    hidden = shapes.get(f"{BLOCK.format(0, 0)}.ffn.fc1.weight", ())
    sides = window(shapes.get(f"{first.format(0)}.rpe_biases", ()),
                   shapes.get(f"{first.format(0)}.relative_position_index", ()))
    if not ends or not groups or len(hidden) != 2 or not sides:
        return None
    del ends["unshuffle"]
    depths = [count(shapes, f"{BLOCK.format(group, '{}')}.norm1.weight") for group in range(groups)]
    heads = [2 * sum(shapes.get(f"{first.format(group)}.pos.pos3.2.bias", ())) for group in range(groups)]
    return "dat", {**ends, "depths": dashed(depths), "heads": dashed(heads), "window": dashed(sides),
                   "expansion": hidden[0] / max(hidden[1], 1)}


def window(steps: Shape, index: Shape) -> list[int] | None:
    """The sides of a window, the shorter first, from how many steps and how many pixels it has."""
    if len(steps) != 2 or len(index) != 2:
        return None
    half = (4 * index[0] + 1 - steps[0]) // 4  # of the sides' sum
    return [half - (root := math.isqrt(max(half**2 - index[0], 0))), half + root] if half > 0 else None


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.DAT."""
    yield from end_slots(model, "before_RG.1")
    for name, block in blocks(model):
        yield Slot(f"{name}.norm1", block.norm1, NORM)
        yield Slot(f"{name}.norm2", block.norm2, NORM)
        yield Slot(f"{name}.ffn.fc1", block.widen, Dense())
        yield Slot(f"{name}.ffn.sg.norm", block.gate_norm, NORM)
        yield Slot(f"{name}.ffn.sg.conv", block.gate, Depthwise())
        yield Slot(f"{name}.ffn.fc2", block.narrow, Dense())
        yield from attention_slots(f"{name}.attn", block.attention, block.kind)


def blocks(model: Any) -> Iterator[tuple[str, Any]]:
    """The blocks of all groups, with their names."""
    for number, group in enumerate(model.groups):
        for place, block in enumerate(group.blocks):
            yield BLOCK.format(number, place), block


def attention_slots(name: str, layer: Any, kind: str) -> Iterator[Slot]:
    """The layers of an attention of either kind."""
    yield Slot(f"{name}.qkv", layer.joined, Dense() if kind == "channel" else Halves())
    yield Slot(f"{name}.proj", layer.out, Dense())
    yield Slot(f"{name}.dwconv.0", layer.convolution, Depthwise())
    yield Slot(f"{name}.dwconv.1", layer.convolution_norm, Plain())
    for part, first in ((layer.channel, 1), (layer.spatial, 0)):
        parts = f"{name}.{'channel' if first else 'spatial'}_interaction"
        yield Slot(f"{parts}.{first}", part.squeeze)
        yield Slot(f"{parts}.{first + 1}", part.norm, Plain())
        yield Slot(f"{parts}.{first + 3}", part.excite)
    if kind == "channel":
        yield Slot(name, held(layer.temperature), TEMPERATURE)
        return
    for number, bias in enumerate(layer.biases):
        pos = f"{name}.attns.{number}.pos"
        yield Slot(f"{pos}.pos_proj", bias.start, Dense())
        for place, (norm, dense) in enumerate(zip(bias.norms, bias.layers, strict=True), 1):
            yield Slot(f"{pos}.pos{place}.0", norm, NORM)
            yield Slot(f"{pos}.pos{place}.2", dense, Dense())


def positions(model: Any, keys: str) -> Arrays:
    """The steps between a window's pixels, and for each pair of pixels its number."""
    found = {}
    for name, block in blocks(model):
        for number, bias in enumerate(block.attention.biases if block.kind != "channel" else ()):
            found[f"{name}.attn.attns.{number}.rpe_biases"] = bias.steps
            found[f"{name}.attn.attns.{number}.relative_position_index"] = bias.positions
    return found


def masks(model: Any, keys: str) -> Iterator[Slot]:
    """The masks of shifted windows, upright and lying."""
    side = max(model.sides) * max(MASKED_SIDE // max(model.sides), 2)
    for name, block in blocks(model):
        for number, shape in enumerate((model.sides, model.sides[::-1]) if block.kind == "shifted" else ()):
            yield mask(f"{name}.attn.attn_mask_{number}", side, *shape)


DAT = Family(("dat",), infer, slots, positions, masks)
