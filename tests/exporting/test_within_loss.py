"""int8 files that stay within a loss: few operations compute in float32, and those whose rounding costs most."""

import json

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from inference.lifelike import lifelike

from srgan_tf.config import ExportConfig
from srgan_tf.errors import UserError
from srgan_tf.exporting import calibration, export_tflite, tflite
from srgan_tf.exporting.tflite import convert
from srgan_tf.exporting.tflite_graph import operations
from srgan_tf.exporting.within_loss import PRODUCTS, within_loss
from srgan_tf.hub import load_model


@pytest.fixture(scope="module")
def network():
    """A graph of float32 operations, and the outputs of its convolutions."""
    content = convert(lifelike("edsr", features=4, blocks=2), ExportConfig(model="-", output="-", tile="8"))
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    return content, [graph.Tensors(operator.Outputs(0)).Name().decode() for name, operator in operations(model, graph)
                     if name in PRODUCTS]


@pytest.mark.parametrize(("most", "bad"), [(5, 0), (3, 1), (0.6, 3), (0, 9)])
def test_the_worst_convolutions_are_those_in_float32(network, most, bad):
    calibrated, products = network
    costs = dict(zip(products, (0.125, 0.5, 2, 0.25, 1, 0.1, 0.06, 0.03, 0.01), strict=True))

    def quantize(in_float: frozenset[str]) -> bytes:
        return json.dumps([name for name in products if name not in in_float]).encode()

    def loss(content: bytes) -> float:
        return sum(costs[name] for name in json.loads(content))

    def upscale(content: bytes) -> np.ndarray:
        return np.sqrt(np.full(3, loss(content)))

    expected = sorted(products, key=costs.__getitem__)[: len(products) - bad]
    assert set(json.loads(within_loss(calibrated, quantize, loss, upscale, most))) == set(expected)


def test_a_shipped_network_within_half_of_what_int8_loses(tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "MOST_PIXELS", 16 * 48 * 48)
    config = ExportConfig(model="-", output="-", quantize="int8", tile="48", int8_loss=0.016)
    path = export_tflite(load_model("mobile_x4", dtype="float32"), tmp_path, "mixed", config)
    card = json.loads(path.with_suffix(".json").read_text())
    assert 0 < card["float32_products"] < 11
    assert card["measured"]["loss_db"] <= 0.016
    assert (card["input"]["dtype"], card["quantization"]) == ("uint8", "int8")


@pytest.mark.parametrize(("quantize", "int8_loss"), [("none", 0), ("int8", 0.1)])
def test_a_file_that_litert_cannot_run_is_refused(tmp_path, monkeypatch, quantize, int8_loss):
    monkeypatch.setattr(calibration, "MOST_PIXELS", 16 * 8 * 8)

    def fail(*_):
        raise UserError("/tmp/some.tflite cannot upscale a tile: data[i] != zero_point was not true")

    monkeypatch.setattr(tflite, "measure_loss", fail)
    with pytest.raises(UserError, match=rf"^--quantize={quantize} does not suit EDSR: LiteRT cannot run the file \(da"):
        export_tflite(lifelike("edsr", features=4, blocks=1), tmp_path, "edsr", ExportConfig(
            model="-", output="-", tile="8", quantize=quantize, int8_loss=int8_loss))
    assert not list(tmp_path.iterdir())


def test_it_is_for_int8():
    with pytest.raises(ValueError, match="--int8_loss needs --quantize=int8; got --quantize=none"):
        ExportConfig(model="-", output="-", int8_loss=0.1)
