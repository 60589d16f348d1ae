"""How the client talks to a server: REST by the standard library alone, gRPC by grpcio. Neither imports TensorFlow.

A transport offers `describe()`, which gives {signature: ({input: DataType}, {output: DataType})} and the ModelInfo that
this package's server adds to TensorFlow Serving's metadata, or None; and `predict(signature, input, value, output)`,
where a value is uint8 [1,H,W,3] or the bytes of a file, and so is the result.
"""

import base64
import contextlib
import http.client
import json
import urllib.parse
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.runtimes.base import ModelInfo, TileTooLargeError
from srgan_tf.runtimes.wire import STRING, UINT8

Signatures = dict[str, tuple[dict[str, int], dict[str, int]]]
TOKEN_HINT = "upscale has --server_token_file"
REST_TYPES = {"DT_UINT8": UINT8, "DT_STRING": STRING}


class BusyError(Exception):
    """The server cannot be reached or has no room: another attempt may succeed."""


class NoAnswerError(UserError):
    """The server took longer than it may."""


class Address(NamedTuple):
    """A model on a server: https or http for REST, grpc for gRPC."""

    scheme: str
    host: str
    port: int
    model: str
    version: int | None = None
    label: str = ""


class RestTransport:
    """One connection, kept open."""

    prefers = STRING

    def __init__(self, address: Address, timeout: float, token: str = ""):
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(address.host, address.port, timeout=timeout)
        which = (f"/versions/{address.version}" if address.version is not None
                 else f"/labels/{urllib.parse.quote(address.label)}")
        model = f"/v1/models/{urllib.parse.quote(address.model)}"
        self._path = model + (which if address.version is not None or address.label else "")

    def describe(self) -> tuple[Signatures, ModelInfo | None]:
        answer = self._ask("GET", self._path + "/metadata")
        with _expecting_form():
            found, own = answer["metadata"]["signature_def"]["signature_def"], answer["metadata"].get("model_info")
            signatures = {name: tuple({key: REST_TYPES.get(info["dtype"], 0) for key, info in signature[side].items()}
                                      for side in ("inputs", "outputs")) for name, signature in found.items()}
        return signatures, None if own is None else ModelInfo.from_json(json.dumps(own))

    def predict(self, signature: str, name: str, value: np.ndarray | bytes, output: str) -> np.ndarray | bytes:
        plain = [{"b64": base64.b64encode(value).decode()}] if isinstance(value, bytes) else value.tolist()
        document = {"signature_name": signature, "inputs": {name: plain}}
        answer = self._ask("POST", self._path + ":predict", json.dumps(document).encode())
        with _expecting_form():
            made = answer["outputs"]
            result = made[output] if isinstance(made, dict) and "b64" not in made else made
            return base64.b64decode(result[0]["b64"]) if isinstance(value, bytes) else np.array(result, np.uint8)

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        try:
            kind = {"Content-Type": "application/json"} if body else {}
            self._connection.request(method, path, body, {**kind, **self._headers})
            response = self._connection.getresponse()
            status, text = response.status, response.read()
        except TimeoutError:
            self._connection.close()
            raise NoAnswerError("no answer in time (--server_timeout)") from None
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()
            raise BusyError(_reason(error)) from error
        if status in (429, 502, 503):
            raise BusyError(f"HTTP status {status}: {_error_in(text)}")
        if status == 413:
            raise TileTooLargeError(_error_in(text))
        if status == 401:
            raise UserError(f"{_error_in(text)} ({TOKEN_HINT})")
        if status != 200:
            raise UserError(f"HTTP status {status}: {_error_in(text)}")
        try:
            return json.loads(text)
        except ValueError:
            raise UserError(f"no JSON in the answer, but {text[:60]!r}: is this a REST port?") from None


class GrpcTransport:
    """One channel."""

    prefers = UINT8

    def __init__(self, address: Address, timeout: float, token: str = ""):
        import grpc
        from google.protobuf.wrappers_pb2 import StringValue

        from srgan_tf.runtimes.wire import classes

        self._grpc, self._wire, self._timeout, self._address = grpc, classes, timeout, address
        self._text, self._metadata = StringValue, [("authorization", f"Bearer {token}")] if token else []
        self._channel = grpc.insecure_channel(
            f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}",
            options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
                     ("grpc.enable_retries", 0), ("grpc.initial_reconnect_backoff_ms", 200)])

    def describe(self) -> tuple[Signatures, ModelInfo | None]:
        request = self._wire["MetadataRequest"](model_spec=self._spec(), metadata_field=["signature_def"])
        metadata = self._call("GetModelMetadata", request, "MetadataResponse").metadata
        found = self._wire["Signatures"].FromString(metadata["signature_def"].value).signature_def
        signatures = {name: tuple({key: info.dtype for key, info in side.items()}
                                  for side in (signature.inputs, signature.outputs))
                      for name, signature in found.items()}
        own = self._text()
        return signatures, ModelInfo.from_json(own.value) if metadata["model_info"].Unpack(own) else None

    def predict(self, signature: str, name: str, value: np.ndarray | bytes, output: str) -> np.ndarray | bytes:
        request = self._wire["PredictRequest"](model_spec=self._spec(signature_name=signature))
        tensor = request.inputs[name]
        if isinstance(value, bytes):
            tensor.dtype = STRING
            tensor.strings.append(value)
            tensor.shape.dim.add(size=1)
        else:
            tensor.dtype, tensor.content = UINT8, value.tobytes()
            for size in value.shape:
                tensor.shape.dim.add(size=size)
        made = self._call("Predict", request, "PredictResponse").outputs[output]
        if isinstance(value, bytes):
            return made.strings[0]
        # tensorflow_model_server writes either of them, as it is configured.
        flat = np.frombuffer(made.content, np.uint8) if made.content else np.array(made.ints, np.uint8)
        return flat.reshape([dim.size for dim in made.shape.dim])

    def _spec(self, **more: Any) -> Any:
        spec = self._wire["ModelSpec"](name=self._address.model, version_label=self._address.label, **more)
        if self._address.version is not None:
            spec.version.value = self._address.version
        return spec

    def _call(self, method: str, request: Any, response: str) -> Any:
        call = self._channel.unary_unary(
            f"/tensorflow.serving.PredictionService/{method}", request_serializer=lambda message:
            message.SerializeToString(), response_deserializer=self._wire[response].FromString)
        code = self._grpc.StatusCode
        try:
            return call(request, timeout=self._timeout, metadata=self._metadata)
        except self._grpc.RpcError as error:
            text = " ".join((error.details() or "").split())
            if error.code() is code.OUT_OF_RANGE or (
                    error.code() is code.RESOURCE_EXHAUSTED and "larger than max" in text):
                raise TileTooLargeError(text) from error
            if error.code() in (code.UNAVAILABLE, code.RESOURCE_EXHAUSTED):
                raise BusyError(text) from error
            if error.code() is code.UNAUTHENTICATED:
                raise UserError(f"{text} ({TOKEN_HINT})") from error
            kind = NoAnswerError if error.code() is code.DEADLINE_EXCEEDED else UserError
            raise kind(f"gRPC status {error.code().name}: {text}") from error


TRANSPORTS = {"http": RestTransport, "https": RestTransport, "grpc": GrpcTransport}
PORTS = {"http": 8501, "https": 443, "grpc": 8500}


@contextlib.contextmanager
def _expecting_form() -> Iterator[None]:
    """Says what is wrong where JSON is not of the form that was expected."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise UserError("the answer is not TensorFlow Serving's: is this its REST port?") from error


def _error_in(text: bytes) -> str:
    """The message of an error, in TensorFlow Serving's form or any other."""
    try:
        return " ".join(str(json.loads(text)["error"]).split())[:300]
    except (ValueError, KeyError, TypeError):
        return " ".join(text[:200].decode(errors="replace").split()) or "no explanation"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
