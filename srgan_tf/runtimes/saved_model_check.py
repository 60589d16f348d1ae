"""What a SavedModel's graphs would do, looked at before anything of them runs.

A SavedModel is a program: TensorFlow runs parts of it while it loads one, and any operation may be in it. Here the file
is only parsed. Every operation of every graph and function must be one that computes (operations.COMPUTING). The saver
that TensorFlow itself puts into each SavedModel may stay: where what runs cannot reach it, or where it does no more
than restore the variables from the file that the loader names.

This bounds what a graph may touch, not what it may cost, and not what a fault in TensorFlow's own kernels may do.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from srgan_tf.errors import UserError
from srgan_tf.runtimes.base import one_line
from srgan_tf.runtimes.operations import COMPUTING, REASONS, SAVING
from srgan_tf.text import printable

ALLOWED = COMPUTING | SAVING
NAMED = 5  # operations that a message names
TRUST = "if you know who made it, --trust_model (trust_model=True in Python) loads it all the same"


class Reach(NamedTuple):
    """What runs when nodes of the main graph are computed: nodes of the main graph and functions, by name."""

    nodes: set[str]
    functions: set[str]


def check_saved_model(folder: Path) -> None:
    """Refuses a SavedModel whose graphs can touch files, hosts, devices or Python.

    Raises:
        ValueError: they can; it names the operations. Or the file is damaged.
    """
    from tensorflow.python.saved_model.loader_impl import parse_saved_model  # what both of TensorFlow's loaders call

    try:
        saved_model = parse_saved_model(str(folder))
    except Exception as error:  # protobuf, TensorFlow and Python errors alike
        raise UserError(f"{folder} is not a SavedModel that this package can run: {one_line(error)}") from error
    found = dict.fromkeys(problem for graph in saved_model.meta_graphs for problem in _problems(graph))
    if found:
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        raise UserError(f"{folder} does more than compute: {'; '.join(list(found)[:NAMED])}{more}; {TRUST}")


def _problems(meta: Any) -> Iterator[str]:
    """A line for each thing in a MetaGraphDef that does not belong into a network."""
    functions = {function.signature.name: function for function in meta.graph_def.library.function}
    for node in _all_nodes(meta):
        if node.op not in ALLOWED and not _calls(node, functions):
            yield f"{printable(node.op[:80])} {_reason(node.op)}"
        if re.search(r"/job:(?!localhost\b)", node.device):
            yield f"a node is placed on another host, {printable(node.device[:80])}"
        for name in _called(node):
            if name not in functions:
                yield f"it calls {printable(name[:80])}, which is not in it"
    for asset in meta.asset_file_def:
        path = PurePosixPath(asset.filename)
        if path.is_absolute() or ".." in path.parts:
            yield f"an asset lies outside its folder, {printable(asset.filename[:80])}"
    yield from _saver_problems(meta, functions)


def _saver_problems(meta: Any, functions: dict[str, Any]) -> Iterator[str]:
    """Where the saver's operations would run on other files than the loader's."""
    nodes = {node.name: node for node in meta.graph_def.node}
    runs = _reach([*_signature_tensors(meta), *_initial_nodes(meta)], nodes, functions, _object_functions(meta))
    for node, _ in _reached(runs, nodes, functions):
        if node.op in SAVING:
            yield f"{node.op} {_reason(node.op)} when the model is loaded or run"
    saver = meta.saver_def
    for node, place in _reached(_reach([saver.restore_op_name], nodes, functions), nodes, functions):
        if node.op in SAVING and not (
                node.op == "RestoreV2" and _is_filename(node.input[0], place, nodes, functions, saver)):
            yield f"{node.op} {_reason(node.op)} when the variables are restored"
    for name, function in functions.items():
        # TensorFlow may put one function in another's place where both have this attribute.
        if "api_implements" in function.attr and any(node.op in SAVING for node in function.node_def):
            yield f"{printable(name[:80])} can be run in place of another function, and can read or write files"


def _is_filename(tensor: str, place: str, nodes: dict, functions: dict, saver: Any) -> bool:
    """Whether a tensor is what the loader feeds the saver with: a placeholder, straight or as a function's argument."""
    name = _through(tensor, functions[place].node_def if place else nodes.values())
    if place:
        arguments = [argument.name for argument in functions[place].signature.input_arg]
        callers = [node for function in functions.values() for node in function.node_def if place in _called(node)]
        outer = [node for node in nodes.values() if place in _called(node)]
        if name not in arguments or callers or not outer:
            return False
        tensors = [node.input[arguments.index(name)] for node in outer if node.op.endswith("PartitionedCall")
                   and len(node.input) > arguments.index(name)]
        return len(tensors) == len(outer) and all(_is_filename(each, "", nodes, functions, saver) for each in tensors)
    fed = _node_of(saver.filename_tensor_name)
    return name == fed and fed in nodes and nodes[fed].op in ("Placeholder", "PlaceholderWithDefault")


def _through(tensor: str, nodes: Iterable[Any]) -> str:
    """The name of the node or argument that a tensor comes from, Identity nodes passed over."""
    identities = {node.name: node.input[0] for node in nodes if node.op == "Identity" and node.input}
    name = _node_of(tensor)
    for _ in range(len(identities)):
        if name not in identities:
            break
        name = _node_of(identities[name])
    return name


def _reach(tensors: Iterable[str], nodes: dict, functions: dict, called: Iterable[str] = ()) -> Reach:
    """What is computed for tensors of the main graph, and for functions that are called besides."""
    found, waiting, waiting_functions = Reach(set(), set()), [_node_of(tensor) for tensor in tensors], list(called)
    while waiting or waiting_functions:
        if waiting:
            name, kind = waiting.pop(), found.nodes
            inner = [nodes[name]] if name in nodes else []
        else:
            name, kind = waiting_functions.pop(), found.functions
            inner = functions[name].node_def if name in functions else []
        if name in kind or not inner:
            continue
        kind.add(name)
        if kind is found.nodes:
            waiting += map(_node_of, inner[0].input)
        for node in inner:
            waiting_functions += [*_called(node), *_calls(node, functions)]
    return found


def _reached(reach: Reach, nodes: dict, functions: dict) -> Iterator[tuple[Any, str]]:
    """The nodes that a Reach stands for, each with the function that it lies in; empty: the main graph."""
    yield from ((nodes[name], "") for name in reach.nodes)
    yield from ((node, name) for name in reach.functions for node in functions[name].node_def)


def _all_nodes(meta: Any) -> Iterator[Any]:
    yield from meta.graph_def.node
    for function in meta.graph_def.library.function:
        yield from function.node_def


def _called(node: Any) -> list[str]:
    """The functions that a node's attributes name."""
    return [name for value in node.attr.values() for name in (value.func.name, *(f.name for f in value.list.func))
            if name]


def _calls(node: Any, functions: dict) -> list[str]:
    """The function that a node calls by having its name as operation."""
    return [node.op] if node.op in functions and not _is_known(node.op) else []


def _signature_tensors(meta: Any) -> Iterator[str]:
    """Names of the tensors of all signatures."""
    waiting = [info for signature in meta.signature_def.values()
               for info in (*signature.outputs.values(), *signature.inputs.values())]
    while waiting:
        info = waiting.pop()
        yield info.name
        yield from (info.coo_sparse.values_tensor_name, info.coo_sparse.indices_tensor_name,
                    info.coo_sparse.dense_shape_tensor_name)
        waiting += info.composite_tensor.components


def _initial_nodes(meta: Any) -> Iterator[str]:
    """Names of the nodes in collections: what runs after loading is among them."""
    for collection in meta.collection_def.values():
        yield from collection.node_list.value


def _object_functions(meta: Any) -> Iterator[str]:
    """Names of the functions that the loaded object has; loading runs those that make and fill its resources."""
    yield from meta.object_graph_def.concrete_functions
    for node in meta.object_graph_def.nodes:
        yield from node.function.concrete_functions
        yield node.bare_concrete_function.concrete_function_name


def _node_of(tensor: str) -> str:
    """`^name`, `name:0` or `name:output:0` -> `name`."""
    return tensor.removeprefix("^").split(":")[0]


def _reason(operation: str) -> str:
    """Why an operation is refused, as the end of a sentence."""
    if not _is_known(operation):
        return "is unknown to TensorFlow"
    reasons = (reason for pattern, reason in REASONS if re.search(pattern, operation))
    return next(reasons, "is not among the operations that only compute")


def _is_known(operation: str) -> bool:
    from tensorflow.python.framework import op_def_registry

    return op_def_registry.get(operation) is not None
