"""Downloads: resumed where they were cut off, checked before they are used, whole or not at all.

Proxies are those of the environment (http_proxy, https_proxy, no_proxy), as urllib has them.
"""

import contextlib
import http.client
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from srgan_tf.errors import UserError
from srgan_tf.hub.kept import digest_of
from srgan_tf.text import printable

TIMEOUT = 30.0  # seconds without a byte
TRIES, PAUSE = 4, 1.0
BLOCK = 1 << 18
LARGEST = 4 << 30


def download(url: str, target: Path, sha256: str = "", size: int = 0, instead: str = "") -> None:
    """Downloads a file; what an earlier, cut-off download left is continued.

    Args:
        url: http or https.
        target: the file to be; its folder is made. Until it is whole, it is called target.part.
        sha256: the sum that it must have, unless empty.
        size: bytes that it must have, unless 0.
        instead: what else the user can do where it cannot be had, after "save it as ...".

    Raises:
        ValueError: it has another sum or size; nothing is kept.
        OSError: the server does not have it, or cannot be reached, or the connection broke TRIES times.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    with part.open("ab") as file, _locked(file):
        if target.is_file():
            return  # another process has downloaded it meanwhile
        try:
            _fetch(url, file, size, f"; or save it as {target}{instead}")
        except UserError:
            part.unlink()
            raise
        file.flush()
        os.fsync(file.fileno())
        length = part.stat().st_size
        wrong = f"{length:,} bytes instead of {size:,}" if size and length != size else ""
        if not wrong and sha256 and (seen := digest_of(part)) != sha256:
            wrong = f"the SHA-256 {seen} instead of {sha256}"
        if wrong:
            part.unlink()
            raise UserError(f"{url} gave a file with {wrong}; it was not kept. Either it is not the published file, "
                            "or this package's table is wrong about it")
        os.replace(part, target)


@contextlib.contextmanager
def _locked(file: BinaryIO) -> Iterator[None]:
    """Keeps other processes from writing to the same file; they wait."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)


def _fetch(url: str, file: BinaryIO, size: int, remedy: str) -> None:
    """Appends to the file what it lacks."""
    for attempt in range(TRIES):
        try:
            return _fetch_once(url, file, size)
        except urllib.error.HTTPError as error:
            if error.code < 500 or attempt == TRIES - 1:
                raise OSError(f"{url}: the server answers {error.code} {printable(error.reason)[:80]}") from None
        except (OSError, http.client.HTTPException) as error:
            if attempt == TRIES - 1:
                reason = printable(getattr(error, "reason", "") or error)[:160] or type(error).__name__
                kept = f"; {file.tell():,} bytes are kept, and the same command continues" if file.tell() else ""
                raise OSError(f"{url} cannot be downloaded: {reason}{kept}{remedy}") from None
        time.sleep(PAUSE * attempt)
    raise AssertionError("the last attempt returns or raises")


def _fetch_once(url: str, file: BinaryIO, size: int) -> None:
    start = file.seek(0, os.SEEK_END)
    if size and start >= size:
        if start > size:
            file.truncate(0)
        else:
            return
        start = 0
    request = urllib.request.Request(url, headers={"User-Agent": "srgan_tf", "Accept-Encoding": "identity"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        answer = OPENER.open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not start:
            raise
        file.truncate(0)  # what was kept is not of this file
        raise ConnectionError("the server has no more bytes than were kept of another file") from None
    with answer:
        if answer.status != 206 or not (answer.headers.get("Content-Range") or "").startswith(f"bytes {start}-"):
            start = 0
            file.truncate(0)
        _copy(answer, file, start, size)


def _copy(answer: http.client.HTTPResponse, file: BinaryIO, start: int, size: int) -> None:
    length = answer.headers.get("Content-Length")
    whole = start + int(length) if length and length.isascii() and length.isdecimal() else None
    limit = size or LARGEST
    if whole and whole > limit:
        raise UserError(f"{answer.url} is {whole:,} bytes long; at most {limit:,} are expected")
    with tqdm(total=whole or size or None, initial=start, unit="B", unit_scale=True, disable=None, leave=False) as bar:
        while block := answer.read(BLOCK):
            if file.tell() + len(block) > limit:
                raise UserError(f"{answer.url} is longer than the {limit:,} bytes that are expected")
            file.write(block)
            bar.update(len(block))
    if whole is not None and file.tell() < whole:
        raise ConnectionError(f"the connection broke after {file.tell():,} of {whole:,} bytes")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https, but not from https to what can be read on the way."""

    def redirect_request(self, request: urllib.request.Request, file: BinaryIO, code: int, message: str,
                         headers: http.client.HTTPMessage, url: str) -> urllib.request.Request | None:
        schemes = {"http": ("http", "https")}.get(request.type, ("https",))
        if urllib.parse.urlsplit(url).scheme not in schemes:
            raise urllib.error.URLError(f"it redirects from {request.type} to {printable(url)[:120]}")
        return super().redirect_request(request, file, code, message, headers, url)


OPENER = urllib.request.build_opener(_Redirects)
