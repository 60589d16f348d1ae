"""Where downloaded models are kept, and what needs no network: download.py, whose imports cost a hundredth of a second,
is left alone until something is downloaded.
"""

import os
import urllib.parse
from pathlib import Path
from typing import BinaryIO

from srgan_tf import lazy
from srgan_tf.errors import UserError

hashlib = lazy.module("hashlib")

CACHE, OFFLINE, HUGGING_FACE = "SRGAN_TF_CACHE", "SRGAN_TF_OFFLINE", "HF_ENDPOINT"
BLOCK = 1 << 18


def cache_folder() -> Path:
    """Where downloaded models are: $SRGAN_TF_CACHE, else srgan_tf/models in the user's cache folder.

    Raises:
        ValueError: there is no home folder to put it into.
    """
    if os.environ.get(CACHE):
        return Path(os.environ[CACHE])
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"], "srgan_tf", "models")
    try:
        return Path.home() / ".cache" / "srgan_tf" / "models"
    except RuntimeError:
        raise UserError(f"there is no home folder to keep models in: set {CACHE} to a folder") from None


def is_offline(offline: bool) -> bool:
    """Whether nothing may be downloaded: by the argument or by $SRGAN_TF_OFFLINE."""
    return offline or os.environ.get(OFFLINE, "").lower() not in ("", "0", "false", "no")


def hugging_face_url(owner: str, repository: str, file: str) -> str:
    """Address of a file on Hugging Face or on $HF_ENDPOINT."""
    endpoint = (os.environ.get(HUGGING_FACE) or "https://huggingface.co").rstrip("/")
    return f"{endpoint}/{owner}/{repository}/resolve/main/{urllib.parse.quote(file)}"


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file)


def _digest(file: BinaryIO) -> str:
    total = hashlib.sha256()
    while block := file.read(BLOCK):
        total.update(block)
    return total.hexdigest()
