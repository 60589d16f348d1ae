"""PredictRequests and TensorProtos of strangers: what they become is known before it is made.

A message of 48 bytes can stand for 33 million strings, and two bytes of a message can become an object of a hundred.
`outline` walks over the bytes of a PredictRequest before protobuf parses it; `array_of` compares a tensor's shape with
its content before there is an array.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import tensorflow as tf

from srgan_tf.errors import UserError
from srgan_tf.serving.refusals import invalid

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
FIELDS = 1 << 14  # of one request; each becomes an object
OBJECT, NUMBER = 128, 8  # bytes of a field, and most bytes of what one byte of packed numbers becomes
NAME_BYTES, SPEC_BYTES, RANK = 1 << 10, 1 << 12, 32
ITEM = 64  # bytes of a string beside its characters
# Fields of TensorProto.
DTYPE, SHAPE, VERSION, CONTENT, STRINGS = 1, 2, 3, 4, 8
NUMBERS = {13, 5, 6, 7, 10, 11, 16, 17}
# How a type is written: the field, and the type of its numbers there.
KINDS = {
    tf.float32: ("float_val", np.float32), tf.float64: ("double_val", np.float64), tf.bool: ("bool_val", np.bool_),
    **dict.fromkeys((tf.int8, tf.uint8, tf.int16, tf.uint16, tf.int32), ("int_val", np.int64)),
    tf.int64: ("int64_val", np.int64), tf.uint32: ("uint32_val", np.int64), tf.uint64: ("uint64_val", np.uint64),
    tf.float16: ("half_val", np.int64), tf.bfloat16: ("half_val", np.int64), tf.string: ("string_val", object)}
BITS = {tf.float16: np.float16, tf.bfloat16: ml_dtypes.bfloat16}  # half_val holds their bits
TYPES = {dtype.as_datatype_enum: dtype for dtype in KINDS}


class Outline(NamedTuple):
    """A PredictRequest before it is parsed: the bytes of its ModelSpec, and those that the parsed message will take."""

    spec: bytes
    parsed_bytes: int


def outline(message: bytes) -> Outline:
    """Walks over a PredictRequest.

    Raises:
        RefusedError: it is none, or of a form that no client writes: too many fields, nested or unknown ones.
    """
    spec, walk = [], _Walk()
    for number, value in walk.fields(message):
        if number == 1 and _size(value) <= SPEC_BYTES:
            spec.append(bytes(value))
        elif number == 2:
            for part, inner in walk.fields(value):
                if part == 2:
                    walk.tensor(inner)
                elif part != 1 or _size(inner) > NAME_BYTES:
                    raise invalid("an input's name is too long")
        elif number != 3 or _size(value) > NAME_BYTES:
            raise invalid(f"field {number} of PredictRequest is not known, or too long")
    return Outline(b"".join(spec), len(message) + walk.objects * OBJECT + walk.number_bytes * NUMBER)


class _Walk:
    """Counts the fields of a message, to its depths."""

    def __init__(self) -> None:
        self.objects, self.number_bytes = 0, 0

    def tensor(self, message: memoryview) -> None:
        for number, value in self.fields(message):
            if number == SHAPE:
                for dimension, inner in self.fields(value):
                    if dimension == 2:
                        for _ in self.fields(inner):
                            pass
            elif number in NUMBERS:
                self.number_bytes += len(value) if isinstance(value, memoryview) else 1
            elif number not in (DTYPE, VERSION, CONTENT, STRINGS):
                raise invalid(f"field {number} of TensorProto is not supported; resources, variants and rare "
                              "types are not")

    def fields(self, message: bytes | memoryview) -> Iterator[tuple[int, memoryview | int]]:
        """Yields each field's number and value: a view of bytes, or the number of a varint (0 for other numbers)."""
        _size(message)
        view, place = memoryview(message), 0
        while place < len(view):
            self.objects += 1
            if self.objects > FIELDS:
                raise invalid(f"the message has more than {FIELDS} parts")
            tag, place = _varint(view, place)
            kind, value = tag & 7, 0
            if kind == VARINT:
                value, place = _varint(view, place)
            elif kind == BYTES:
                size, place = _varint(view, place)
                value, place = view[place : place + size], place + size
            elif kind in (FIXED32, FIXED64):
                place += 8 if kind == FIXED64 else 4
            if kind not in (VARINT, BYTES, FIXED32, FIXED64) or place > len(view):
                raise invalid("the message is not a protocol buffer")
            yield tag >> 3, value


def _size(value: bytes | memoryview | int) -> int:
    """Of a field that must have bytes."""
    if isinstance(value, int):
        raise invalid("the message is not a protocol buffer of this method")
    return len(value)


def _varint(view: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for count, byte in enumerate(view[place : place + 10]):
        value |= (byte & 127) << 7 * count
        if byte < 128:
            return value, place + count + 1
    raise invalid("the message is not a protocol buffer")


def array_of(tensor: Any, most: int, take: Callable[[int], None]) -> np.ndarray:
    """The array that a TensorProto stands for; where it has too few values, the last one stands for the rest.

    Args:
        tensor: from a stranger.
        most: bytes that an array may have which is larger than its message.
        take: called with the bytes of the array before it is made.

    Raises:
        ValueError: the type is not taken, or shape and content do not go together.
    """
    dtype, shape = TYPES.get(tensor.dtype), tuple(dimension.size for dimension in tensor.tensor_shape.dim)
    if dtype is None:
        raise UserError(f"its type, {tensor.dtype}, is not supported")
    if tensor.tensor_shape.unknown_rank or len(shape) > RANK or min(shape, default=0) < 0:
        raise UserError("its shape must be known")
    field, written = KINDS[dtype]
    count, values, item = math.prod(shape), getattr(tensor, field), np.dtype(dtype.as_numpy_dtype).itemsize
    if dtype == tf.string:
        item = ITEM + len(values[-1] if values else b"")
    if count * item > max(most, tensor.ByteSize() if len(values) == count or tensor.tensor_content else 0):
        raise UserError(f"its shape needs {count * item} bytes; the limit is {most}")
    if tensor.tensor_content:
        take(len(tensor.tensor_content))
        return _from_content(tensor.tensor_content, dtype, shape)
    if len(values) > count:
        raise UserError(f"it has {len(values)} values; its shape, {list(shape)}, is of {count}")
    if dtype == tf.string:
        take(count * item + sum(map(len, values)))
        return _from_values(list(values), dtype, shape)
    take(count * item + len(values) * np.dtype(written).itemsize)
    return _from_values(np.fromiter(values, written, len(values)), dtype, shape)


def _from_content(content: bytes, dtype: tf.DType, shape: tuple[int, ...]) -> np.ndarray:
    if dtype == tf.string or len(content) != math.prod(shape) * dtype.size:
        raise UserError(f"tensor_content has {len(content)} bytes, which is not what {dtype.name}{list(shape)} takes")
    return np.frombuffer(content, dtype.as_numpy_dtype).reshape(shape)


def _from_values(values: Any, dtype: tf.DType, shape: tuple[int, ...]) -> np.ndarray:
    """Makes `values`, as they are written, into what they stand for."""
    count, target = math.prod(shape), np.dtype(dtype.as_numpy_dtype)
    bits = np.dtype(np.uint16) if dtype in BITS else target
    if bits.kind in "iu" and len(values):
        limits = np.iinfo(bits)
        if values.min() < limits.min or values.max() > limits.max:
            raise UserError(f"its values must be {limits.min} to {limits.max}; got {values.min()} to {values.max()}")
    made = np.empty(count, bits)
    made[: len(values)] = values
    made[len(values) :] = values[-1] if len(values) else b"" if dtype == tf.string else 0
    return (made.view(BITS[dtype]) if dtype in BITS else made).reshape(shape)


def write_array(tensor: Any, array: np.ndarray) -> None:
    """Writes an array into an empty TensorProto."""
    array = np.asarray(array)
    tensor.dtype = tf.string.as_datatype_enum if array.dtype == object else tf.as_dtype(array.dtype).as_datatype_enum
    tensor.tensor_shape.SetInParent()
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    if array.dtype == object:
        tensor.string_val.extend(array.ravel().tolist())
    else:
        tensor.tensor_content = array.tobytes()


def bytes_of(arrays: Any) -> int:
    """The memory of arrays."""
    return sum(array.size * ITEM + sum(map(len, array.flat)) if array.dtype == object else array.nbytes
               for array in map(np.asarray, arrays))
