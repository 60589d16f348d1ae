"""One prediction: arrays checked against a signature, run, and TensorFlow's errors as refusals."""

import math
import re
from collections.abc import Collection, Mapping
from typing import Any

import grpc
import numpy as np
import tensorflow as tf

from srgan_tf.serving.errors import RefusedError, invalid
from srgan_tf.serving.versions import Version

DEFAULT_SIGNATURE = "serving_default"
CODES = {code.value[0]: code.name for code in grpc.StatusCode}


def signature_of(version: Version, name: str) -> Any:
    """The SignatureDef of that name, serving_default where it is empty."""
    name = name or DEFAULT_SIGNATURE
    known = ", ".join(sorted(n for n, signature in version.signatures.items() if signature.method_name))
    if name not in known.split(", "):
        raise invalid(f"Serving signature name: {name!r} not found in signature def; it has {known}")
    return version.signatures[name]


def predict(version: Version, signature_name: str, inputs: Mapping[str, np.ndarray],
            outputs: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Runs a signature.

    Args:
        version: of the model.
        signature_name: empty: serving_default.
        inputs: arrays by the signature's names; strings are bytes in object arrays.
        outputs: names of the outputs wanted; empty: all.

    Raises:
        RefusedError: the arrays do not fit, or the model fails on them.
    """
    signature = signature_of(version, signature_name)
    _check_names("input", inputs, set(signature.inputs))
    for name in outputs:
        if name not in signature.outputs:
            raise invalid(f"output tensor alias not found in signature: {name}. Outputs expected "
                          f"to be in the set {{{','.join(sorted(signature.outputs))}}}.")
    for name, array in inputs.items():
        _check_array(name, array, signature.inputs[name])
    fetches = {name: info.name for name, info in signature.outputs.items() if not outputs or name in outputs}
    try:
        return version.run(fetches, {signature.inputs[name].name: array for name, array in inputs.items()})
    except tf.errors.OpError as error:
        raise RefusedError(CODES.get(error.error_code, "INTERNAL"), _plain(error)) from error
    except MemoryError:
        raise RefusedError("OUT_OF_RANGE", "not enough memory for this request") from None


def _check_names(what: str, given: Collection[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise invalid(f"{what} tensor alias not found in signature: {name}. "
                          f"{what.title()}s expected to be in the set {{{','.join(sorted(known))}}}.")
    if missing := sorted(set(known) - set(given)):
        raise invalid(f"{what} size does not match signature: missing {','.join(missing)}")


def _check_array(name: str, array: np.ndarray, info: Any) -> None:
    wanted = tf.dtypes.as_dtype(info.dtype)
    if array.dtype != wanted.as_numpy_dtype:
        raise invalid(f"input {name} must be {wanted.name}; got {array.dtype}")
    shape = tf.TensorShape(info.tensor_shape)
    if not shape.is_compatible_with(array.shape):
        raise invalid(f"input {name} must have shape {shape}; got {array.shape}")
    if not math.prod(array.shape):
        raise invalid(f"input {name} is empty: {array.shape}")


def _plain(error: tf.errors.OpError) -> str:
    """What went wrong, without the places in the graph where it did."""
    text = error.message.removeprefix("Graph execution error:").split("[[")[0].split("\nDetected at node")[0].strip()
    asserted = re.match(r"assertion failed: \[([^\]]*)\]", text)  # what follows it are the values compared
    return " ".join((asserted[1] if asserted else text).split())[:500] or type(error).__name__
