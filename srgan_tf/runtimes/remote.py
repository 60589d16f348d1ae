"""A model on servers as a Runtime of this package: TensorFlow Serving, or `python -m srgan_tf.serve`.

Nothing here imports TensorFlow.
"""

import contextlib
import functools
import io
import re
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from srgan_tf.errors import UserError
from srgan_tf.hub.references import ModelRef
from srgan_tf.runtimes.base import TRIAL, Options, Runtime, TileTooLargeError, tiling_of, whole_scale
from srgan_tf.runtimes.servers import FIRST_PAUSE, Server, ServerPool, given_up
from srgan_tf.runtimes.transports import PORTS, TRANSPORTS, Address, BusyError
from srgan_tf.runtimes.wire import STRING, UINT8
from srgan_tf.settings import lookup
from srgan_tf.text import printable

OPENED_AT_ONCE = 16
SAME_WITHIN = 8  # grey levels that one model's results may differ by from one kind of processor to another


class _Opened(NamedTuple):
    """A model on one server.

    Attributes:
        name: of the model.
        scale: of it.
        tiling: as tiling_of.
        trial: what it makes of trial_image.
        server: for the pool.
    """

    name: str
    scale: int
    tiling: dict[str, Any]
    trial: np.ndarray
    server: Server


def open_remote(model: ModelRef, options: Options) -> Runtime:
    """A model on a server, or on several."""
    return remote_runtime(model.url, model.name, timeout=options.server_timeout, retries=options.server_retries,
                          requests=options.server_requests, token=options.server_token)


def remote_runtime(urls: str, model: str = "", *, timeout: float = 120, retries: int = 5, requests: int = 2,
                   token: str = "") -> Runtime:
    """Opens a model on a server, or on several that share its requests.

    A server that cannot be reached is left out, with a line that says so, where there are others.

    Args:
        urls: as in parse_url, with commas between.
        model: its name, where a URL has none.
        timeout: seconds for one request.
        retries: further attempts at a request where the server cannot be reached or has no room, with pauses of 0.25 s,
            0.5 s, 1 s and so on.
        requests: how many are in flight at each server.
        token: a bearer token for the servers; empty: none is sent.

    Raises:
        ValueError: a URL, or a server's answer, which must be an upscaled image, the same one from all servers.
        OSError: no server can be reached, or all stay busy.
    """
    addresses = {url: parse_url(url, model) for url in urls.split(",")}

    def opened(url: str) -> _Opened | OSError:
        kind = lookup(TRANSPORTS, addresses[url].scheme, "kind of server")
        try:
            return _open(url, [kind(addresses[url], timeout, token) for _ in range(requests)], addresses[url], retries)
        except OSError as error:
            return error

    with ThreadPoolExecutor(min(len(addresses), OPENED_AT_ONCE)) as executor:
        answers = list(executor.map(opened, addresses))
    found, lost = ([one for one in answers if isinstance(one, kind)] for kind in (_Opened, OSError))
    if not found:
        raise OSError("; ".join(map(str, lost))) from lost[0]
    for error in lost:
        print(printable(f"{error}: left out"), file=sys.stderr)
    _check_alike(found)
    first, pool = found[0], ServerPool([one.server for one in found], retries)
    tiling = {**first.tiling, "whole_image_bytes": None}  # the server's memory is not known
    return Runtime(first.name, first.scale, pool.run, **tiling, side_by_side=requests * len(found))


def trial_image() -> np.ndarray:
    """Noise, of which different networks make different images; uint8 [1,*TRIAL,3]."""
    return np.random.default_rng(0).integers(0, 256, (1, *TRIAL, 3), np.uint8)


def _open(url: str, transports: Sequence[Any], address: Address, retries: int) -> _Opened:
    with _naming(url):
        signatures, info = _patiently(url, retries, transports[0].describe)
    chosen = _choose(url, signatures, transports[0].prefers)
    connections = [functools.partial(_upscaled, url, transport, *chosen) for transport in transports]
    trial = _patiently(url, retries, connections[0], trial_image())
    scale = whole_scale(url, TRIAL, trial.shape)
    return _Opened(address.model, scale, tiling_of(url, info, scale), trial, Server(url, connections))


def _check_alike(found: Sequence[_Opened]) -> None:
    """Raises a UserError where servers have different models."""
    first = found[0]
    for other in found[1:]:
        what = next((f"{name} {one} and {another}" for name, one, another in (
            ("scale", first.scale, other.scale), *((name, first.tiling.get(name), other.tiling.get(name))
                                                   for name in {**first.tiling, **other.tiling}))
            if one != another), "")
        if not what and (levels := abs(first.trial.astype(int) - other.trial).max()) > SAME_WITHIN:
            what = f"results that differ by {levels} grey levels"
        if what:
            raise UserError(f"{first.server.url} and {other.server.url} have different models, with {what}: give "
                            "servers of one model")


def _upscaled(url: str, transport: Any, signature: str, kind: int, name: str, output: str, images: np.ndarray
              ) -> np.ndarray:
    """uint8 [1,H,W,3] -> uint8 [1,sH,sW,3]."""
    value = _png(images[0]) if kind == STRING else images
    with _naming(url):
        made = transport.predict(signature, name, value, output)
    return _pixels(url, made)[None] if kind == STRING else made


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
                raise OSError(given_up(url, busy, retries)) from busy
            time.sleep(FIRST_PAUSE * 2**attempt)
    raise AssertionError


@contextlib.contextmanager
def _naming(url: str) -> Iterator[None]:
    """Puts the server's URL in front of what is said of its answer."""
    try:
        yield
    except ValueError as error:
        kind = type(error) if isinstance(error, UserError) else UserError
        raise kind(f"{url}: {error}") from error


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
