"""Writes README.md's table of generators between its two marks, from the registry, the flagfiles and the importers.

    python tools/make_zoo_table.py            # rewrites README.md
    python tools/make_zoo_table.py --print    # shows the table

Multiply-adds are those of trained convolutions and matrix products in the traced graph, for one output of 1280x720;
a bias, an activation or a fixed interpolation counts as nothing, as in the papers' tables: EDSR-baseline 114 G, SRCNN
(9-5-5) 52.7 G, FSRCNN 4.6 G, VDSR 612.6 G.
"""

import argparse
import inspect
import math
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

from srgan_tf.atomic import replacing
from srgan_tf.models import GENERATORS, Generator

ROOT = Path(__file__).parent.parent
FLAGFILES = ROOT / "srgan_tf/flagfiles"
START, END = "<!-- zoo: written by tools/make_zoo_table.py -->", "<!-- end of zoo -->"
WIDTH, HEIGHT = 1280, 720


def multiply_adds(generator: Generator, width: int = WIDTH, height: int = HEIGHT) -> int:
    """Multiplications for one output image of this size; sizes are cut to multiples of the scale."""
    if generator.closed_form:
        return generator.filter_size**2 * width * height  # RAISR: of its filters, one at each pixel
    shape = [1, height // generator.scale, width // generator.scale, 3]
    call = tf.function(lambda images: generator(images, training=False), autograph=False)
    graph = call.get_concrete_function(tf.TensorSpec(shape, tf.float32)).graph
    return sum(_products(operation) for operation in _operations(graph))


def _operations(graph: tf.Graph) -> Iterator[tf.Operation]:
    """Those of the graph and of the functions that it calls, each as often as it is called."""
    for operation in graph.get_operations():
        yield operation
        if "PartitionedCall" in operation.type:
            yield from _operations(graph._get_function(operation.get_attr("f").name).graph)


def _products(operation: tf.Operation) -> int:
    """Multiplications by trained weights in one operation."""
    kind = operation.type
    if kind not in ("Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "MatMul") or not _trained(operation):
        return 0
    weights = operation.inputs[1].shape.as_list()
    if kind == "MatMul":
        return math.prod(operation.outputs[0].shape.as_list()) * operation.inputs[0].shape.as_list()[-1]
    # A deconvolution, too, is counted as if each output pixel met the whole kernel: with stride 4 it takes a 16th of
    # that, but FSRCNN's 4.6 G in the papers' tables are counted so.
    return math.prod(operation.outputs[0].shape.as_list()[:3]) * math.prod(weights)


def _trained(operation: tf.Operation) -> bool:
    """Whether a variable is among what its weights are computed from; fixed kernels are constants."""
    waiting, seen = [operation.inputs[1].op], set()
    while waiting:
        found = waiting.pop()
        if found.type in ("ReadVariableOp", "VarHandleOp", "Placeholder"):
            return True
        if found not in seen:
            seen.add(found)
            waiting += [tensor.op for tensor in found.inputs]
    return False


def flagfiles(name: str) -> list[str]:
    """The recipes that train the generator."""
    return [path.stem for path in sorted(FLAGFILES.glob("*.flags"))
            if re.search(rf"^--model={name}$", path.read_text(), re.MULTILINE)]


def paper(kind: type[Generator]) -> str:
    """The first paper that the class names, else the first of its file."""
    for text in (kind.__doc__ or "", Path(inspect.getfile(kind)).read_text()):
        if found := re.search(r"arXiv (\d{4}\.\d{5})", text):
            return f"[{found[1]}](https://arxiv.org/abs/{found[1]})"
    return ""


def importers() -> dict[str, str]:
    """Names of the weights that can be imported, by generator."""
    try:
        from srgan_tf.weights import FAMILIES
    except ImportError:
        return {}
    return {name: ", ".join(family.keys) for name, family in FAMILIES.items()}


def short(number: float) -> str:
    """114.2 G, 4.62 G."""
    return f"{number / 1e9:.1f} G" if number >= 1e10 else f"{number / 1e9:.2f} G"


def make_table() -> str:
    """The table in Markdown."""
    titles = ("`--model`", "paper", "scales", "parameters, x4", "multiply-adds, x4", "flagfiles", "importable from")
    lines = [f"| {' | '.join(titles)} |", "|---|---|---|---:|---:|---|---|"]
    imported = importers()
    for name, kind in sorted(GENERATORS.items()):
        generator = kind(scale=4).fold()
        parameters = sum(math.prod(weight.shape) for weight in generator.trainable_weights)
        recipes = ", ".join(f"`{recipe}`" for recipe in flagfiles(name))
        scales = ", ".join(map(str, kind.scales))
        lines.append(f"| `{name}` | {paper(kind)} | {scales} | {parameters:,} | {short(multiply_adds(generator))} | "
                     f"{recipes} | {imported.get(name, '')} |")
        print(lines[-1], file=sys.stderr)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Makes the table and writes it into README.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--print", action="store_true", help="show the table and leave README.md alone")
    arguments = parser.parse_args()
    table = make_table()
    if arguments.print:
        print(table, end="")
        return
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    before, found, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not found or not end:
        sys.exit(f"{path} lacks the marks {START} and {END}")
    with replacing(path) as temporary:
        temporary.write_text(f"{before}{START}\n{table}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
