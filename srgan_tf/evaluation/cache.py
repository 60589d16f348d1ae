"""What earlier evaluations made, by the digest of everything that it depends on."""

import contextlib
import hashlib
import json
import os
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from srgan_tf.atomic import replacing
from srgan_tf.evaluation.surroundings import environment
from srgan_tf.text import expand

PACKAGE = Path(__file__).parent.parent
# Code that a figure depends on: a changed metric or network is measured again.
_CODE = ("evaluation/benchmarks.py", "hub", "imaging", "inference", "metrics", "models", "runtimes", "weights")


def user_folder() -> Path:
    """Where `--cache=auto` is."""
    return expand(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "srgan_tf/evaluate"


def digest_of(*parts: bytes) -> str:
    """SHA-256 of the parts, each with its length."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "little") + part)
    return total.hexdigest()


@cache
def code_digest() -> str:
    """Of the package's own code that figures depend on."""
    files = sorted(file for name in _CODE for file in [PACKAGE / name, *(PACKAGE / name).rglob("*.*")]
                   if file.is_file() and file.suffix != ".pyc")
    return digest_of(*(file.read_bytes() for file in files))


class Cache:
    """A folder of entries, each a file: the SHA-256 of its content, then the content.

    An entry that is damaged counts as absent, and one that cannot be written is not kept.
    """

    def __init__(self, folder: Path | None):
        """Uses the folder, which is made when something is kept; None: nothing is kept."""
        self.folder, self.keeps = folder, folder is not None

    @staticmethod
    def key(**parts: Any) -> str:
        """The name of an entry that depends on these, on the package's code and on what it runs on."""
        return digest_of(code_digest().encode(), json.dumps([parts, environment()], sort_keys=True).encode())

    def get(self, key: str) -> bytes | None:
        """The content of an entry, or None."""
        if not self.keeps:
            return None
        with contextlib.suppress(OSError):
            total, content = (lambda data: (data[:64], data[64:]))(self._read(key))
            if hashlib.sha256(content).hexdigest().encode() == total:
                return content
        return None

    def put(self, key: str, content: bytes) -> None:
        """Keeps an entry, whole or not at all."""
        with contextlib.suppress(OSError):
            if self.keeps:
                self._write(key, hashlib.sha256(content).hexdigest().encode() + content)

    def _read(self, key: str) -> bytes:
        """The file of an entry; raises an OSError where there is none."""
        return (self.folder / key[:2] / key).read_bytes()

    def _write(self, key: str, entry: bytes) -> None:
        path = self.folder / key[:2] / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(entry)

    def get_values(self, key: str) -> dict[str, Any]:
        """An entry that `put_values` wrote; empty where there is none."""
        content = self.get(key)
        return {} if content is None else json.loads(content)

    def put_values(self, key: str, values: dict[str, Any]) -> None:
        """Keeps numbers by name."""
        self.put(key, json.dumps(values).encode())

    def get_image(self, key: str) -> np.ndarray | None:
        """An entry that `put_image` wrote, uint8 [H,W,C]."""
        content = self.get(key)
        if content is None:
            return None
        with Image.open(BytesIO(content)) as image:
            pixels = np.asarray(image)
        return pixels[..., None] if pixels.ndim == 2 else pixels

    def put_image(self, key: str, pixels: np.ndarray) -> None:
        """Keeps an image, uint8 [H,W,1] or [H,W,3]."""
        if not self.keeps:
            return
        file = BytesIO()
        Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG", compress_level=1)
        self.put(key, file.getvalue())
