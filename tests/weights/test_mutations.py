"""Two hundred damaged checkpoints: each gives a model or one line that names the file."""

from pathlib import Path

import numpy as np
import pytest

from srgan_tf.hub import load_model
from srgan_tf.weights import read_checkpoint, write_safetensors

WEIGHTS = Path(__file__).parents[1] / "references" / "weights"
SOURCES = {"zip": "srvgg_basicsr_leakyrelu_x2.pth", "legacy": "srvgg_basicsr_relu_x2.pth", "safetensors": ""}


def mutate(data: bytes, random: np.random.Generator) -> bytes:
    """Flips bytes, half of the time where the structure lies, or cuts or repeats a stretch."""
    data, kind = bytearray(data), random.integers(6)
    if kind == 0:
        return bytes(data[: random.integers(len(data))])
    start = int(random.integers(len(data)))
    if kind == 1:
        return bytes(data[:start] + data[start // 2 :])
    low, high = ((0, len(data)), (0, 1500), (len(data) - 1500, len(data)))[random.integers(3)]
    for place in random.integers(low, high, random.integers(1, 9)):
        data[place] ^= random.integers(1, 256)
    return bytes(data)


@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")  # in damaged text, by pickletools
@pytest.mark.parametrize(("form", "count"), [("zip", 70), ("legacy", 70), ("safetensors", 60)])
def test_mutated_files(form, count, tmp_path):
    random = np.random.default_rng(list(form.encode()))
    path = tmp_path / ("broken.safetensors" if form == "safetensors" else "broken.pth")
    if form == "safetensors":
        write_safetensors(path, read_checkpoint(WEIGHTS / SOURCES["zip"]).arrays)
        original = path.read_bytes()
    else:
        original = (WEIGHTS / SOURCES[form]).read_bytes()
    lines = []
    for _ in range(count):
        path.write_bytes(mutate(original, random))
        try:
            load_model(path)
        except ValueError as error:
            lines.append(str(error))
    assert all(line.startswith(f"{path}: ") and "\n" not in line for line in lines)
    assert len(lines) > count / 3
