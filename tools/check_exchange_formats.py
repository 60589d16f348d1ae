"""Compares .onnx in ONNX Runtime, and OpenVINO's format in OpenVINO, with Keras on the same weights, for every network.

    python tools/check_exchange_formats.py [NAME...]

A name is a model that ships or an architecture, which is made with its default arguments and weights that leave no path
idle; without names all are taken. Prints a row each for docs/export.md: the largest difference of a 37x45 image in
float32, in thousandths of a grey level, and the operations of the .onnx graph.
"""

import os
import sys
import tempfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import onnx

from srgan_tf.config import ExportConfig
from srgan_tf.exporting import export_onnx, export_openvino
from srgan_tf.hub import load_generator, shipped_facts, shipped_files
from srgan_tf.models import GENERATORS, Generator
from srgan_tf.runtimes import open_runtime


def main() -> None:
    """Prints the table."""
    still = {model.__name__ for model in GENERATORS.values()}  # those over time are not written in these formats
    networks = [name for name, file in shipped_files().items()
                if file.suffix == ".keras" and shipped_facts(name)["architecture"] in still]
    print("| network | ONNX Runtime | OpenVINO | operations of the .onnx file |\n|---|---:|---:|---|")
    for name in sys.argv[1:] or [*networks, *GENERATORS]:
        generator = load_generator(name) if name in networks else alive(GENERATORS[name](scale=4))
        print(f"| `{name}` | {' | '.join(row(generator))} |", flush=True)
    packages = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "openvino")
    print("\n" + ", ".join(f"{package} {version(package)}" for package in packages))


def row(generator: Generator) -> tuple[str, ...]:
    """The differences and the operations of one network."""
    image = np.random.default_rng(0).random((1, 37, 45, 3), "float32")
    expected, config = open_runtime(generator).run_float(image), ExportConfig(model="-", output="-")
    span = max(1.0, np.ptp(expected))  # a network of random weights may leave 0..1
    with tempfile.TemporaryDirectory() as folder:
        files = [export(generator, Path(folder), "model", config) for export in (export_onnx, export_openvino)]
        differences = [np.abs(open_runtime(file).run_float(image) - expected).max() / span for file in files]
        kinds = Counter(node.op_type for node in onnx.load(files[0]).graph.node)
    return (*(f"{255_000 * difference:.1f}" for difference in differences),
            ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))


def alive(generator: Generator) -> Generator:
    """Adds noise to every weight that is the same throughout: biases, slopes, scales and averages."""
    random = np.random.default_rng(0)
    for weight in generator.weights:
        values = weight.numpy()
        if values.size and np.ptp(values) == 0:
            weight.assign(values + 0.05 * random.random(values.shape))
    return generator


if __name__ == "__main__":
    main()
