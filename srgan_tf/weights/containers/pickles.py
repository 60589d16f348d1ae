"""What a pickle of tensors says, without unpickling: nothing that it names is imported, made or called.

A pickle is a program. Python's `pickletools` splits it into instructions; the ones that checkpoints need are carried
out here on plain lists, dicts and the placeholders below, and any other is refused by name. The globals that may be
named are a table of words: none is ever looked up in Python. What trainers keep beside tensors (NumPy's scalars, paths,
devices, settings) becomes a placeholder that holds nothing.
"""

import pickletools
import re
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

from srgan_tf.errors import UserError

# What the storages of PyTorch hold, by the class that names it: numpy's name, or bfloat16, which numpy has not.
STORAGES = {
    "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16", "DoubleStorage": "float64",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool",
}
TYPES = ("float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8", "bool")
INSTRUCTIONS = 5_000_000  # a network of a thousand tensors takes thirty thousand


class Storage(NamedTuple):
    """A stretch of numbers elsewhere in the file: `count` of `type` under the name `key`."""

    type: str
    key: str
    count: int


class Tensor(NamedTuple):
    """A view of a storage, with offset and strides in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Global(NamedTuple):
    """A name that the pickle would have imported."""

    name: str


class Opaque(NamedTuple):
    """An object of a class that has nothing to do with tensors; what the pickle says of it is dropped."""

    name: str


class Mark:
    """Where a list of arguments begins on the stack."""


class Sealed(dict):
    """A dict that the file called an OrderedDict."""


def read_pickle(file: BinaryIO, types: dict[str, str] | None = None) -> Any:
    """Reads one pickle from the file's position to its end mark.

    Args:
        file: to read from.
        types: is filled with the type of each storage that is named, by its key.

    Returns:
        dicts, lists, tuples, strings, numbers, None, Storages, Tensors and Opaques.

    Raises:
        ValueError: it is damaged, uses an instruction or name that is not known here, or says a key twice.
    """
    machine = Machine({} if types is None else types)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if opcode.name == "STOP":
                (result,) = machine.stack
                return result
            if count > INSTRUCTIONS:
                raise UserError(f"more than {INSTRUCTIONS:,} instructions")
            machine.step(opcode.name, argument)
    except RefusedError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, EOFError) as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UserError(f"damaged pickle ({reason})") from None
    raise UserError("damaged pickle (no end)")


class RefusedError(ValueError):
    """The pickle asks for something that reading tensors does not need."""


class Machine:
    """The stack and the memo of a pickle."""

    def __init__(self, types: dict[str, str] | None = None):
        self.types = types
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, opcode: str, argument: Any) -> None:
        """Carries out one instruction."""
        if opcode in CONSTANTS:
            self.stack.append(CONSTANTS[opcode]())
        elif opcode in LITERALS:
            self.stack.append(argument)
        elif opcode in ACTIONS:
            ACTIONS[opcode](self, argument)
        elif opcode not in ("PROTO", "FRAME"):
            raise RefusedError(f"refused: the pickle uses {opcode}, which no file of tensors needs")

    def pop(self, kind: type | tuple[type, ...] = object) -> Any:
        """Takes the uppermost object, which must be of that kind."""
        item = self.stack.pop()
        if not isinstance(item, kind) or isinstance(item, Mark):
            raise UserError(f"a {type(item).__name__} where it cannot stand")
        return item

    def pop_marked(self) -> list:
        """Takes what lies above the last mark, and the mark."""
        for index in range(len(self.stack) - 1, -1, -1):
            if isinstance(self.stack[index], Mark):
                items = self.stack[index + 1 :]
                del self.stack[index:]
                return items
        raise UserError("no mark")


def _set_items(machine: Machine, items: list) -> None:
    table = machine.stack[-1]
    if type(table) is Opaque:
        return
    if type(table) not in (dict, Sealed) or len(items) % 2:
        raise UserError("items without a dict")
    for key, value in zip(items[::2], items[1::2], strict=True):
        if type(key) not in (str, int):
            raise UserError(f"a {type(key).__name__} as a key")
        if key in table:
            raise UserError(f"key {str(key)[:80]!r} occurs twice")
        table[key] = value


def _append(machine: Machine, items: list) -> None:
    if type(machine.stack[-1]) is Opaque:
        return
    if type(machine.stack[-1]) is not list:
        raise UserError("items without a list")
    machine.stack[-1].extend(items)


def _collect(machine: Machine, empty: Any, fill: Callable) -> None:
    """A dict or list of what lies above the mark."""
    items = machine.pop_marked()
    machine.stack.append(empty)
    fill(machine, items)


def _name(machine: Machine, name: str) -> None:
    """A global, if it is one of the tables."""
    if name not in CALLS and name not in WORDS and not passed_over(name):
        raise RefusedError(f"refused: the pickle names {name[:100]!r}, which is not among what tensors are made of")
    machine.stack.append(Global(name))


def _stack_name(machine: Machine, _: None) -> None:
    name, module = machine.pop(str), machine.pop(str)
    _name(machine, f"{module}.{name}")


def passed_over(name: str) -> bool:
    """Whether objects of that name may stand beside tensors."""
    return name in BESIDE or (PLAIN_NAME.fullmatch(name) is not None and name.partition(".")[0] in BESIDE_FROM)


def _call(machine: Machine, _: None) -> None:
    arguments, function = machine.pop(tuple), machine.pop(Global)
    if function.name in CALLS:
        machine.stack.append(CALLS[function.name](*arguments))
    elif passed_over(function.name):
        machine.stack.append(Opaque(function.name))
    else:
        raise RefusedError(f"refused: the pickle calls {function.name}")


def _new(machine: Machine, opcode: str, count: int) -> None:
    """An object of a class, with its arguments, of which there are one or two lots."""
    for _ in range(count):
        machine.pop((tuple, dict))
    kind = machine.pop(Global)
    if not passed_over(kind.name):
        raise RefusedError(f"refused: the pickle uses {opcode} for a {kind.name}")
    machine.stack.append(Opaque(kind.name))


def _collect_opaque(machine: Machine, name: str) -> None:
    machine.pop_marked()
    machine.stack.append(Opaque(name))


def _build(machine: Machine, _: None) -> None:
    """State of an object: a state_dict carries its modules' versions, which nobody needs."""
    state = machine.pop()
    if type(machine.stack[-1]) is Opaque:
        return
    if not isinstance(state, dict):
        raise UserError("a state that is no dict")
    if type(machine.stack[-1]) is not Sealed:
        raise RefusedError(f"refused: the pickle sets the state of a {type(machine.stack[-1]).__name__}")


def _persistent(machine: Machine, _: None) -> None:
    """("storage", class, key, device, count), and in old files a view, which must be None."""
    identity = machine.pop(tuple)
    word, kind, key, _, count, *view = identity
    if word != "storage" or type(kind) is not Global or kind.name not in WORDS or type(key) is not str:
        raise UserError("a persistent id that is not a storage")
    if not is_count(count) or view not in ([], [None]):
        raise UserError(f"storage {key[:40]!r} is of an unknown form")
    if machine.types is not None:
        machine.types[key] = WORDS[kind.name]
    machine.stack.append(Storage(WORDS[kind.name], key, count))


def is_count(value: Any) -> bool:
    """Whether it is a whole number that could count something in a file."""
    return type(value) is int and 0 <= value < 1 << 48


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    counts = (offset, *shape, *strides)
    if type(storage) is not Storage or type(shape) is not tuple or type(strides) is not tuple:
        raise UserError("a tensor without storage, shape or strides")
    if len(shape) != len(strides) or len(shape) > 8 or not all(map(is_count, counts)):
        raise UserError("a tensor whose shape and strides do not fit")
    return Tensor(storage, offset, shape, strides)


def _parameter(data: Any, *_: Any) -> Tensor:
    if type(data) is not Tensor:
        raise UserError("a parameter that is not a tensor")
    return data


def _size(shape: Any) -> tuple[int, ...]:
    if type(shape) not in (tuple, list) or not all(map(is_count, shape)):
        raise UserError("a size that is not one")
    return tuple(shape)


def _ordered(pairs: Any = ()) -> Sealed:
    if type(pairs) not in (tuple, list):
        raise UserError("an OrderedDict of something else")
    machine = Machine()
    machine.stack.append(Sealed())
    _set_items(machine, [item for key, value in pairs for item in (key, value)])
    return machine.stack[0]


# What may be called, and what is done instead.
CALLS: dict[str, Callable] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.Size": _size,
    "collections.OrderedDict": _ordered,
    "collections.defaultdict": lambda *_: Sealed(),
}
# What may be named, and the type of number that it stands for.
WORDS = {
    **{f"torch.{name}": kind for name, kind in STORAGES.items()},
    **{f"torch.{kind}": kind for kind in TYPES},
}
# Objects that trainers keep beside tensors: these names, and all plain ones of these packages. They are never made.
BESIDE = {
    "torch.device", "_codecs.encode", "copyreg._reconstructor", "copy_reg._reconstructor",
    *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in (
        "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "range", "set",
        "slice", "str", "tuple")),
}
BESIDE_FROM = {"argparse", "collections", "datetime", "easydict", "lightning", "lightning_fabric", "mmcv", "mmengine",
               "numpy", "omegaconf", "pathlib", "pytorch_lightning", "yacs"}
PLAIN_NAME = re.compile(r"[a-zA-Z]\w*(\._?[a-zA-Z]\w*)+", re.ASCII)
CONSTANTS: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "MARK": Mark,
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False, "EMPTY_SET": lambda: Opaque("set"),
}
LITERALS = {
    "BINUNICODE", "BINUNICODE8", "SHORT_BINUNICODE", "UNICODE", "BINSTRING", "SHORT_BINSTRING", "STRING", "BININT",
    "BININT1", "BININT2", "INT", "LONG", "LONG1", "BINFLOAT", "FLOAT", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8",
}
ACTIONS: dict[str, Callable[[Machine, Any], None]] = {
    "MEMOIZE": lambda machine, _: machine.memo.__setitem__(len(machine.memo), machine.stack[-1]),
    "SETITEM": lambda machine, _: _set_items(machine, [machine.pop(), machine.pop()][::-1]),
    "SETITEMS": lambda machine, _: _set_items(machine, machine.pop_marked()),
    "APPEND": lambda machine, _: _append(machine, [machine.pop()]),
    "APPENDS": lambda machine, _: _append(machine, machine.pop_marked()),
    "DICT": lambda machine, _: _collect(machine, {}, _set_items),
    "LIST": lambda machine, _: _collect(machine, [], _append),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.pop_marked())),
    "TUPLE1": lambda machine, _: machine.stack.append((machine.pop(),)),
    "TUPLE2": lambda machine, _: machine.stack.append((machine.pop(), machine.pop())[::-1]),
    "TUPLE3": lambda machine, _: machine.stack.append((machine.pop(), machine.pop(), machine.pop())[::-1]),
    "GLOBAL": lambda machine, argument: _name(machine, argument.replace(" ", ".", 1)),
    "STACK_GLOBAL": _stack_name,
    "REDUCE": _call,
    "NEWOBJ": lambda machine, _: _new(machine, "NEWOBJ", 1),
    "NEWOBJ_EX": lambda machine, _: _new(machine, "NEWOBJ_EX", 2),
    "ADDITEMS": lambda machine, _: _append(machine, machine.pop_marked()),
    "FROZENSET": lambda machine, _: _collect_opaque(machine, "frozenset"),
    "BUILD": _build,
    "BINPERSID": _persistent,
    **{name: lambda machine, index: machine.memo.__setitem__(index, machine.stack[-1])
       for name in ("PUT", "BINPUT", "LONG_BINPUT")},
    **{name: lambda machine, index: machine.stack.append(machine.memo[index])
       for name in ("GET", "BINGET", "LONG_BINGET")},
}
