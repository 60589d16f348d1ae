"""The REST paths: one table, of which the routes are made (rest.py) and their description, OpenAPI 3.1."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from srgan_tf import __version__
from srgan_tf.serving.json_schemas import PARAMETERS, SCHEMAS

MODEL = "/v1/models/{name}"
PLACES = {"": MODEL, "_version": MODEL + "/versions/{version}", "_label": MODEL + "/labels/{label}"}
JSON, TEXT = "application/json", "text/plain"
REASONS = {
    400: "The request does not fit the signature, or the model refuses it.",
    401: "No token that the server knows.",
    403: "A page of another site, or an unknown Host.",
    404: "No such model, version or label.",
    413: "The request, its images or its answer are too large.",
    501: "Another method than predict.",
    503: "Too many requests, or the server is stopping: try again later.",
    504: "The request or its answer took too long.",
}


class Endpoint(NamedTuple):
    """What is answered under a path.

    Attributes:
        name: its own; operationId of the description.
        path: with {parameters}.
        handler: name of the method that answers.
        method: of HTTP.
        summary: what it does; empty: it is no part of the description.
        answer: a name in SCHEMAS, or of an answer in plain text nothing.
        takes: a name in SCHEMAS, of a request with a body.
        errors: statuses of its own.
        public: whether it needs no token.
    """

    name: str
    path: str
    handler: str
    method: str = "GET"
    summary: str = ""
    answer: str = ""
    takes: str = ""
    errors: tuple[int, ...] = ()
    public: bool = False


def _of_a_model(which: str, place: str) -> list[Endpoint]:
    """The endpoints of a model, of one of its versions or of the version with a label; the first that fits answers."""
    other = place + ":{method}"
    return [
        Endpoint("predict" + which, place + ":predict", "predict", "POST", "Runs a signature.", "PredictResponse",
                 "PredictRequest", (400, 404, 413, 503, 504)),
        *(Endpoint(f"other_{method.lower()}{which}", other, "unknown_method", method) for method in ("GET", "POST")),
        Endpoint("metadata" + which, place + "/metadata", "metadata", summary="Signatures, and what the model says of "
                 "itself.", answer="Metadata", errors=(404,)),
        Endpoint("status" + which, place, "status", summary="The versions and their states.", answer="Status",
                 errors=(404,))]


ENDPOINTS = (
    *(endpoint for which, place in PLACES.items() for endpoint in _of_a_model(which, place)),
    Endpoint("metrics", "/metrics", "metrics", summary="Counters in Prometheus' text format."),
    Endpoint("metrics_of_tensorflow_serving", "/monitoring/prometheus/metrics", "metrics",
             summary="The same, where tensorflow_model_server has them."),
    Endpoint("health", "/healthz", "health", summary="Whether the server takes requests.", answer="Health",
             errors=(503,), public=True),
    Endpoint("models", "/models.json", "models", summary="What the page knows of the models.", answer="PageModels"),
    Endpoint("openapi", "/openapi.json", "openapi", summary="This description.", answer="Document"),
)


def document(names: Iterable[str], needs_token: bool) -> dict[str, Any]:
    """The description of the REST paths of a server.

    Args:
        names: of its models.
        needs_token: whether requests must have one.
    """
    paths: dict[str, dict] = {}
    for one in ENDPOINTS:
        if one.summary:
            paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, [*names], needs_token)
    components: dict[str, Any] = {"schemas": SCHEMAS}
    if needs_token:
        components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    return {"openapi": "3.1.0",
            "info": {"title": "srgan_tf.serve: the REST API of TensorFlow Serving", "version": __version__},
            "paths": paths, "components": components}


def _operation(one: Endpoint, names: list[str], needs_token: bool) -> dict[str, Any]:
    errors = {*one.errors, 403, *((401,) if needs_token and not one.public else ())}
    good = _json(one.answer) if one.answer else {TEXT: {"schema": {"type": "string"}}}
    responses = {"200": {"description": "The answer.", "content": good}}
    for status in sorted(errors):
        body = one.answer if one.public and status == 503 else "Error"
        responses[str(status)] = {"description": REASONS[status], "content": _json(body)}
    made = {"operationId": one.name, "summary": one.summary, "responses": responses}
    if parameters := [_parameter(name, names) for name in re.findall(r"{(\w+)}", one.path)]:
        made["parameters"] = parameters
    if one.takes:
        made["requestBody"] = {"required": True, "content": _json(one.takes)}
    if needs_token and not one.public:
        made["security"] = [{"bearer": []}]
    return made


def _json(schema: str) -> dict[str, Any]:
    return {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _parameter(name: str, models: list[str]) -> dict[str, Any]:
    known = {"enum": models} if name == "name" else {}
    return {"name": name, "in": "path", "required": True, "schema": {**PARAMETERS[name], **known}}
