"""Checkpoints of other people: what network they hold, and its weights into a model and out of it."""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.settings import lookup
from srgan_tf.weights.bsrn import BSRN
from srgan_tf.weights.containers import kind_of, ncnn_pair
from srgan_tf.weights.containers.ncnn import read_ncnn
from srgan_tf.weights.containers.ncnn_graph import graph_of
from srgan_tf.weights.containers.safetensors import open_safetensors
from srgan_tf.weights.containers.torch_files import open_torch
from srgan_tf.weights.containers.unwrapping import Contents
from srgan_tf.weights.dat import DAT
from srgan_tf.weights.edsr import EDSR
from srgan_tf.weights.esrgan_plus import ESRGAN_PLUS
from srgan_tf.weights.frvsr import FRVSR
from srgan_tf.weights.graphs import in_order, match
from srgan_tf.weights.layers import Arguments, Arrays, Family
from srgan_tf.weights.msrresnet import MSRRESNET
from srgan_tf.weights.omnisr import OMNISR
from srgan_tf.weights.plksr import PLKSR
from srgan_tf.weights.rcan import RCAN
from srgan_tf.weights.rrdb import RRDB
from srgan_tf.weights.span import SPAN
from srgan_tf.weights.srvgg import SRVGG
from srgan_tf.weights.swinir import SWINIR
from srgan_tf.weights.unet import UNET
from srgan_tf.weights.vgg128 import VGG128

# By the name that the architecture has in models/registry.py; what has more names comes before what they contain.
FAMILIES: dict[str, Family] = {
    "bsrn": BSRN, "dat": DAT, "edsr": EDSR, "esrgan_plus": ESRGAN_PLUS, "frvsr": FRVSR, "msrresnet": MSRRESNET,
    "omnisr": OMNISR, "plksr": PLKSR, "rcan": RCAN, "rrdb": RRDB, "span": SPAN, "srvgg": SRVGG, "swinir": SWINIR,
    "unet": UNET, "vgg128": VGG128,
}
_NUMBERS = {"f": "floating-point numbers", "i": "integers"}
# Counters that PyTorch's batch normalisation keeps and no inference needs.
UNUSED = ".num_batches_tracked"


class Checkpoint(NamedTuple):
    """A recognised checkpoint.

    Attributes:
        family: name of the architecture in models/registry.py.
        keys: which of the family's sets of names it uses.
        arguments: of the architecture.
        arrays: its tensors by name, float16 and bfloat16 too as what they are read to.
    """

    family: str
    keys: str
    arguments: Arguments
    arrays: Arrays


def read_checkpoint(path: str | os.PathLike) -> Checkpoint:
    """Reads a file of foreign weights, and recognises what they are: by names and shapes, of ncnn by the graph.

    Args:
        path: what torch.save wrote, a .safetensors file, or one of ncnn's two files with the other beside it.

    Raises:
        ValueError: the file is damaged, holds or asks for more than tensors, or is of no known architecture.
        OSError: it cannot be read.
    """
    path = Path(path)
    try:
        kind = lookup(KINDS, kind_of(path) or path.suffix, "kind of weights file")
        return kind(path)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


def _named(contents: Contents) -> Checkpoint:
    """Recognises tensors by their names and shapes."""
    states = []
    for state in contents.states():
        shapes = {name: tuple(tensor.shape) for name, tensor in state.items() if not name.endswith(UNUSED)}
        states.append(shapes)
        for family, table in FAMILIES.items():
            found = table.infer(shapes)
            if found:
                return Checkpoint(family, *found, contents.arrays({name: state[name] for name in shapes}))
    raise UserError(_unknown(states[0]))


def _drawn(path: Path) -> Checkpoint:
    """Recognises ncnn's files by their graph."""
    param, numbers = ncnn_pair(path)
    output = graph_of(read_ncnn(param.read_bytes(), numbers.read_bytes()))
    if output.op == "resize":
        raise UserError(f"its network is followed by {output}, a change of size that belongs to no network: use the "
                        "file of the network's own scale, whose weights are the same (realesr-animevideov3-x2 and -x3 "
                        "are realesr-animevideov3-x4, reduced)")
    nodes, reasons = in_order(output), []
    for family, table in FAMILIES.items():
        drawing = table.draw and table.draw(nodes)
        if drawing:
            arguments, drawn = drawing
            try:
                return Checkpoint(family, table.drawn_keys or table.keys[0], arguments, match(output, drawn))
            except ValueError as error:
                reasons.append(f"not {family}: {error}")
    known = ", ".join(family for family, table in FAMILIES.items() if table.draw)
    operations = ", ".join(f"{count} {op}" for op, count in Counter(node.op for node in nodes).most_common(6))
    raise UserError("; ".join(reasons) or f"no network whose ncnn graph is known ({known}): it has {operations}")


def _unknown(shapes: Mapping[str, tuple[int, ...]]) -> str:
    seen = ", ".join(f"{name[:60]} {list(shape)}" for name, shape in list(shapes.items())[:4])
    known = ", ".join(f"{family} ({', '.join(table.keys)})" for family, table in FAMILIES.items())
    return f"no network that is known: it holds {len(shapes)} tensors, {seen}; known networks and their keys: {known}"


# How each kind of file becomes a checkpoint.
KINDS: dict[str, Callable[[Path], Checkpoint]] = {
    "torch": lambda path: _named(open_torch(path.read_bytes())),
    "safetensors": lambda path: _named(open_safetensors(path.read_bytes())),
    "ncnn": _drawn,
}


def check(model: Any, checkpoint: Checkpoint) -> None:
    """Holds the names, shapes and constants of a checkpoint against the model built with its arguments.

    The model's weights need no values yet, so that a file cannot ask for more memory than it has numbers.

    Raises:
        ValueError: a tensor is missing, left over, of another shape or type, or a constant is another.
    """
    table, left = FAMILIES[checkpoint.family], dict(checkpoint.arrays)
    what = f"{checkpoint.family} in {checkpoint.keys} keys"
    expected = {name: shape for slot in table.slots(model, checkpoint.keys) for name, shape in slot.shapes.items()}
    constants = {name: array for name, array in table.constants(model, checkpoint.keys).items() if name in left}
    for name, shape in (expected | {name: array.shape for name, array in constants.items()}).items():
        if name not in left:
            raise UserError(f"{name!r} is missing for {what}")
        array, kind = left.pop(name), constants[name].dtype.kind if name in constants else "f"
        if array.shape != shape or array.dtype.kind not in ("f", kind):
            raise UserError(f"{name!r} must be {_NUMBERS[kind]} {list(shape)} for {what}; "
                            f"it is {array.dtype.name} {list(array.shape)}")
    for name, constant in constants.items():
        seen = checkpoint.arrays[name]
        if not np.allclose(seen, constant, rtol=1e-3, atol=1e-6):
            raise UserError(f"{name!r} must be {constant.ravel().tolist()} for {what}; it is {seen.ravel().tolist()}")
    for slot in table.derived(model, checkpoint.keys):
        for name in slot.names:
            left.pop(name, None)
    if left:
        more = f" (with {len(left) - 1} more)" if len(left) > 1 else ""
        raise UserError(f"{min(left)[:80]!r} is superfluous{more}: all other tensors belong to {what}")


def fill(model: Any, checkpoint: Checkpoint) -> None:
    """Puts the weights of a checkpoint that `check` has passed into the model."""
    for slot in FAMILIES[checkpoint.family].slots(model, checkpoint.keys):
        arrays = [np.asarray(checkpoint.arrays[name], np.float32) for name in slot.names]
        slot.layer.set_weights(slot.kind.to_keras(*arrays))


def state_dict(model: Any, family: str, keys: str = "") -> Arrays:
    """A model's weights under the authors' names and in PyTorch's layout, float32.

    Args:
        model: of the family.
        family: its name in models/registry.py.
        keys: one of the family's sets of names; empty: the first.

    Raises:
        ValueError: there are no names for this family, or not these.
    """
    table = lookup(FAMILIES, family, "architecture with names of other people")
    keys = keys or table.keys[0]
    lookup(dict.fromkeys(table.keys), keys, f"set of keys for {family}")
    arrays = {}
    for slot in (*table.slots(model, keys), *table.derived(model, keys)):
        arrays |= zip(slot.names, slot.kind.to_torch(*slot.layer.get_weights()), strict=True)
    return arrays | table.constants(model, keys)
