"""Which kind of container a file is; no reader is imported for this."""

import zipfile
from pathlib import Path

from srgan_tf.errors import UserError

# By the ending of a file whose content says nothing.
ENDINGS = {".pth": "torch", ".pt": "torch", ".ckpt": "torch", ".pth.tar": "torch", ".safetensors": "safetensors",
           ".param": "ncnn", ".bin": "ncnn"}
NCNN_MAGIC, PICKLE_MAGIC, ZIP_MAGIC = "7767517", b"\x80", b"PK\x03\x04"


def kind_of(path: Path) -> str:
    """What kind of foreign weights a file is: torch, safetensors, ncnn, or nothing of these: an empty string.

    A damaged file whose ending is a kind's is of that kind: its reader says what is wrong.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head, size = file.read(16), file.seek(0, 2)
    if head.startswith(NCNN_MAGIC.encode()):
        return "ncnn"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8:
        return "safetensors"  # looked for first: the length before its table may begin like a pickle
    if head.startswith(PICKLE_MAGIC) or (head.startswith(ZIP_MAGIC) and _is_torch_zip(path)):
        return "torch"
    if head.startswith(ZIP_MAGIC) and path.suffix == ".keras":
        return ""
    ending = "".join(path.suffixes[-2:]).lower()
    return ENDINGS.get(ending) or ENDINGS.get(path.suffix.lower(), "")


def _is_torch_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/data.pkl") for name in archive.namelist())
    except Exception:  # zipfile raises whatever it met in a damaged file
        return False


def ncnn_pair(path: Path) -> tuple[Path, Path]:
    """The .param and the .bin that a path to one of them means.

    Raises:
        ValueError: the other one is missing.
    """
    param, numbers = path.with_suffix(".param"), path.with_suffix(".bin")
    for one, other in ((param, numbers), (numbers, param)):
        if not one.is_file():
            raise UserError(f"an ncnn model consists of two files in one folder, but {one.name} is missing beside "
                            f"{other.name}")
    return param, numbers
