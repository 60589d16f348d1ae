"""The names of ESRGAN+'s weights: the first ESRGAN's, and a 1x1 convolution in each dense block.

The noise has no weights in the authors' files: its factors stay what they are at first, and count in training alone.
"""

from collections.abc import Iterator
from typing import Any

from srgan_tf.weights import rrdb
from srgan_tf.weights.layers import Arguments, Family, Shapes, Slot

SHORTCUT = "model.1.sub.{}.RDB{}.conv1x1"


def infer(shapes: Shapes) -> tuple[str, Arguments] | None:
    """RRDB's arguments."""
    found = rrdb.infer(shapes) if f"{SHORTCUT.format(0, 1)}.weight" in shapes else None
    return found if found and found[0] == "esrgan" else None


def slots(model: Any, keys: str) -> Iterator[Slot]:
    """The layers of a models.ESRGANPlus."""
    yield from rrdb.slots(model, keys)
    for block, outer in enumerate(model.body):
        for dense, inner in enumerate(outer.dense_blocks, 1):
            yield Slot(SHORTCUT.format(block, dense), inner.shortcut)


ESRGAN_PLUS = Family(("esrgan",), infer, slots)
