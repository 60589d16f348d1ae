"""What a message becomes is known before it is made."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import predict_pb2

from srgan_tf.serving.refusals import RefusedError
from srgan_tf.serving.tensor_protos import FIELDS, KINDS, array_of, bytes_of, outline, write_array

MOST = 1 << 20


def proto(dtype=tf.uint8, shape=(), **values) -> tensor_pb2.TensorProto:
    made = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum, **values)
    for size in shape:
        made.tensor_shape.dim.add(size=size)
    return made


@pytest.mark.parametrize("dtype", KINDS, ids=lambda dtype: dtype.name)
def test_as_tensorflow_reads_and_writes_them(dtype):
    values = [b"a", b"\0bc", b""] if dtype == tf.string else [0, 1, 1]
    array = np.array([values, values[::-1]], dtype.as_numpy_dtype)
    by_content, by_values = tf.make_tensor_proto(array), tf.make_tensor_proto(array)
    if dtype != tf.string:
        by_values.ClearField("tensor_content")
        field = KINDS[dtype][0]
        by_values.ClearField(field)
        bits = array.view(np.uint16) if field == "half_val" else array
        getattr(by_values, field).extend(bits.ravel().tolist())
    for tensor in (by_content, by_values):
        taken = []
        made = array_of(tensor, MOST, taken.append)
        assert made.dtype == array.dtype
        np.testing.assert_array_equal(made, array)
        assert sum(taken) >= array.nbytes
    write_array(written := tensor_pb2.TensorProto(), array)
    np.testing.assert_array_equal(tf.make_ndarray(written), array)


def test_one_value_stands_for_all():
    assert array_of(proto(tf.float32, (2, 2), float_val=[4]), MOST, int).tolist() == [[4, 4], [4, 4]]
    assert array_of(proto(tf.string, (2,), string_val=[b"x"]), MOST, int).tolist() == [b"x", b"x"]


@pytest.mark.parametrize(("tensor", "message"), [
    (proto(tf.string, (33_000_000,), string_val=[b"x"]), "its shape needs 2145000000 bytes"),
    (proto(tf.string, (33_000_000,)), "its shape needs"),
    (proto(tf.uint8, (1, 100_000, 100_000, 3), int_val=[1]), "its shape needs 30000000000 bytes"),
    (proto(tf.uint8, (2**62, 2**62, 2**62)), "its shape needs"),
    (proto(tf.uint8, (2,), int_val=[1, 256]), "0 to 255; got 1 to 256"),
    (proto(tf.uint8, (1,), int_val=[-1]), "0 to 255"),
    (proto(tf.float16, (1,), half_val=[1 << 20]), "0 to 65535"),
    (proto(tf.uint8, (1,), int_val=[1, 2]), "has 2 values"),
    (proto(tf.uint8, (3,), tensor_content=b"12"), "has 2 bytes"),
    (proto(tf.string, (2,), tensor_content=b"12"), "has 2 bytes"),
    (proto(tf.uint8, (-1,), int_val=[1]), "must be known"),
    (proto(tf.uint8, (1,) * 65, int_val=[1]), "must be known"),
    (proto(tf.qint8, (1,), int_val=[1]), "is not supported"),
    (proto(tf.resource, (1,)), "is not supported"),
    (tensor_pb2.TensorProto(dtype=101), "is not supported"),
])
def test_tensors_that_are_refused(tensor, message):
    with pytest.raises(ValueError, match=message):
        array_of(tensor, MOST, int)


def request(**inputs: tensor_pb2.TensorProto) -> predict_pb2.PredictRequest:
    made = predict_pb2.PredictRequest()
    made.model_spec.name, made.model_spec.version.value = "tiny", 7
    for name, tensor in inputs.items():
        made.inputs[name].CopyFrom(tensor)
    return made


def test_the_outline_of_a_request():
    message = request(x=proto(tf.float32, (1000,), float_val=[1] * 1000), y=tf.make_tensor_proto([b"a", b"b"]))
    message.output_filter.append("z")
    found = outline(message.SerializeToString())
    assert found.spec == message.model_spec.SerializeToString()
    assert 8 * 4000 < found.parsed_bytes < 8 * 4000 + 10_000
    assert outline(b"").spec == b""


@pytest.mark.parametrize("message", [
    b"\xff" * 20, b"\x0a", b"\x0a\x05ab", b"\x0b\x0c", b"\x0d\0", b"\x80", b"\x22\0", b"\x18\x01", b"\x10\x01",
    request(x=proto(tf.string, string_val=[b""] * FIELDS)).SerializeToString(),
    request(x=proto(tf.uint8, (1,) * FIELDS)).SerializeToString(),
    request(**{"x" * 2000: proto()}).SerializeToString(),
    request(x=tensor_pb2.TensorProto(variant_val=[{}])).SerializeToString(),
    predict_pb2.PredictRequest(output_filter=[""] * FIELDS + ["a"]).SerializeToString(),
])
def test_messages_that_are_refused(message):
    with pytest.raises(RefusedError) as refused:
        outline(message)
    assert refused.value.code == "INVALID_ARGUMENT"


def test_the_memory_of_arrays():
    assert bytes_of([np.zeros((2, 3), np.float32), np.array([b"abc"], object)]) == 24 + 64 + 3
