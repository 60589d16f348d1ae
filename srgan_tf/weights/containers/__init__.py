"""Files of tensors by name, whatever network they are of.

    pickles  ->  torch_files       PyTorch's
    safetensors                    .safetensors
    ncnn  ->  ncnn_graph           ncnn's .param and .bin: no names, but the graph
    numbers, unwrapping            bytes to numbers; which of the dicts in a file is the network

What a file is, its first bytes say; its name's ending is asked only where they do not.
"""

import zipfile
from pathlib import Path

from srgan_tf.errors import UserError
from srgan_tf.weights.containers import ncnn
from srgan_tf.weights.containers.safetensors import read_safetensors, write_safetensors
from srgan_tf.weights.containers.torch_files import ZIP_MAGIC, read_torch

# By the ending; each reads a file's bytes.
READERS = {".pth": read_torch, ".pt": read_torch, ".safetensors": read_safetensors}
ENDINGS = {".pth": "torch", ".pt": "torch", ".ckpt": "torch", ".pth.tar": "torch", ".safetensors": "safetensors",
           ".param": "ncnn", ".bin": "ncnn"}
PICKLE_MAGIC = b"\x80"

__all__ = ["READERS", "kind_of", "ncnn_pair", "read_safetensors", "read_torch", "write_safetensors"]


def kind_of(path: Path) -> str:
    """What kind of foreign weights a file is: torch, safetensors, ncnn, or nothing of these: an empty string.

    A damaged file whose ending is a kind's is of that kind: its reader says what is wrong.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head, size = file.read(16), file.seek(0, 2)
    if head.startswith(ncnn.MAGIC.encode()):
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
