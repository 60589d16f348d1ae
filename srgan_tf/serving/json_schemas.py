"""What the JSON of the REST paths looks like, as JSON Schema 2020-12; TensorFlow Serving's REST API is the source."""

from typing import Any

from srgan_tf.text import MOST

STRING: dict[str, Any] = {"type": "string"}
PARAMETERS = {
    "name": STRING,
    "version": {"type": "integer", "minimum": 0, "maximum": MOST},
    "label": STRING,
}


def _object(required: list[str], more: bool = False, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": more}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMAS: dict[str, Any] = {
    "Error": _object(["error"], error=STRING),
    "Value": {
        "description": "A number, a text, a list of values as nested as a tensor, or an object of values by the names "
                       "of a signature; bytes are {\"b64\": their base64}.",
        "anyOf": [{"type": ["number", "string", "boolean"]}, {"type": "array", "items": _ref("Value")},
                  {"type": "object", "additionalProperties": _ref("Value")}]},
    "PredictRequest": {
        "oneOf": [
            _object(["instances"], signature_name=STRING, instances={
                "description": "Row form: an item for each image.", "type": "array", "minItems": 1,
                "items": _ref("Value")}),
            _object(["inputs"], signature_name=STRING, inputs={
                "description": "Column form: a tensor, or an object of tensors by name.", **_ref("Value")})]},
    "PredictResponse": {"oneOf": [
        _object(["predictions"], predictions={"type": "array", "items": _ref("Value")}),
        _object(["outputs"], outputs=_ref("Value"))]},
    "Status": _object(["model_version_status"], model_version_status={"type": "array", "items": _object(
        ["version", "state", "status"], version=STRING,
        state={"enum": ["UNKNOWN", "START", "LOADING", "AVAILABLE", "UNLOADING", "END"]},
        status=_object(["error_code", "error_message"], error_code=STRING, error_message=STRING))}),
    "Metadata": _object(
        ["model_spec", "metadata"],
        model_spec=_object(["name", "signature_name", "version"], name=STRING, signature_name=STRING, version=STRING),
        metadata=_object(["signature_def"], signature_def=_object(
            ["signature_def"], signature_def={"type": "object", "additionalProperties": _object(
                ["inputs", "outputs", "method_name"], True, inputs={"type": "object"}, outputs={"type": "object"},
                method_name=STRING)}), model_info={"type": "object"})),
    "Health": _object(["status"], status={"enum": ["ok", "stopping"]}),
    "PageModels": _object(["models"], models={"type": "array", "items": _object(
        ["title", "place", "file", "tile"], title=STRING, place=STRING, file=STRING, tile={"type": "integer"})}),
    "Document": {"type": "object"},
}
