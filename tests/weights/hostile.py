"""Files as an attacker or a bad disk would make them."""

import io
import pickle
import struct
import zipfile

LEGACY_HEAD = b"".join(pickle.dumps(part, 2) for part in (
    0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}))


def zipped(program: bytes, **storages: bytes) -> bytes:
    """The zip form around a pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", program)
        for key, data in storages.items():
            archive.writestr(f"archive/data/{key.removeprefix('s')}", data)
    return file.getvalue()


def legacy(program: bytes, **storages: bytes) -> bytes:
    """The form before PyTorch 1.6 around a pickle; storages of float32."""
    keys = [key.removeprefix("s") for key in storages]
    raw = b"".join(struct.pack("<q", len(data) // 4) + data for data in storages.values())
    return LEGACY_HEAD + program + pickle.dumps(keys, 2) + raw


def text(word: str) -> bytes:
    """Puts a string on the stack."""
    data = word.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    """Puts an integer on the stack."""
    return b"\x8a\x08" + struct.pack("<q", value)


def ints(*values: int) -> bytes:
    """Puts a tuple of integers on the stack."""
    return b"(" + b"".join(map(number, values)) + b"t"


def storage(key: str = "0", count: int = 4, kind: bytes = b"ctorch\nFloatStorage\n", extra: bytes = b"") -> bytes:
    """Puts a storage on the stack."""
    return b"(" + text("storage") + kind + text(key) + text("cpu") + number(count) + extra + b"tQ"


def tensor(held: bytes = b"", offset: int = 0, shape: bytes = b"", strides: bytes = b"") -> bytes:
    """Puts a tensor on the stack: of 2 x 2 unless told otherwise."""
    return (b"ctorch._utils\n_rebuild_tensor_v2\n(" + (held or storage()) + number(offset) + (shape or ints(2, 2))
            + (strides or ints(2, 1)) + b"\x89}tR")


def state(value: bytes, name: str = "conv_first.weight") -> bytes:
    """The program of a dict with one entry."""
    return b"\x80\x02}" + text(name) + value + b"s."
