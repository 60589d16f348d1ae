"""ONNX and OpenVINO's format, run without this package, and by `upscale`; models of others; what is refused."""

import importlib.util

import numpy as np
import pytest
from inference.lifelike import lifelike

from srgan_tf.config import ExportConfig
from srgan_tf.exporting import export_onnx, export_openvino
from srgan_tf.inference import Upscaler
from srgan_tf.runtimes import open_runtime
from srgan_tf.runtimes.layouts import layout_of

onnx, onnxruntime, openvino = (pytest.importorskip(name) for name in ("onnx", "onnxruntime", "openvino"))
CONFIG = ExportConfig(model="-", output="-")
# PReLU; a form for training; means and sizes of a map; GELU, whose erfc ONNX does not have.
NETWORKS = {"srvgg": {}, "span": {}, "rcan": {"scale": 2}, "plksr": {"scale": 2}}


@pytest.fixture(scope="module", params=NETWORKS)
def exported(request, tmp_path_factory):
    generator, folder = lifelike(request.param, **NETWORKS[request.param]), tmp_path_factory.mktemp("onnx")
    return generator, [export(generator, folder, "small", CONFIG) for export in (export_onnx, export_openvino)]


def test_other_software_gets_the_same_numbers(exported):
    generator, (graph, network) = exported
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    [given], [made] = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape) == ("image", ["batch", 3, "height", "width"])
    assert (made.name, made.shape) == ("upscaled", ["batch", 3, "upscaled_height", "upscaled_width"])
    compiled = openvino.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for shape in ((2, 9, 14, 3), (1, 17, 8, 3)):
        image = np.random.default_rng(0).random(shape, "float32")
        expected = np.asarray(generator.fold()(image))
        [found] = session.run(None, {"image": image.transpose(0, 3, 1, 2)})
        np.testing.assert_allclose(found.transpose(0, 2, 3, 1), expected, atol=2e-5)
        np.testing.assert_allclose(compiled({"image": image})["upscaled"], expected, atol=2e-5)


def test_upscale_takes_the_files(exported, photo):
    generator, files = exported
    image, tile = photo[30:61, 40:87], 0 if generator.name == "rcan" else 20
    expected = Upscaler(generator, tile=tile)(image)
    for file in files:
        runtime = open_runtime(file)
        assert (runtime.scale, runtime.receptive_radius) == (generator.scale, generator.receptive_radius)
        assert np.abs(Upscaler(file, tile=tile)(image).astype(int) - expected).max() <= 1


def test_a_network_on_luma_is_exported_in_silence(tmp_path, capfd):
    """tf2onnx shows a traceback where it cannot move a transposition, and leaves it, which changes no number."""
    generator = lifelike("vdsr")
    path = export_onnx(generator, tmp_path, "small", CONFIG)
    assert "Traceback" not in capfd.readouterr().err
    image = np.random.default_rng(0).random((1, 9, 14, 3), "float32")
    np.testing.assert_allclose(open_runtime(path).run_float(image), np.asarray(generator(image)), atol=2e-5)


def foreign(path, shape, resized, kind):
    """A model of others that doubles images by nearest neighbour."""
    helper, element = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    scales = onnx.numpy_helper.from_array(np.array([2 if axis in resized else 1 for axis in range(4)], "float32"), "s")
    node = helper.make_node("Resize", ["x", "", "s"], ["y"], mode="nearest", nearest_mode="floor",
                            coordinate_transformation_mode="asymmetric")
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", element, shape)],
                              [helper.make_tensor_value_info("y", element, [None] * 4)], [scales])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


@pytest.mark.parametrize(("shape", "resized", "kind"), [
    ([1, 3, "h", "w"], (2, 3), "float32"),
    (["n", "h", "w", 3], (1, 2), "float32"),
    ([1, 3, 16, 16], (2, 3), "float16"),
])
def test_models_of_others(tmp_path, photo, shape, resized, kind):
    path = foreign(tmp_path / "double.onnx", shape, resized, kind)
    np.testing.assert_array_equal(Upscaler(path)(photo[:21, :30]), photo[:21, :30].repeat(2, 0).repeat(2, 1))


def test_what_is_no_upscaler_is_refused(tmp_path, refused):
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ValueError, match=r"text\.onnx is not a model that ONNX Runtime can open"):
        open_runtime(tmp_path / "text.onnx")
    (tmp_path / "text.xml").write_text("<net/>")
    with pytest.raises(ValueError, match=r"text\.xml is not a model that OpenVINO can open"):
        open_runtime(tmp_path / "text.xml")
    for shape in ([1, 4, 8, 8], [2, 3, 8, 8], [1, 3, 8, None], [3, 8, 8]):
        with pytest.raises(ValueError, match=r"must take images \[N,3,H,W\] or \[N,H,W,3\]"):
            layout_of("x.onnx", shape)
    assert layout_of("x.onnx", ["n", 3, -1, None]) == (True, None)
    with pytest.raises(ValueError, match="must take one float32 or float16 image"):
        open_runtime(foreign(tmp_path / "double.onnx", [1, 3, 8, 8], (2, 3), "uint8"))


def test_what_is_not_installed_is_named_before_the_work(refused, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: name != "tf2onnx" and find(name, *more))
    message = refused("export", "--model=edsr_x4", "--format=tflite,onnx", "--output=out")
    assert "--format=onnx needs tf2onnx: pip install 'srgan_tf[onnx]'" in message
