"""Tensors as the JSON of TensorFlow Serving's REST API: row form ("instances") and column form ("inputs").

Strings are given as text or as {"b64": "..."}; those of outputs whose name ends in _bytes come back as {"b64": ...}.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from srgan_tf.serving.refusals import invalid

KINDS = {"b": "b", "i": "iu", "u": "iu", "f": "iuf", "V": "iuf"}  # V: bfloat16, to NumPy
CHUNK = 1 << 16
# What Python makes of JSON, in bytes: a place in a list, a number, a short string, a list, an object.
PLACE, NUMBER, STRING, LIST, OBJECT = 18, 32, 56, 104, 256
LEVEL_BYTES, NUMBER_BYTES = 5, 20  # of a number in an answer, with its comma and space


def parsed_bytes(body: bytes | bytearray) -> int:
    """At most what the arrays and objects take that a request becomes while it is parsed, told from its characters."""
    values = body.count(b",") + body.count(b":") + 1
    numbers = min(values, (len(body) - values) // 2)  # the integers of one digit exist already
    strings = len(body) * (1 if body.isascii() else 4)
    return (3 * strings + values * PLACE + numbers * NUMBER + body.count(b'"') // 2 * STRING
            + body.count(b"[") * LIST + body.count(b"{") * OBJECT)


def answer_bytes(outputs: Mapping[str, np.ndarray]) -> int:
    """At most what `answer` takes."""
    return sum(2 * sum(map(len, array.flat)) + NUMBER_BYTES * array.size if array.dtype == object else
               array.size * (LEVEL_BYTES if array.dtype == np.uint8 else NUMBER_BYTES) for array in outputs.values())


def parse_body(body: bytes | bytearray) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        RefusedError: it is none, or has neither or both of "instances" and "inputs".
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from None
    if not isinstance(document, dict):
        raise invalid("the request must be a JSON object")
    if ("instances" in document) == ("inputs" in document):
        raise invalid("the request must have either 'instances' (rows) or 'inputs' (columns)")
    if not isinstance(document.get("signature_name", ""), str):
        raise invalid("'signature_name' must be a string")
    return document


def arrays_of(document: Mapping[str, Any], signature: Any) -> dict[str, np.ndarray]:
    """The inputs of a request, as arrays of the types that the signature asks for.

    Raises:
        RefusedError: a value does not fit.
    """
    values = _columns(document["instances"], signature) if "instances" in document else document["inputs"]
    if not _is_named(values):
        values = {_only_input(signature): values}
    return {name: _array(name, value, signature.inputs[name]) if name in set(signature.inputs) else np.array(0)
            for name, value in values.items()}


def _columns(instances: Any, signature: Any) -> dict[str, list]:
    if not isinstance(instances, list) or not instances:
        raise invalid("'instances' must be a list of at least one")
    if not _is_named(instances[0]):
        return {_only_input(signature): instances}
    if any(not _is_named(row) or row.keys() != instances[0].keys() for row in instances):
        raise invalid("every one of 'instances' must name the same inputs")
    return {name: [row[name] for row in instances] for name in instances[0]}


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() != {"b64"}


def _only_input(signature: Any) -> str:
    if len(signature.inputs) != 1:
        raise invalid(f"the signature has {len(signature.inputs)} inputs: name them "
                      f"({', '.join(sorted(signature.inputs))})")
    return next(iter(signature.inputs))


def _array(name: str, value: Any, info: Any) -> np.ndarray:
    wanted = tf.dtypes.as_dtype(info.dtype)
    if wanted == tf.string:
        strings = np.array(_bytes(name, value), object)
        if any(not isinstance(item, bytes) for item in strings.flat):
            raise invalid(f"input {name}: the lists have different lengths")
        return strings
    try:
        array = np.asarray(value)
    except ValueError:
        raise invalid(f"input {name}: the lists have different lengths") from None
    target = np.dtype(wanted.as_numpy_dtype)
    if array.dtype.kind not in KINDS.get(target.kind, "") and array.size:
        raise invalid(f"input {name} must hold {wanted.name} values")
    if target.kind in "iu" and array.size:
        limits = np.iinfo(target)
        if array.min() < limits.min or array.max() > limits.max:
            raise invalid(f"input {name} must be {wanted.name}, {limits.min} to {limits.max}; got "
                          f"{array.min()} to {array.max()}")
    return array.astype(target)


def _bytes(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_bytes(name, item) for item in value]
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise invalid(f"input {name}: a string holds an incomplete character (half of a surrogate pair)") from None
    if isinstance(value, dict) and isinstance(value.get("b64"), str):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, ValueError):
            raise invalid(f"input {name}: b64 is not base64") from None
    raise invalid(f'input {name} must hold strings or {{"b64": "..."}}')


def answer(outputs: Mapping[str, np.ndarray], row_form: bool) -> list[bytes]:
    """The JSON of the outputs, in pieces: "predictions" for the row form, "outputs" for the column form.

    Raises:
        RefusedError: rows are asked for, but the outputs differ in their number.
    """
    if not row_form:
        value = _members(outputs) if len(outputs) > 1 else _pieces(*next(iter(outputs.items())))
        return [b'{"outputs": ', *value, b"}"]
    counts = {array.shape[0] if array.ndim else None for array in outputs.values()}
    if len(counts) > 1 or None in counts:
        raise invalid("the outputs have no common first dimension: use the column form, 'inputs'")
    if len(outputs) == 1:
        return [b'{"predictions": ', *_pieces(*next(iter(outputs.items()))), b"}"]
    pieces = [b'{"predictions": [']
    for row in range(counts.pop()):
        pieces += [b", " * bool(row), *_members({name: array[row] for name, array in outputs.items()})]
    return [*pieces, b"]}"]


def _members(outputs: Mapping[str, Any]) -> Iterator[bytes]:
    yield b"{"
    for number, (name, array) in enumerate(outputs.items()):
        yield b", " * bool(number) + json.dumps(name).encode() + b": "
        yield from _pieces(name, array)
    yield b"}"


def _pieces(name: str, array: Any) -> Iterator[bytes]:
    """Small pieces: while one is made, no other thread of Python runs."""
    if isinstance(array, bytes):  # NumPy would drop zeros at its end
        if name.endswith("_bytes"):
            yield from (b'{"b64": "', base64.b64encode(array), b'"}')
        else:
            yield json.dumps(_plain(name, array)).encode()
        return
    array = np.asarray(array)
    if (array.ndim > 1 and array.size > CHUNK) or (array.ndim and array.size and array.dtype == object):
        for number, part in enumerate(array):
            yield b", " if number else b"["
            yield from _pieces(name, part)
        yield b"]"
    else:
        yield json.dumps(_plain(name, array.tolist())).encode()


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, list) and value and isinstance(value[0], (list, bytes)):
        return [_plain(name, item) for item in value]
    if not isinstance(value, bytes):
        return value
    if name.endswith("_bytes"):
        return {"b64": base64.b64encode(value).decode()}
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise invalid(f"output {name} is not text, and its name does not end in _bytes") from None
