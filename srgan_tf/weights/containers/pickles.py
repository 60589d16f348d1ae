"""What a pickle of tensors says, without unpickling: nothing that it names is imported, made or called.

A pickle is a program. Python's `pickletools` splits it into instructions; the ones that checkpoints need are carried
out here on plain lists, dicts and the placeholders below, and any other is refused by name. The globals that may be
named are a table of words: none is ever looked up in Python.
"""

import pickletools
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

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


class Mark:
    """Where a list of arguments begins on the stack."""


class Sealed(dict):
    """A dict that the file called an OrderedDict."""


def read_pickle(file: BinaryIO) -> Any:
    """Reads one pickle from the file's position to its end mark.

    Returns:
        dicts, lists, tuples, strings, numbers, None, Storages and Tensors.

    Raises:
        ValueError: it is damaged, uses an instruction or name that is not known here, or says a key twice.
    """
    machine = Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if opcode.name == "STOP":
                (result,) = machine.stack
                return result
            if count > INSTRUCTIONS:
                raise ValueError(f"more than {INSTRUCTIONS:,} instructions")
            machine.step(opcode.name, argument)
    except RefusedError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, EOFError) as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise ValueError(f"damaged pickle ({reason})") from None
    raise ValueError("damaged pickle (no end)")


class RefusedError(ValueError):
    """The pickle asks for something that reading tensors does not need."""


class Machine:
    """The stack and the memo of a pickle."""

    def __init__(self):
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
            raise ValueError(f"a {type(item).__name__} where it cannot stand")
        return item

    def pop_marked(self) -> list:
        """Takes what lies above the last mark, and the mark."""
        for index in range(len(self.stack) - 1, -1, -1):
            if isinstance(self.stack[index], Mark):
                items = self.stack[index + 1 :]
                del self.stack[index:]
                return items
        raise ValueError("no mark")


def _set_items(machine: Machine, items: list) -> None:
    table = machine.stack[-1]
    if type(table) not in (dict, Sealed) or len(items) % 2:
        raise ValueError("items without a dict")
    for key, value in zip(items[::2], items[1::2], strict=True):
        if type(key) not in (str, int):
            raise ValueError(f"a {type(key).__name__} as a key")
        if key in table:
            raise ValueError(f"key {str(key)[:80]!r} is there twice")
        table[key] = value


def _append(machine: Machine, items: list) -> None:
    if type(machine.stack[-1]) is not list:
        raise ValueError("items without a list")
    machine.stack[-1].extend(items)


def _collect(machine: Machine, empty: Any, fill: Callable) -> None:
    """A dict or list of what lies above the mark."""
    items = machine.pop_marked()
    machine.stack.append(empty)
    fill(machine, items)


def _name(machine: Machine, name: str) -> None:
    """A global, if it is one of the table."""
    if name not in CALLS and name not in WORDS:
        raise RefusedError(f"refused: the pickle names {name[:100]!r}, which is not among what tensors are made of")
    machine.stack.append(Global(name))


def _stack_name(machine: Machine, _: None) -> None:
    name, module = machine.pop(str), machine.pop(str)
    _name(machine, f"{module}.{name}")


def _call(machine: Machine, _: None) -> None:
    arguments, function = machine.pop(tuple), machine.pop(Global)
    if function.name not in CALLS:
        raise RefusedError(f"refused: the pickle calls {function.name}")
    machine.stack.append(CALLS[function.name](*arguments))


def _build(machine: Machine, _: None) -> None:
    """State of an object: a state_dict carries its modules' versions, which nobody needs."""
    machine.pop(dict)
    if type(machine.stack[-1]) is not Sealed:
        raise RefusedError(f"refused: the pickle sets the state of a {type(machine.stack[-1]).__name__}")


def _persistent(machine: Machine, _: None) -> None:
    """("storage", class, key, device, count), and in old files a view, which must be None."""
    identity = machine.pop(tuple)
    word, kind, key, _, count, *view = identity
    if word != "storage" or type(kind) is not Global or kind.name not in WORDS or type(key) is not str:
        raise ValueError("a persistent id that is not a storage")
    if not is_count(count) or view not in ([], [None]):
        raise ValueError(f"storage {key[:40]!r} is of an unknown form")
    machine.stack.append(Storage(WORDS[kind.name], key, count))


def is_count(value: Any) -> bool:
    """Whether it is a whole number that could count something in a file."""
    return type(value) is int and 0 <= value < 1 << 48


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    counts = (offset, *shape, *strides)
    if type(storage) is not Storage or type(shape) is not tuple or type(strides) is not tuple:
        raise ValueError("a tensor without storage, shape or strides")
    if len(shape) != len(strides) or len(shape) > 8 or not all(map(is_count, counts)):
        raise ValueError("a tensor whose shape and strides do not fit")
    return Tensor(storage, offset, shape, strides)


def _parameter(data: Any, *_: Any) -> Tensor:
    if type(data) is not Tensor:
        raise ValueError("a parameter that is not a tensor")
    return data


def _size(shape: Any) -> tuple[int, ...]:
    if type(shape) not in (tuple, list) or not all(map(is_count, shape)):
        raise ValueError("a size that is not one")
    return tuple(shape)


def _ordered(pairs: Any = ()) -> Sealed:
    if type(pairs) not in (tuple, list):
        raise ValueError("an OrderedDict of something else")
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
}
# What may be named, and the type of number that it stands for.
WORDS = {
    **{f"torch.{name}": kind for name, kind in STORAGES.items()},
    **{f"torch.{kind}": kind for kind in TYPES},
}
CONSTANTS: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "MARK": Mark,
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
}
LITERALS = {
    "BINUNICODE", "SHORT_BINUNICODE", "UNICODE", "BINSTRING", "SHORT_BINSTRING", "STRING", "BININT", "BININT1",
    "BININT2", "INT", "LONG", "LONG1", "BINFLOAT", "FLOAT", "SHORT_BINBYTES", "BINBYTES",
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
    "BUILD": _build,
    "BINPERSID": _persistent,
    **{name: lambda machine, index: machine.memo.__setitem__(index, machine.stack[-1])
       for name in ("PUT", "BINPUT", "LONG_BINPUT")},
    **{name: lambda machine, index: machine.stack.append(machine.memo[index])
       for name in ("GET", "BINGET", "LONG_BINGET")},
}
