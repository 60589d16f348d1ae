"""The REST API of TensorFlow Serving, health, metrics and the page, as a Starlette application."""

import asyncio
import dataclasses
from typing import Any

import numpy as np
from google.protobuf.json_format import MessageToDict
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from srgan_tf.serving import json_tensors
from srgan_tf.serving.admission import Hold
from srgan_tf.serving.endpoints import ENDPOINTS, document
from srgan_tf.serving.page_files import models_json, page_routes
from srgan_tf.serving.predict import Limits, predict, signature_of
from srgan_tf.serving.prometheus import CONTENT_TYPE
from srgan_tf.serving.refusals import RefusedError
from srgan_tf.serving.service import Service
from srgan_tf.serving.tensor_protos import bytes_of
from srgan_tf.serving.versions import Version
from srgan_tf.text import MOST, whole_number

SENT_AT_ONCE = 1 << 18


def application(service: Service) -> Starlette:
    """The application that uvicorn runs."""
    api = _Api(service)
    routes = [Route(one.path, getattr(api, one.handler), methods=[one.method]) for one in ENDPOINTS]
    return Starlette(routes=[*routes, *page_routes()], exception_handlers={
        RefusedError: _refused, HTTPException: _malformed, ClientDisconnect: _gone, Exception: _failed})


def public_paths() -> set[str]:
    """Paths that need no token: health, and the page, which asks for it."""
    return {one.path for one in ENDPOINTS if one.public} | {route.path for route in page_routes()}


class _Api:
    """The endpoints."""

    def __init__(self, service: Service):
        self.service = service

    async def predict(self, request: Request) -> Response:
        service = self.service
        with service.admission.hold() as held:
            with service.counted("rest"):
                body = await _within(service.admission.timeout, _body(request, service.limits.request_bytes, held))
                work = service.compute(lambda version, limits: self._answer(version, limits, body, held), held,
                                       *_asked(request))
                pieces = await _unless_gone(request, work)
            held.enter()
            return _Pieces(pieces, held)

    def _answer(self, version: Version, limits: Limits, body: bytearray, held: Hold) -> list[bytes]:
        """Runs in a worker thread: JSON to JSON."""
        name, row_form, inputs = self._read(version, body, held)
        outputs = predict(version, name, inputs, limits)
        made, expected = bytes_of(outputs.values()), json_tensors.answer_bytes(outputs)
        if expected > self.service.admission.held_limit:
            count = sum(array.size for array in outputs.values())
            raise RefusedError("OUT_OF_RANGE", f"{count} numbers are too many for JSON here: send less, or use gRPC or "
                               "a signature that answers with bytes")
        held.take(made + expected - bytes_of(inputs.values()))
        inputs.clear()
        pieces = json_tensors.answer(outputs, row_form)
        held.take(sum(map(len, pieces)) - made - expected)
        return pieces

    def _read(self, version: Version, body: bytearray, held: Hold) -> tuple[str, bool, dict[str, np.ndarray]]:
        """The signature asked for, whether in row form, and its inputs, which are held in the place of the body."""
        size, parsed = len(body), json_tensors.parsed_bytes(body)
        held.take(parsed)
        document = json_tensors.parse_body(body)
        body.clear()
        name = document.get("signature_name", "")
        inputs = json_tensors.arrays_of(document, signature_of(version, name, self.service.limits))
        held.take(bytes_of(inputs.values()) - parsed - size)
        return name, "instances" in document, inputs

    async def unknown_method(self, request: Request) -> Response:
        method = request.path_params["method"]
        if method == "predict":
            raise HTTPException(405)
        raise RefusedError("UNIMPLEMENTED", f"method {method!r} is not supported: use :predict")

    async def metadata(self, request: Request) -> Response:
        number, signatures, info = self.service.metadata(*_asked(request))
        spec = {"name": request.path_params["name"], "signature_name": "", "version": str(number)}
        # Clients of TensorFlow Serving, which has signature_def alone, pass over what else there is.
        own = {"model_info": dataclasses.asdict(info)} if info else {}
        return JSONResponse({"model_spec": spec, "metadata": {"signature_def": _plain(signatures), **own}})

    async def status(self, request: Request) -> Response:
        return JSONResponse(_plain(self.service.status(*_asked(request))))

    async def metrics(self, request: Request) -> Response:
        return Response(self.service.metrics.text(), headers={"content-type": CONTENT_TYPE})

    async def health(self, request: Request) -> Response:
        ready = self.service.ready
        return JSONResponse({"status": "ok" if ready else "stopping"}, 200 if ready else 503)


    async def models(self, request: Request) -> Response:
        return models_json(self.service.models)

    async def openapi(self, request: Request) -> Response:
        return JSONResponse(document(self.service.models, bool(self.service.tokens)))


class _Pieces(Response):
    """An answer sent bit by bit, so that a slow client cannot make the server copy it.

    It leaves what is `held` when it is sent, or its connection is closed: see Clients.write_timeout.
    """

    media_type = "application/json"

    def __init__(self, pieces: list[bytes], held: Hold):
        super().__init__(headers={"content-length": str(sum(map(len, pieces)))})
        self._pieces, self._held = pieces, held

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        with self._held:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            for piece in self._pieces:
                for start in range(0, len(piece), SENT_AT_ONCE):
                    part = piece[start : start + SENT_AT_ONCE]
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


def _asked(request: Request) -> tuple[str, int | None, str]:
    """The model's name, version and label in the path."""
    found = request.path_params
    number = whole_number(found.get("version", "0"))
    if number is None:
        raise RefusedError("NOT_FOUND", f"Servable not found for request: version {found['version'][:30]!r}, which "
                           f"must be a number from 0 to {MOST}")
    return found["name"], number if "version" in found else None, found.get("label", "")


async def _body(request: Request, limit: int, held: Hold) -> bytearray:
    """The body, at most `limit` bytes, each part of which is held as it arrives."""
    refusal = RefusedError("OUT_OF_RANGE", f"the request is larger than {limit} bytes (--max_request_megabytes)")
    declared = request.headers.get("content-length", "0")
    if int(declared) > limit and "expect" in request.headers:
        raise refusal  # the client waits for this before it sends
    body, size = bytearray(), 0
    async for part in request.stream():
        size += len(part)
        if size > 4 * limit:
            raise refusal
        if size <= limit:
            held.take(len(part))
            body += part
        else:
            body.clear()  # what follows is read and forgotten: a client that still sends does not read the refusal
    if size > limit:
        raise refusal
    return body


async def _within(seconds: float, reading: Any) -> bytearray:
    try:
        return await asyncio.wait_for(reading, seconds)
    except asyncio.TimeoutError:  # noqa: UP041 (another class in Python 3.10)
        raise RefusedError("DEADLINE_EXCEEDED", f"the request did not arrive within {seconds:g} s") from None


async def _unless_gone(request: Request, work: Any) -> Any:
    """The result of `work`, which is given up where the client closes the connection first."""
    computing, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({computing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not computing.done():
            raise RefusedError("CANCELLED", "the client is gone")
        return computing.result()
    finally:
        computing.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _plain(message: Any) -> Any:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


async def _refused(request: Request, refusal: RefusedError) -> Response:
    message = refusal.message.encode(errors="backslashreplace").decode()  # it may quote half a character
    return JSONResponse({"error": message}, refusal.http_status)


async def _malformed(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": f"Malformed request: {request.method} {request.url.path}"}, error.status_code,
                        error.headers)


async def _gone(request: Request, error: ClientDisconnect) -> Response:
    return Response(status_code=499)


async def _failed(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"the server failed: {type(error).__name__}"}, 500)
