"""The names of SwinIR's weights; its successors have the same outside of their groups.

The authors' files hold, beside weights, the table's row for each pair of a window's pixels, which is held against
ours, and the masks of shifted windows in images of the size that they were trained with, which are computed anew. The
range of the images is not in a file: 255 is taken for windows of 7, the authors' networks for JPEG, else 1.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from srgan_tf.weights.layers import (
    Arguments,
    Arrays,
    Conv,
    Dense,
    Family,
    Plain,
    Shapes,
    Slot,
    count,
    image_channels,
    kernel,
    shuffle_factors,
)

NORM = Plain(("weight", "bias"))
BLOCK = "layers.{}.residual_group.blocks.{}"
TABLE = ".attn.relative_position_bias_table"
MASKED_WINDOWS = 8  # a side, of the masks that are written: an image of 64 pixels, the default of other programs


class Held(NamedTuple):
    """Arrays that are no layer's weights: what a Slot asks of one."""

    weights: tuple
    get_weights: Callable[[], list[np.ndarray]]
    set_weights: Callable[[list[np.ndarray]], None] = lambda arrays: None


def held(variable: Any) -> Held:
    """One variable."""
    return Held((variable,), lambda: [np.asarray(variable)], lambda arrays: variable.assign(arrays[0]))


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """All arguments."""
    ends = infer_ends(shapes)
    groups = count(shapes, f"{BLOCK.format('{}', 0)}{TABLE}")
    if not ends or not groups:
        return None
    tables = [shapes[f"{BLOCK.format(group, 0)}{TABLE}"] for group in range(groups)]
    hidden = shapes.get(f"{BLOCK.format(0, 0)}.mlp.fc1.weight", ())
    if len(hidden) != 2 or any(len(table) != 2 for table in tables):
        return None
    window = (math.isqrt(tables[0][0]) + 1) // 2
    depths = [count(shapes, f"{BLOCK.format(group, '{}')}{TABLE}") for group in range(groups)]
    return "swinir", {
        **ends, "depths": dashed(depths), "heads": dashed([table[1] for table in tables]), "window": window,
        "mlp_ratio": hidden[0] / max(hidden[1], 1), "input_range": 255 if window == 7 else 1}


def dashed(numbers: list[int]) -> str:
    """As the architectures write the numbers of their groups."""
    return "-".join(map(str, numbers))


def infer_ends(shapes: Shapes) -> Arguments | None:
    """The arguments of a models.transformer.Transformer; None where its first convolution is missing."""
    head = kernel(shapes, f"{head_name(shapes)}.weight")
    upsampler = upsampler_of(shapes)
    channels = kernel(shapes, "conv_last.weight")[0] or image_channels_of_direct(shapes, head)
    if not any(head) or not channels:
        return None
    unshuffle = math.isqrt(head[1] // channels)
    return {"scale": max(factor_of(shapes, upsampler, channels) // max(unshuffle, 1), 1), "features": head[0],
            "upsampler": upsampler,
            "connection": "1conv" if "conv_after_body.weight" in shapes else "3conv",
            "reconstruction_features": kernel(shapes, "conv_before_upsample.0.weight")[0] or 64,
            "unshuffle": unshuffle, **image_channels(channels)}


def head_name(shapes: Shapes) -> str:
    """Of the first convolution: the second of a sequence where a pixel unshuffle is the first."""
    return "conv_first.1" if "conv_first.1.weight" in shapes else "conv_first"


def image_channels_of_direct(shapes: Shapes, head: tuple[int, ...]) -> int:
    """Channels of images where the upsampler tells nothing: those of the input, unless that was unshuffled."""
    return head[1] if head_name(shapes) == "conv_first" else 3


def upsampler_of(shapes: Shapes) -> str:
    """By what follows the body."""
    if "conv_before_upsample.0.weight" in shapes:
        return "nearest+conv" if "conv_up1.weight" in shapes else "pixelshuffle"
    return "pixelshuffledirect" if "upsample.0.weight" in shapes else "none"


def factor_of(shapes: Shapes, upsampler: str, channels: int) -> int:
    """How many times larger the upsampler makes an image."""
    if upsampler == "nearest+conv":
        return 2 ** count(shapes, "conv_up{}.weight", start=1)
    if upsampler == "pixelshuffle":
        return math.prod(shuffle_factors(shapes, "upsample.{}.weight", step=2))
    return math.isqrt(kernel(shapes, "upsample.0.weight")[0] // channels) if upsampler != "none" else 1


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.SwinIR."""
    yield from end_slots(model, "patch_embed.norm")
    for name, block in blocks(model):
        yield Slot(f"{name}.norm1", block.norm1, NORM)
        yield Slot(f"{name}.norm2", block.norm2, NORM)
        yield Slot(f"{name}.attn", held(block.attention.table), Plain((TABLE.rpartition(".")[2],)))
        yield Slot(f"{name}.attn.qkv", block.attention.joined, Dense())
        yield Slot(f"{name}.attn.proj", block.attention.out, Dense())
        yield Slot(f"{name}.mlp.fc1", block.perceptron.widen, Dense())
        yield Slot(f"{name}.mlp.fc2", block.perceptron.narrow, Dense())


def blocks(model: Any) -> Iterator[tuple[str, Any]]:
    """The blocks of all groups, with their names."""
    for number, group in enumerate(model.groups):
        for place, block in enumerate(group.blocks):
            yield BLOCK.format(number, place), block


def end_slots(model: Any, norm: str) -> Iterator[Slot]:
    """The layers of a models.transformer.Transformer, but for its blocks; `norm` is the first norm's name."""
    unshuffled = "conv_first.1" if model.unshuffle > 1 else "conv_first"
    yield Slot(unshuffled, model.head, Conv(unshuffle=model.unshuffle))
    yield Slot(norm, model.norm_before, NORM)
    yield Slot("norm", model.norm_after, NORM)
    for number, group in enumerate(model.groups):
        yield from connection_slots(f"layers.{number}.conv", group.end)
    yield from connection_slots("conv_after_body", model.body_end)
    if model.before:
        yield Slot("conv_before_upsample.0", model.before)
    for step, layer in enumerate(model.upsampling):
        if model.upsampler == "pixelshuffle":
            yield Slot(f"upsample.{2 * step}", layer.conv, Conv(layer.factor))
        else:
            yield Slot(f"conv_up{step + 1}", layer)
    if model.refine:
        yield Slot("conv_hr", model.refine)
    direct = model.upsampler == "pixelshuffledirect"
    yield Slot("upsample.0" if direct else "conv_last", model.tail,
               Conv(model.scale * model.unshuffle if direct else 1))


def connection_slots(name: str, connection: Any) -> Iterator[Slot]:
    """The one or three convolutions of a models.transformer.Connection; activations lie between."""
    for number, layer in enumerate(connection.convolutions):
        yield Slot(name if len(connection.convolutions) == 1 else f"{name}.{2 * number}", layer)


def positions(model: Any, keys: str) -> Arrays:
    """The row of the table for each pair of a window's pixels."""
    return {f"{name}.attn.relative_position_index": block.attention.positions for name, block in blocks(model)}


def masks(model: Any, keys: str) -> Iterator[Slot]:
    """The masks of shifted windows, in an image of MASKED_WINDOWS by as many windows."""
    for name, block in blocks(model):
        if block.shift:
            yield mask(f"{name}.attn_mask", MASKED_WINDOWS * block.window, block.window, block.window)


def mask(name: str, side: int, rows: int, columns: int) -> Slot:
    """0 where two pixels of a shifted window see each other, -100 elsewhere, in a square image: float32 [Nw,N,N]."""
    def make() -> list[np.ndarray]:
        place = np.arange(side)
        row, column = (np.searchsorted([side - size, side - size // 2], place, side="right")
                       for size in (rows, columns))
        labels = (3 * row[:, None] + column).reshape(side // rows, rows, side // columns, columns)
        labels = labels.transpose(0, 2, 1, 3).reshape(-1, rows * columns)
        return [np.where(labels[:, None] == labels[:, :, None], 0, -100).astype(np.float32)]

    layer, _, suffix = name.rpartition(".")
    return Slot(layer, Held((None,), make), Plain((suffix,)))


SWINIR = Family(("swinir",), infer, slots, positions, masks)
