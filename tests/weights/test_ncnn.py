"""ncnn's files as pnnx wrote them (tools/make_weight_references.py), whole, rewritten by hand, and damaged."""

import struct
from pathlib import Path

import numpy as np
import pytest

from srgan_tf.hub import load_model
from srgan_tf.weights import read_checkpoint
from srgan_tf.weights.containers.ncnn import Layer, read_ncnn

WEIGHTS = Path(__file__).parents[1] / "references" / "weights"
NAMES = ["rrdb_pnnx_x4", "span_pnnx_x2", "srvgg_pnnx_x2"]
FLOAT16 = struct.pack("<I", 0x01306B47)


@pytest.fixture
def refusal(tmp_path):
    """The line with which a network is refused whose .param has something replaced, or whose .bin is another."""
    def load(name: str, old: str = "", new: str = "", numbers: bytes | None = None) -> str:
        text = (WEIGHTS / f"{name}.param").read_text()
        assert old in text
        (tmp_path / "x.param").write_text(text.replace(old, new, 1))
        (tmp_path / "x.bin").write_bytes((WEIGHTS / f"{name}.bin").read_bytes() if numbers is None else numbers)
        with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
            load_model(tmp_path / "x.param")
        assert str(caught.value).startswith(f"{tmp_path / 'x.param'}: ")
        return str(caught.value)
    return load


def write_ncnn(layers: list[Layer], half: bool) -> tuple[bytes, bytes]:
    """Both files of some layers."""
    lines, numbers = [], b""
    for layer in layers:
        settings = [f"{number}={value}" if isinstance(value, int | float) else
                    f"{-23300 - number}={len(value)},{','.join(map(str, value))}"
                    for number, value in layer.settings.items()]
        lines.append(" ".join([layer.type, layer.name, str(len(layer.inputs)), str(len(layer.outputs)), *layer.inputs,
                               *layer.outputs, *settings]))
        for name, array in layer.arrays.items():
            tagged = layer.type == "Convolution" and name == "weight"
            short = half and tagged
            data = array.astype("<f2" if short else "<f4").tobytes()
            numbers += ((FLOAT16 if short else bytes(4)) if tagged else b"") + data + bytes(-len(data) % 4)
    return f"7767517\n{len(lines)} 9\n{chr(10).join(lines)}\n".encode(), numbers


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ending", ["param", "bin"])
def test_output_is_pytorchs(name, ending):
    model = load_model(WEIGHTS / f"{name}.{ending}")
    with np.load(WEIGHTS / f"{name}.npz") as arrays:
        inputs, expected = (arrays[key].transpose(0, 2, 3, 1) for key in ("input", "output"))
    assert expected.std() > 0.05
    np.testing.assert_allclose(model(inputs), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_written_again(name, tmp_path):
    files = [(WEIGHTS / f"{name}.{ending}").read_bytes() for ending in ("param", "bin")]
    layers = read_ncnn(*files)
    expected = read_checkpoint(WEIGHTS / f"{name}.param").arrays
    for half in (False, True):
        for path, data in zip((tmp_path / "y.param", tmp_path / "y.bin"), write_ncnn(layers, half), strict=True):
            path.write_bytes(data)
        found = read_checkpoint(tmp_path / "y.bin").arrays
        assert found.keys() == expected.keys()
        for key, array in expected.items():
            np.testing.assert_allclose(found[key], array, rtol=1e-3 if half else 0)


def test_odd_count_of_short_numbers_is_filled_to_four_bytes():
    settings = {0: 1, 1: 3, 4: 1, 5: 1, 6: 9}
    arrays = {"weight": np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3), "bias": np.float32([0.1])}
    layers = [Layer("Input", "i", (), ("0",), {}, {}), Layer("Convolution", "c", ("0",), ("1",), settings, arrays)]
    for name, array in read_ncnn(*write_ncnn(layers, half=True))[1].arrays.items():
        np.testing.assert_array_equal(array, arrays[name])


@pytest.mark.parametrize(("name", "old", "new", "said"), [
    ("rrdb_pnnx_x4", "-23310=1,0.2", "-23310=1,0.1", "leaky (0.1) of 1 inputs instead of leaky (0.2)"),
    ("rrdb_pnnx_x4", "2=0.2", "2=0.3", "scale (0.2) of 1 inputs instead of scale (0.3)"),
    ("rrdb_pnnx_x4", "1 4 13 18 22 24", "1 4 18 13 22 24", "is read in another place"),
    ("rrdb_pnnx_x4", "0=1 1=2.0 2=2.0", "0=2 1=2.0 2=2.0", "it has 21 conv, "),
    ("rrdb_pnnx_x4", "0=1 1=2.0 2=2.0", "0=1 1=2.0 2=4.0", "no network whose ncnn graph is known (rrdb, span, srvgg)"),
    ("rrdb_pnnx_x4", "12=1", "12=2", "conv (dilation [1, 2]) of 1 inputs instead of conv"),
    ("rrdb_pnnx_x4", "14=1", "14=0", "conv (padding [1, 1, 0, 0])"),
    ("rrdb_pnnx_x4", "0=2 1=1 2=0.2", "0=3 1=1 2=0.2", "binary (3)"),
    ("rrdb_pnnx_x4", "Concat ", "Softmax ", "layer 'cat_0' is of type 'Softmax'; known ncnn layers"),
    ("rrdb_pnnx_x4", "8 9\n", "8 8\n", "'8' is written twice"),
    ("rrdb_pnnx_x4", "1 9 10", "1 8 10", "outputs are '9, out0'"),
    ("srvgg_pnnx_x2", "0=2 1=0", "0=2 1=1", "known"), ("srvgg_pnnx_x2", "2 1 10 11", "2 1 10 10", "outputs"),
    ("srvgg_pnnx_x2", "6=162", "6=163", "163 numbers are no kernel of 6 outputs"),
    ("span_pnnx_x2", "0=1 1=1 2=0.5", "0=1 1=1 2=0.4", "shift (-0.4) of 1 inputs instead of shift (-0.5)"),
    ("span_pnnx_x2", "2 1 17 16 18 0=2", "2 1 17 16 18 0=3", "binary (3) of 2 inputs instead of multiply"),
    ("span_pnnx_x2", "0=1 1=1 2=3", "0=9 1=1 2=3", "it holds 27 numbers; a constant of up to 16"),
    ("srvgg_pnnx_x2", "6=162", "6=999999972", "bytes left where"),
    ("srvgg_pnnx_x2", "6=162", "6=162 8=2", "quantized to int8"),
    ("srvgg_pnnx_x2", "6=162", "6=1e999", "'1e999' is not a number"), ("srvgg_pnnx_x2", "6=162", "6=4.5", "integer"),
    ("srvgg_pnnx_x2", "6=162", "6=162 six", "'six' in"), ("srvgg_pnnx_x2", "12 13\n", "13 13\n", "cut off"),
    ("srvgg_pnnx_x2", "7767517", "7767518", "not a text .param"),
    ("srvgg_pnnx_x2", "1 1 2 3", "1 1 99 3", "no layer before"),
    ("srvgg_pnnx_x2", "1 1 2 3", "1 99999 2 3", "fewer blobs"),
])
def test_another_graph_is_refused(name, old, new, said, refusal):
    line = refusal(name, old, new)
    assert said in line


def test_damaged_numbers(refusal):
    numbers = (WEIGHTS / "srvgg_pnnx_x2.bin").read_bytes()
    assert "bytes left where" in refusal("srvgg_pnnx_x2", numbers=numbers[:-1])
    assert "4 bytes of the .bin belong to no layer" in refusal("srvgg_pnnx_x2", numbers=numbers + bytes(4))
    assert "bytes left where" in refusal("srvgg_pnnx_x2", numbers=b"")
    for tag, said in ((0x000D4B38, "(int8)"), (0x01020304, "(by tag 0x01020304)")):
        assert f"quantized {said}" in refusal("srvgg_pnnx_x2", numbers=struct.pack("<I", tag) + numbers[4:])


def test_what_the_graph_says_of_normalized_images(refusal, tmp_path):
    text, numbers = ((WEIGHTS / f"span_pnnx_x2.{ending}").read_bytes() for ending in ("param", "bin"))
    (tmp_path / "y.param").write_bytes(text.replace(b"2=255.0", b"2=2.0"))
    (tmp_path / "y.bin").write_bytes(numbers)
    assert load_model(WEIGHTS / "span_pnnx_x2.param").input_range == 255
    assert load_model(tmp_path / "y.param").input_range == 2
    mean = struct.pack("<3f", 0.485, 0.456, 0.406)
    assert "constant (0.485, 0.456, 0.406) of 0 inputs instead of constant (0.4488, 0.4371, 0.404)" in refusal(
        "span_pnnx_x2", numbers=mean + numbers[len(mean):])


def test_change_of_size_behind_the_network(refusal):
    line = refusal("srvgg_pnnx_x2", "0=0\n", "0=0\nInterp r 1 1 out0 out1 0=3 1=0.5 2=0.5\n")
    assert "cut off" in line  # the number of layers
    text = (WEIGHTS / "srvgg_pnnx_x2.param").read_text().rstrip()
    added = "\nInterp r 1 1 out0 out1 0=3 1=0.5 2=0.5\n"
    assert "followed by resize (bicubic, 0.5)" in refusal("srvgg_pnnx_x2", text, text.replace("12 13", "13 14") + added)


def test_two_files_are_needed(tmp_path):
    for ending in ("param", "bin"):
        (tmp_path / f"lone_{ending}.{ending}").write_bytes((WEIGHTS / f"srvgg_pnnx_x2.{ending}").read_bytes())
        with pytest.raises(ValueError, match=r"is missing beside lone_"):
            load_model(tmp_path / f"lone_{ending}.{ending}")


def test_mutated_files(tmp_path):
    random, lines = np.random.default_rng(7), []
    originals = {ending: (WEIGHTS / f"srvgg_pnnx_x2.{ending}").read_bytes() for ending in ("param", "bin")}
    for _ in range(60):
        for ending, data in originals.items():
            data = bytearray(data)
            for place in random.integers(0, len(data), random.integers(3)):
                data[place] ^= random.integers(1, 256)
            end = random.integers(len(data)) if random.random() < 0.1 else len(data)
            (tmp_path / f"m.{ending}").write_bytes(data[:end])
        try:
            read_checkpoint(tmp_path / "m.param")
        except ValueError as error:
            lines.append(str(error))
    assert all(line.startswith(f"{tmp_path / 'm.param'}: ") and "\n" not in line for line in lines)
    assert len(lines) > 20
