"""The gRPC services of TensorFlow Serving: PredictionService and ModelService."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import StringValue
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2, predict_pb2

from srgan_tf.config import ServeConfig
from srgan_tf.serving.admission import Hold
from srgan_tf.serving.bearer import WITHOUT_TOKEN
from srgan_tf.serving.predict import DEFAULT_SIGNATURE, Limits, predict
from srgan_tf.serving.refusals import RefusedError, invalid
from srgan_tf.serving.service import Service
from srgan_tf.serving.tensor_protos import array_of, bytes_of, outline, write_array
from srgan_tf.serving.versions import Version
from srgan_tf.tokens import Tokens

MESSAGE_LIMIT = (1 << 31) - 1  # of protobuf
LEAST_AGE = 300.0  # seconds of a connection; clients open another one by themselves
SMALL_BYTES = 1 << 16  # of every request but Predict's


def grpc_server(service: Service, config: ServeConfig) -> grpc.aio.Server:
    """A server without a port."""
    age = max(LEAST_AGE, 2 * config.request_timeout)
    server = grpc.aio.server(maximum_concurrent_rpcs=config.max_connections, options=[
        ("grpc.max_allowed_incoming_connections", config.max_connections),
        ("grpc.max_concurrent_streams", config.max_connections_per_client),
        ("grpc.server_handshake_timeout_ms", int(1000 * config.head_timeout)),
        # A client that reads no answer keeps it in memory until its connection is closed.
        ("grpc.max_connection_idle_ms", int(1000 * age)), ("grpc.max_connection_age_ms", int(1000 * age)),
        ("grpc.max_connection_age_grace_ms", int(2000 * config.request_timeout)),
        ("grpc.keepalive_time_ms", int(1000 * age)),
        ("grpc.max_receive_message_length", service.limits.request_bytes),
        # Too large a message would be refused 0.1 to 1 s late, and not at all if its connection reaches its age in
        # between: the client would see UNAVAILABLE. Where both fall into the same millisecond, it still does.
        ("grpc.http.tarpit", 0),
        ("grpc.max_send_message_length", MESSAGE_LIMIT), ("grpc.so_reuseport", 0),
        # Nothing is read ahead of _Messages.read.
        ("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", SMALL_BYTES)])
    server.add_generic_rpc_handlers(_handlers(service))
    return server


def _handlers(service: Service) -> list[grpc.GenericRpcHandler]:
    messages, methods = _Messages(service), _Methods(service)
    services = {
        "PredictionService": {
            "Predict": methods.predict, "GetModelMetadata": methods.metadata,
            **dict.fromkeys(("Classify", "Regress", "MultiInference"), methods.not_offered)},
        "ModelService": {"GetModelStatus": methods.status, "HandleReloadConfigRequest": methods.not_reloaded}}
    return [grpc.method_handlers_generic_handler(f"tensorflow.serving.{name}", {
        method: grpc.stream_unary_rpc_method_handler(messages.handler(function, method == "Predict"))
        for method, function in found.items()}) for name, found in services.items()]


class _Call(NamedTuple):
    """A call whose message has arrived.

    Attributes:
        message: the one message, in a list from which it can be taken out.
        held: what is in memory for it.
        patience: how many seconds its client waits.
    """

    message: list[bytes]
    held: Hold
    patience: float


class _Messages:
    """Reads requests when there is room for them, and counts them as held until their calls have ended.

    The handlers are of streams, of which a call of one message is a case: those of single messages read first and ask
    later, and have no limit of time.
    """

    def __init__(self, service: Service):
        self._service = service
        self._most = min(service.limits.request_bytes, service.admission.held_limit)
        # Of those that arrive only the limit is known. They take at most half of what may be held.
        self._arriving = asyncio.Semaphore(max(1, service.admission.held_limit // (2 * self._most)))

    def handler(self, function: Callable[[_Call], Awaitable[bytes]], large: bool) -> Callable:
        """A handler of gRPC from one of _Methods."""
        async def handle(messages: Any, context: Any) -> bytes:
            held = self._service.admission.hold()
            context.add_done_callback(lambda _: held.leave())
            message, refusal = [], ()
            try:
                _check_token(self._service.tokens, context)
                message += await self._read(messages, held)
                if not large and len(message[0]) > SMALL_BYTES:
                    raise invalid(f"the request is larger than {SMALL_BYTES} bytes")
                patience = context.time_remaining()
                return await function(_Call(message, held, math.inf if patience is None else patience))
            except RefusedError as error:  # which goes, with the frames of its traceback
                refusal = grpc.StatusCode[error.code], error.message
            finally:
                message.clear()  # of a call that is cancelled the frames live on for a while
            await context.abort(*refusal)

        return handle

    async def _read(self, messages: Any, held: Hold) -> list[bytes]:
        """The message of a _Call."""
        async def read() -> list[bytes]:
            async with self._arriving:
                held.take(self._most)
                message = [await anext(messages)]
                held.take(len(message[0]) - self._most)
                return message

        timeout = self._service.admission.timeout
        try:
            return await asyncio.wait_for(read(), timeout)
        except asyncio.TimeoutError:  # noqa: UP041 (another class in Python 3.10)
            raise RefusedError("DEADLINE_EXCEEDED", f"the request did not arrive within {timeout:g} s") from None
        except StopAsyncIteration:
            raise invalid("the call has no message") from None


class _Methods:
    """What is offered: from the bytes of a request to those of an answer."""

    def __init__(self, service: Service):
        self._service = service

    async def predict(self, call: _Call) -> bytes:
        with self._service.counted("grpc"):
            found = outline(call.message[0])
            asked = _asked(_parsed(model_pb2.ModelSpec, found.spec))
            return await self._service.compute(
                lambda version, limits: self._answer(version, limits, call, found.parsed_bytes), call.held, *asked,
                call.patience)

    @staticmethod
    def _answer(version: Version, limits: Limits, call: _Call, parsed_bytes: int) -> bytes:
        """Runs in a worker thread: a PredictRequest to a PredictResponse."""
        message, held = call.message, call.held
        held.take(parsed_bytes)
        size, request = len(message[0]), _parsed(predict_pb2.PredictRequest, message.pop())
        held.take(-size)
        response = predict_proto(version, request, limits, held.take)
        response.model_spec.name = request.model_spec.name
        request.Clear()
        held.take(2 * response.ByteSize() - parsed_bytes)  # gRPC copies it
        return response.SerializeToString()

    async def metadata(self, call: _Call) -> bytes:
        request = _parsed(get_model_metadata_pb2.GetModelMetadataRequest, call.message[0])
        if list(request.metadata_field) != ["signature_def"]:
            raise invalid("metadata_field must be signature_def alone")
        number, signatures, info = self._service.metadata(*_asked(request.model_spec))
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name, response.model_spec.version.value = request.model_spec.name, number
        response.metadata["signature_def"].Pack(signatures)
        if info:  # clients of TensorFlow Serving, which has signature_def alone, pass over it
            response.metadata["model_info"].Pack(StringValue(value=info.to_json()))
        return response.SerializeToString()

    async def status(self, call: _Call) -> bytes:
        request = _parsed(get_model_status_pb2.GetModelStatusRequest, call.message[0])
        return self._service.status(*_asked(request.model_spec)).SerializeToString()

    async def not_offered(self, call: _Call) -> bytes:
        raise RefusedError("UNIMPLEMENTED", "the model upscales images: use Predict")

    async def not_reloaded(self, call: _Call) -> bytes:
        raise RefusedError("UNIMPLEMENTED", "the configuration is that of the command line; new versions in the base "
                           "path are found by themselves")


def predict_proto(version: Version, request: Any, limits: Limits,
                  take: Callable[[int], None] = lambda count: None) -> Any:
    """The PredictResponse to a PredictRequest.

    Args:
        version: of the model.
        request: names its signature; its model_spec is not looked at otherwise.
        limits: of the request.
        take: called with bytes of memory before they are used, and with negative numbers after.

    Raises:
        RefusedError: the request does not fit, or the model fails on it; or by `take`.
    """
    inputs = {}
    for name, tensor in request.inputs.items():
        try:
            inputs[name] = array_of(tensor, limits.request_bytes, take)
        except (TypeError, ValueError) as error:
            raise invalid(f"input {name} is not a valid tensor: {error}") from None
    outputs = predict(version, request.model_spec.signature_name, inputs, limits, request.output_filter)
    response = predict_pb2.PredictResponse()
    response.model_spec.version.value = version.number
    response.model_spec.signature_name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    if bytes_of(outputs.values()) > MESSAGE_LIMIT:
        raise RefusedError("OUT_OF_RANGE", "the answer would be larger than 2 GiB")
    take(3 * bytes_of(outputs.values()) - bytes_of(inputs.values()))
    inputs.clear()
    for name, array in outputs.items():
        write_array(response.outputs[name], array)
    take(-3 * bytes_of(outputs.values()))
    return response


def _check_token(tokens: Tokens, context: Any) -> None:
    """Raises a RefusedError where a call has no token that is known, before anything of it is read."""
    metadata = dict(context.invocation_metadata() or ())
    if not tokens.allow(str(metadata.get("authorization", ""))):
        raise RefusedError("UNAUTHENTICATED", WITHOUT_TOKEN)


def _asked(spec: Any) -> tuple[str, int | None, str]:
    """The model's name, version and label."""
    return spec.name, spec.version.value if spec.HasField("version") else None, spec.version_label


def _parsed(message_class: Any, message: bytes) -> Any:
    try:
        return message_class.FromString(message)
    except DecodeError:
        raise invalid("the message is not a protocol buffer of this method") from None
