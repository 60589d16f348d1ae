"""One prediction: arrays checked against a signature, run, and TensorFlow's errors as refusals."""

import math
import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import grpc
import numpy as np
import tensorflow as tf

from srgan_tf.serving.image_headers import pixels_of
from srgan_tf.serving.refusals import RefusedError, invalid
from srgan_tf.serving.versions import Version

DEFAULT_SIGNATURE = "serving_default"
UNLIMITED_SIGNATURE = "untiled"  # of an export: whole images at once, of any size
CODES = {code.value[0]: code.name for code in grpc.StatusCode}


class Limits(NamedTuple):
    """Of one request.

    Attributes:
        request_bytes: of its message, and of a tensor that a smaller message stands for.
        megapixels: of its images together, before they are upscaled.
        untiled: whether the signature `untiled` is served.
        deadline: when nobody waits for the answer any more, in seconds of time.monotonic().
    """

    request_bytes: int
    megapixels: float = math.inf
    untiled: bool = True
    deadline: float = math.inf


def served(version: Version, limits: Limits) -> list[str]:
    """The names of the signatures that requests may ask for."""
    return sorted(name for name, signature in version.signatures.items()
                  if signature.method_name and (limits.untiled or name != UNLIMITED_SIGNATURE))


def signature_of(version: Version, name: str, limits: Limits) -> Any:
    """The SignatureDef of that name, serving_default where it is empty."""
    name, known = name or DEFAULT_SIGNATURE, served(version, limits)
    if name not in known:
        why = " (untiled is served with --allow_untiled)" if name == UNLIMITED_SIGNATURE and not limits.untiled else ""
        raise invalid(f"Serving signature name: {name!r} not found in signature def; it has {', '.join(known)}{why}")
    return version.signatures[name]


def predict(version: Version, signature_name: str, inputs: Mapping[str, np.ndarray], limits: Limits,
            outputs: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Runs a signature.

    Args:
        version: of the model.
        signature_name: empty: serving_default.
        inputs: arrays by the signature's names; strings are bytes in object arrays.
        limits: of the request.
        outputs: names of the outputs wanted; empty: all.

    Raises:
        RefusedError: the arrays do not fit, or the model fails on them.
    """
    signature = signature_of(version, signature_name, limits)
    _check_names("input", inputs, set(signature.inputs))
    for name in outputs:
        if name not in signature.outputs:
            raise invalid(f"output tensor alias not found in signature: {name}. Outputs expected "
                          f"to be in the set {{{','.join(sorted(signature.outputs))}}}.")
    for name, array in inputs.items():
        _check_array(name, array, signature.inputs[name])
    _check_pixels(inputs, limits.megapixels)
    fetches = {name: info.name for name, info in signature.outputs.items() if not outputs or name in outputs}
    try:
        return version.run(fetches, {signature.inputs[name].name: array for name, array in inputs.items()},
                           limits.deadline)
    except tf.errors.DeadlineExceededError:
        raise RefusedError("DEADLINE_EXCEEDED", "the model did not answer in time") from None
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


def _check_pixels(inputs: Mapping[str, np.ndarray], megapixels: float) -> None:
    """Looks at arrays [N,H,W,C], and at the heads of image files, before anything is decoded."""
    pixels = 0
    for name, array in inputs.items():
        if array.dtype == object:
            try:
                pixels += sum(pixels_of(content) for content in array.flat)
            except ValueError as error:
                raise invalid(f"input {name}: {error}") from None
        elif array.ndim == 4:
            pixels += math.prod(array.shape[:3])
    if pixels > megapixels * 1e6:
        raise RefusedError("OUT_OF_RANGE", f"the images of this request have {pixels / 1e6:.2f} megapixels; at most "
                           f"{megapixels:g} are accepted (--max_megapixels)")


def _plain(error: tf.errors.OpError) -> str:
    """What went wrong, without the places in the graph where it did."""
    text = error.message.removeprefix("Graph execution error:").split("[[")[0].split("\nDetected at node")[0].strip()
    asserted = re.match(r"assertion failed: \[([^\]]*)\]", text)  # what follows it are the values compared
    return " ".join((asserted[1] if asserted else text).split())[:500] or type(error).__name__
