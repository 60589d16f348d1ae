"""The gRPC services, by the stubs of tensorflow-serving-api."""

import time
from collections.abc import Iterator

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf.wrappers_pb2 import StringValue
from serving.trial import INFO, upscaled
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)


@pytest.fixture(scope="module")
def channel(server) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc}", [("grpc.max_receive_message_length", -1)]) as channel:
        yield channel


@pytest.fixture(scope="module")
def predictions(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def models(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


def request(signature: str = "", label: str = "", version: int | None = None, name: str = "tiny",
            **inputs: object) -> predict_pb2.PredictRequest:
    made = predict_pb2.PredictRequest()
    made.model_spec.name, made.model_spec.signature_name = name, signature
    if label:
        made.model_spec.version_label = label
    if version is not None:
        made.model_spec.version.value = version
    for key, value in inputs.items():
        made.inputs[key].CopyFrom(value if isinstance(value, tensor_pb2.TensorProto) else tf.make_tensor_proto(value))
    return made


@pytest.mark.parametrize(("spec", "version"), [({}, 30), ({"version": 1}, 1), ({"label": "stable"}, 1),
                                               ({"label": "latest"}, 30)])
def test_predict(predictions, photo, spec, version):
    response = predictions.Predict(request(image=photo[None, :11, :13], **spec))
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["upscaled"])[0], upscaled(photo[:11, :13], version))
    assert response.model_spec.name == "tiny"
    assert response.model_spec.version.value == version
    assert response.model_spec.signature_name == "serving_default"


def test_values_written_in_either_way(predictions):
    values = tensor_pb2.TensorProto(dtype=tf.float32.as_datatype_enum, float_val=[4.0])
    values.tensor_shape.dim.add(size=3)  # one value stands for all
    response = predictions.Predict(request("half_plus_two", x=values))
    assert tf.make_ndarray(response.outputs["y"]).tolist() == [4.0, 4.0, 4.0]


def test_strings_and_a_choice_of_outputs(predictions):
    made = request("two", x=[b"ab", b"\xff"])
    made.output_filter.append("length")
    response = predictions.Predict(made)
    assert {name: tf.make_ndarray(value).tolist() for name, value in response.outputs.items()} == {"length": [2, 1]}


@pytest.mark.parametrize(("made", "code", "message"), [
    (request(name="other"), "NOT_FOUND", "'other'"),
    (request(version=7), "NOT_FOUND", "version 7"),
    (request("other"), "INVALID_ARGUMENT", "'other' not found in signature def"),
    (request(), "INVALID_ARGUMENT", "missing image"),
    (request(other=[1]), "INVALID_ARGUMENT", "other. Inputs expected to be in the set {image}."),
    (request(image=np.zeros((1, 2, 2, 3), np.float32)), "INVALID_ARGUMENT", "must be uint8; got float32"),
    (request(image=np.zeros((1, 2, 2, 4), np.uint8)), "INVALID_ARGUMENT", "must have shape"),
    (request(image=np.zeros((1, 0, 2, 3), np.uint8)), "INVALID_ARGUMENT", "is empty"),
    (request("encoded", image_bytes=[b"no image"]), "INVALID_ARGUMENT", "Unknown image file format"),
])
def test_mistakes(predictions, made, code, message):
    with pytest.raises(grpc.RpcError) as error:
        predictions.Predict(made)
    assert error.value.code().name == code
    assert message in error.value.details()


def test_tensors_that_are_not_what_they_say(predictions):
    bomb = tensor_pb2.TensorProto(dtype=tf.uint8.as_datatype_enum, int_val=[1])
    for size in (1, 100_000, 100_000, 3):
        bomb.tensor_shape.dim.add(size=size)
    short = tf.make_tensor_proto(np.zeros((1, 2, 2, 3), np.uint8))
    short.tensor_content = b"12345"
    unknown = tensor_pb2.TensorProto(dtype=99)
    strings = tensor_pb2.TensorProto(dtype=tf.string.as_datatype_enum, string_val=[b"x"])
    strings.tensor_shape.dim.add(size=33_000_000)
    assert strings.ByteSize() < 48
    wide = tf.make_tensor_proto(np.full((1, 2, 2, 3), 256))
    wide.dtype, wide.tensor_content = tf.uint8.as_datatype_enum, b""
    wide.int_val.extend([256] * 12)
    variant = tensor_pb2.TensorProto(dtype=tf.variant.as_datatype_enum, variant_val=[{}])
    for tensor, message in ((strings, "its shape needs"), (wide, "0 to 255"), (variant, "is not supported"),
                            (bomb, "its shape needs 30000000000 bytes"), (short, "not a valid"),
                            (unknown, "not a valid")):
        with pytest.raises(grpc.RpcError, match=message) as error:
            predictions.Predict(request(image=tensor))
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_too_large_a_message(predictions):
    with pytest.raises(grpc.RpcError, match="larger than max") as error:
        predictions.Predict(request(image=np.zeros((1, 1000, 1000, 3), np.uint8)))
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_too_large_a_message_is_refused_at_once(predictions):
    """A refusal that gRPC delays, by 0.1 s or more, is lost where the server ends the connection in between."""
    large, seconds = request(image=np.zeros((1, 600, 600, 3), np.uint8)), []
    for _ in range(8):
        start = time.perf_counter()
        with pytest.raises(grpc.RpcError, match="larger than max"):
            predictions.Predict(large)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.1, seconds


def test_work_ends_with_the_patience_of_its_client(server, predictions):
    call = predictions.Predict.future(request("busy", rounds=np.full(1, 10**9, np.int32)), timeout=1)
    server.until_inside(1)
    with pytest.raises(grpc.RpcError) as error:
        call.result()
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    server.until_inside(0, 10)  # the server itself would end it after 20 s


def test_what_is_no_message(channel):
    predict = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    empty = channel.stream_unary("/tensorflow.serving.PredictionService/Predict")
    for call, argument in ((predict, b"\xff" * 9), (predict, b"\x0a\x01\xff"), (empty, iter(()))):
        with pytest.raises(grpc.RpcError) as error:
            call(argument, timeout=20)
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT, error.value


def test_metadata(predictions):
    asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    asked.model_spec.name = "tiny"
    response = predictions.GetModelMetadata(asked)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert response.model_spec.version.value == 30
    assert signatures.signature_def["encoded"].outputs["png_bytes"].dtype == tf.string.as_datatype_enum
    info = StringValue()
    assert response.metadata["model_info"].Unpack(info)
    assert info.value == INFO.to_json()
    asked.model_spec.version.value = 1
    assert list(predictions.GetModelMetadata(asked).metadata) == ["signature_def"]
    asked.metadata_field[:] = ["other"]
    with pytest.raises(grpc.RpcError, match="signature_def alone"):
        predictions.GetModelMetadata(asked)


def test_status(models):
    asked = get_model_status_pb2.GetModelStatusRequest()
    asked.model_spec.name = "tiny"
    states = models.GetModelStatus(asked).model_version_status
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert [(state.version, state.state) for state in states] == [(30, available), (1, available)]
    asked.model_spec.version.value = 2
    with pytest.raises(grpc.RpcError, match="Could not find version 2") as error:
        models.GetModelStatus(asked)
    assert error.value.code() is grpc.StatusCode.NOT_FOUND


def test_what_is_not_offered_says_so(predictions, models):
    for call, message in ((predictions.Classify, classification_pb2.ClassificationRequest()),
                          (models.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest())):
        with pytest.raises(grpc.RpcError) as error:
            call(message)
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert len(error.value.details()) > 20
