"""The gRPC services of TensorFlow Serving: PredictionService and ModelService."""

import math
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from srgan_tf.serving.errors import RefusedError, invalid
from srgan_tf.serving.predict import DEFAULT_SIGNATURE, predict
from srgan_tf.serving.service import Service
from srgan_tf.serving.versions import Version

MESSAGE_LIMIT = (1 << 31) - 1  # of protobuf


def grpc_server(service: Service, calls: int) -> grpc.aio.Server:
    """A server without a port, that has at most `calls` calls at a time."""
    server = grpc.aio.server(maximum_concurrent_rpcs=calls, options=[
        ("grpc.max_receive_message_length", service.request_bytes), ("grpc.max_send_message_length", MESSAGE_LIMIT),
        ("grpc.so_reuseport", 0)])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_PredictionService(service), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_ModelService(service), server)
    return server


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata."""

    def __init__(self, service: Service):
        self._service = service

    async def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        service = self._service
        try:
            with service.counted("grpc"), service.gate.hold() as take:
                take(request.ByteSize())
                work = lambda version: predict_proto(version, request, service.request_bytes)  # noqa: E731
                response = await service.compute(work, *_asked(request.model_spec))
                response.model_spec.name = service.model.name
                take(response.ByteSize())
                return response
        except RefusedError as refusal:
            await _abort(context, refusal)

    async def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        try:
            if list(request.metadata_field) != ["signature_def"]:
                raise invalid("metadata_field must be signature_def alone")
            number, signatures = self._service.metadata(*_asked(request.model_spec))
        except RefusedError as refusal:
            await _abort(context, refusal)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name, response.model_spec.version.value = self._service.model.name, number
        response.metadata["signature_def"].Pack(signatures)
        return response

    async def Classify(self, request: Any, context: Any) -> Any:  # noqa: N802
        await _abort(context, RefusedError("UNIMPLEMENTED", "the model enlarges pictures: use Predict"))

    Regress = MultiInference = Classify


class _ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus."""

    def __init__(self, service: Service):
        self._service = service

    async def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        try:
            return self._service.status(*_asked(request.model_spec))
        except RefusedError as refusal:
            await _abort(context, refusal)

    async def HandleReloadConfigRequest(self, request: Any, context: Any) -> Any:  # noqa: N802
        message = "the configuration is that of the command line; new versions in the base path are found by themselves"
        await _abort(context, RefusedError("UNIMPLEMENTED", message))


def predict_proto(version: Version, request: Any, expanded_bytes: int) -> Any:
    """The PredictResponse to a PredictRequest.

    Args:
        version: of the model.
        request: names its signature; its model_spec is not looked at otherwise.
        expanded_bytes: how large an input may be: one value can stand for a tensor of any shape.

    Raises:
        RefusedError: the request does not fit, or the model fails on it.
    """
    inputs = {}
    for name, tensor in request.inputs.items():
        try:
            dtype = tf.dtypes.as_dtype(tensor.dtype)
            size = math.prod(dimension.size for dimension in tensor.tensor_shape.dim) * dtype.size
            if tensor.tensor_shape.unknown_rank or not 0 <= size <= max(expanded_bytes, tensor.ByteSize()):
                raise ValueError(f"its shape asks for {size} bytes; at most {expanded_bytes} are taken")
            inputs[name] = tf.make_ndarray(tensor)
        except (TypeError, ValueError) as error:
            raise invalid(f"input {name} is not a valid tensor: {error}") from None
    outputs = predict(version, request.model_spec.signature_name, inputs, request.output_filter)
    response = predict_pb2.PredictResponse()
    response.model_spec.version.value = version.number
    response.model_spec.signature_name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    if sum(array.nbytes for array in outputs.values()) > MESSAGE_LIMIT:
        raise RefusedError("OUT_OF_RANGE", "the answer would be larger than 2 GiB")
    for name, array in outputs.items():
        response.outputs[name].CopyFrom(tf.make_tensor_proto(array))
    return response


def _asked(spec: Any) -> tuple[str, int | None, str]:
    """The model's name, version and label."""
    return spec.name, spec.version.value if spec.HasField("version") else None, spec.version_label


async def _abort(context: Any, refusal: RefusedError) -> None:
    await context.abort(grpc.StatusCode[refusal.code], refusal.message)
