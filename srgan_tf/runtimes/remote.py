"""A model on a server as a Runtime of this package: TensorFlow Serving, or `python -m srgan_tf.serve`.

Nothing here imports TensorFlow.
"""

import io
import re
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from srgan_tf.errors import UserError
from srgan_tf.hub.references import ModelRef
from srgan_tf.runtimes.base import TRIAL, Options, Runtime, TileTooLargeError, in_turn, tiling_of, whole_scale
from srgan_tf.runtimes.transports import PORTS, TRANSPORTS, Address, BusyError
from srgan_tf.runtimes.wire import STRING, UINT8
from srgan_tf.settings import lookup

FIRST_PAUSE = 0.25


def open_remote(model: ModelRef, options: Options) -> Runtime:
    """A model on a server."""
    return remote_runtime(model.url, model.name, timeout=options.server_timeout, retries=options.server_retries,
                          token=options.server_token)


def remote_runtime(url: str, model: str = "", *, timeout: float = 120, retries: int = 5, token: str = "") -> Runtime:
    """Opens a model on a server.

    Args:
        url: as in parse_url.
        model: its name, where the URL has none.
        timeout: seconds for one request.
        retries: further attempts at a request where the server cannot be reached or has no room, with pauses of 0.25 s,
            0.5 s, 1 s and so on.
        token: a bearer token for the server; empty: none is sent.

    Raises:
        ValueError: the URL, or the server's answer, which must be an upscaled image.
        OSError: the server cannot be reached or stays busy.
    """
    address = parse_url(url, model)
    transport = lookup(TRANSPORTS, address.scheme, "kind of server")(address, timeout, token)

    def ask(function: Callable, *arguments: Any) -> Any:
        return _patiently(url, retries, function, *arguments)

    signatures, info = ask(transport.describe)
    signature, kind, name, output = _choose(url, signatures, transport.prefers)

    def run(images: np.ndarray) -> np.ndarray:
        value = _png(images[0]) if kind == STRING else images
        made = ask(transport.predict, signature, name, value, output)
        return _pixels(url, made)[None] if kind == STRING else made

    scale = whole_scale(url, TRIAL, run(np.zeros((1, *TRIAL, 3), np.uint8)).shape)
    tiling = {**tiling_of(url, info, scale), "whole_image_bytes": None}  # the server's memory is not known
    return in_turn(Runtime(address.model, scale, run, **tiling))  # one connection: one request


def parse_url(url: str, model: str = "") -> Address:
    """Reads http://HOST:PORT, https://... or grpc://HOST:PORT, with or without a path: /v1/models/NAME or /NAME, and
    after it /versions/NUMBER or /labels/LABEL.

    Raises:
        ValueError: it is not so, or the name is missing or given twice.
    """
    form = "http://HOST:8501/v1/models/NAME or grpc://HOST:8500/NAME"
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:  # no port, or no host
        raise UserError(f"--server must be as in {form}; got {url!r}") from None
    path = re.fullmatch(r"(?:/v1/models)?(?:/([^/:]+)(?:/versions/([0-9]{1,19})|/labels/([^/:]+))?)?/?", parts.path)
    if not parts.hostname or not port or not path or parts.query or parts.username or re.search(r"[\s\0-\x1f]", url):
        raise UserError(f"--server must be as in {form}; got {url!r}")
    name = urllib.parse.unquote(path[1] or "")
    if name and model not in ("", name):
        raise UserError(f"--server={url} already names the model {name}: leave out --model={model}")
    if not name and not model:
        raise UserError(f"--server={url} names no model: give its path, as in {form}, or --model=NAME")
    return Address(parts.scheme, parts.hostname, port, name or model, int(path[2]) if path[2] else None,
                   urllib.parse.unquote(path[3] or ""))


def _choose(url: str, signatures: dict, preferred: int) -> tuple[str, int, str, str]:
    """A signature from images to images: its name, its type (arrays or files), and its tensors' names."""
    found = {}
    # serving_default first: over gRPC they come in any order, and exports have others that take images.
    for signature in sorted(signatures, key=lambda name: (name != "serving_default", name)):
        inputs, outputs = signatures[signature]
        for kind in (UINT8, STRING):
            if list(inputs.values()) == list(outputs.values()) == [kind]:
                found.setdefault(kind, (signature, kind, *inputs, *outputs))
    if not found:
        raise UserError(f"{url}: no signature of this model upscales a uint8 image or an image file; it has "
                        f"{', '.join(sorted(signatures)) or 'none'}")
    return found.get(preferred) or next(iter(found.values()))


def _patiently(url: str, retries: int, function: Callable, *arguments: Any) -> Any:
    """Calls again, after longer and longer pauses, while the server is busy or away."""
    for attempt in range(retries + 1):
        try:
            return function(*arguments)
        except BusyError as busy:
            if attempt == retries:
                attempts = f"{retries + 1} attempts" if retries else "1 attempt"
                raise OSError(f"{url}: {busy} ({attempts})") from busy
            time.sleep(FIRST_PAUSE * 2**attempt)
        except TileTooLargeError as error:
            raise TileTooLargeError(f"{url}: {error}") from error
        except ValueError as error:
            raise UserError(f"{url}: {error}") from error
    raise AssertionError


def _png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png", compress_level=1)
    return file.getvalue()


def _pixels(url: str, file: bytes) -> np.ndarray:
    """uint8 [H,W,3] of an image file that the server made: its own answer, thus as large as it is."""
    try:
        with Image.open(io.BytesIO(file), formats=["png", "jpeg"]) as image:
            return np.asarray(image.convert("RGB"))
    except Image.DecompressionBombError as error:
        raise TileTooLargeError(f"{url}: the image in the answer is too large to decode: {error}") from error
    except OSError as error:
        raise UserError(f"{url}: the answer is not an image: {error}") from error
