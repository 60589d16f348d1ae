"""The names of PLKSR's and RealPLKSR's weights; they differ in one letter of the channel mixer's.

The number of groups that are normalised together is not in a file; the community's networks have four.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from srgan_tf.weights.layers import Arguments, Arrays, Conv, Family, Plain, Shapes, Slot, count, kernel

# What the channel mixer is called by each set of keys, and how many places the last convolution is behind the blocks:
# RealPLKSR has a dropout between, which has no weights.
KEYS = {"plksr": ("channe_mixer", 1), "realplksr": ("channel_mixer", 2)}
MIXERS = {(3, 1): "ccm", (1, 3): "iccm", (3, 3): "dccm"}
VECTORS = Plain(("weight", "bias"))


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """Scale, features, blocks, the large kernel and its channels, mixer, norm, attention and upsampler."""
    for keys, (mixer, behind) in KEYS.items():
        blocks = count(shapes, f"feats.{{}}.{mixer}.0.weight", start=1)
        head, first, last, large, tail = (kernel(shapes, f"feats.{name}.weight") for name in (
            "0", f"1.{mixer}.0", f"1.{mixer}.2", "1.lk.conv", f"{blocks + behind}"))
        if not blocks or not any(large) or not any(tail) or (first[2], last[2]) not in MIXERS:
            continue
        norm = next((norm for norm, name in (("group", "norm"), ("layer", "layer_norm"))
                     if f"feats.1.{name}.weight" in shapes), "none")
        return keys, {"scale": math.isqrt(tail[0] // 3), "features": head[0], "blocks": blocks, "kernel_size": large[2],
                      "large_features": large[0], "mixer": MIXERS[first[2], last[2]],
                      "activation": "mish" if keys == "realplksr" else "gelu", "norm": norm,
                      "attention": "feats.1.attn.f.0.weight" in shapes,
                      "upsampler": "dysample" if "to_img.offset.weight" in shapes else "pixel_shuffle"}
    return None


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.PLKSR."""
    mixer, behind = KEYS[keys]
    yield Slot("feats.0", model.head)
    for number, block in enumerate(model.body, 1):
        parts = {"layer_norm": block.layer_norm, f"{mixer}.0": block.widen, f"{mixer}.2": block.narrow,
                 "lk.conv": block.large, "attn.f.0": block.attention, "refine": block.refine, "norm": block.norm}
        for name, layer in parts.items():
            if layer:
                yield Slot(f"feats.{number}.{name}", layer, VECTORS if "norm" in name else Conv())
    yield Slot(f"feats.{model.blocks + behind}", model.tail, Conv(shuffle=model.scale))
    if model.sampler:
        places = Conv(shuffle=model.scale, unshuffle=model.scale)
        yield Slot("to_img.offset", model.sampler.offset, places)
        yield Slot("to_img.scope", model.sampler.scope, places)
        yield Slot("to_img.end_conv", model.sampler.end, Conv(unshuffle=model.scale))


def centres(model: Any, keys: str) -> Arrays:
    """Where DySample's pixels lie within the pixel that they are made from: to the right, then down."""
    if not model.sampler:
        return {}
    places = (np.arange(model.scale, dtype=np.float32) + 0.5) / model.scale - 0.5
    right, down = np.meshgrid(places, places)
    groups = (model.sampler.groups, 1)
    return {"to_img.init_pos": np.concatenate([np.tile(right.ravel(), groups).ravel(),
                                               np.tile(down.ravel(), groups).ravel()]).reshape(1, -1, 1, 1)}


PLKSR = Family(tuple(KEYS), infer, slots, centres)
