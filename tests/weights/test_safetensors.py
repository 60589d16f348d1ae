import json

import numpy as np
import pytest
import safetensors.numpy

from srgan_tf.weights import write_safetensors
from srgan_tf.weights.containers.safetensors import read_safetensors

ARRAYS = {
    "b": np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
    "a": np.float32([[[-1e30]]]),
    "empty": np.zeros((0, 3), "f4"),
}


def packed(table: dict | str, numbers: bytes = b"") -> bytes:
    text = (table if isinstance(table, str) else json.dumps(table)).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def entry(kind: str = "F32", shape: object = (2,), start: int = 0, stop: int = 8) -> dict:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, stop]}


def test_the_package_reads_what_is_written_here(tmp_path):
    write_safetensors(tmp_path / "a.safetensors", ARRAYS)
    theirs = safetensors.numpy.load_file(tmp_path / "a.safetensors")
    assert theirs.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(theirs[name], array)
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_what_the_package_writes_is_read_here():
    arrays = ARRAYS | {"half": np.float16([1, 2.5]), "whole": np.int64([[3]]), "flag": np.array([True])}
    ours = read_safetensors(safetensors.numpy.save(arrays, {"author": "somebody"}))
    assert ours.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(ours[name], array)
        assert ours[name].dtype == array.dtype


def test_bfloat16():
    ml_dtypes = pytest.importorskip("ml_dtypes")  # comes with TensorFlow
    values = np.float32([1, -2.71828, 3e38, 1e-40]).astype(ml_dtypes.bfloat16)
    read = read_safetensors(packed({"x": entry("BF16", (4,))}, values.tobytes()))["x"]
    np.testing.assert_array_equal(read, values.astype(np.float32))


def test_float8():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    values = np.float32([1, -2.5, 448, 0]).astype(ml_dtypes.float8_e4m3fn)
    read = read_safetensors(packed({"x": entry("F8_E4M3", (4,), 0, 4)}, values.tobytes()))["x"]
    np.testing.assert_array_equal(read, np.float32([1, -2.5, 448, 0]))


@pytest.mark.parametrize(("data", "said"), [
    (b"", "not a .safetensors"), (b"\xff" * 64, "not a .safetensors"), (packed("[]"), "damaged"),
    (packed("{'a'}"), "damaged"), (packed("[" * 100_000), "damaged"), (packed({"x": 3}), "damaged"),
    (packed({"x": entry("F4", (16,))}, bytes(8)), "type 'F4'"), (packed({"x": entry("X9")}, bytes(8)), "damaged"),
    (packed({"x": entry(shape=[True, 2])}, bytes(8)), "damaged"),
    (packed({"x": entry(shape=[0, 1 << 63], stop=0)}), "a shape that no tensor has"),
    (packed({"x": entry(shape=[0] * 3000, stop=0)}), "a shape that no tensor has"),
    (packed({"x": entry(shape=[1 << 62])}, bytes(8)), "damaged"),
    (packed({"x": entry(shape=(3,))}, bytes(8)), "damaged"),
    (packed({"x": entry(stop=1 << 40, shape=(1 << 38,))}, bytes(8)), "damaged"),
    (packed({"x": entry()}, bytes(9)), "damaged"), (packed({"x": entry(), "y": entry()}, bytes(8)), "damaged"),
    (packed({"x": entry(start=4, stop=12)}, bytes(12)), "damaged"),
])
def test_damaged(data, said):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        read_safetensors(data)
    assert said in str(caught.value)


def test_a_table_that_is_too_large():
    """The library would take 94 MB of it, for gigabytes of memory."""
    with pytest.raises(ValueError, match="its table of tensors has 94,000,000 bytes; at most 4,194,304 are read"):
        read_safetensors((94_000_000).to_bytes(8, "little") + bytes(94_000_000))
