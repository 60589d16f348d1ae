"""The signatures of a SavedModel: what they take, what they give, what they refuse, and what is in the graph."""

import collections
import io
import sys

import numpy as np
import pytest
import tensorflow as tf
from inference.lifelike import lifelike
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

from srgan_tf.config import ExportConfig
from srgan_tf.exporting import export_saved_model
from srgan_tf.exporting.saved_model import serving_module
from srgan_tf.exporting.warmup import FILE
from srgan_tf.inference import Upscaler
from srgan_tf.models import GENERATORS

TILE = 64  # context 8, which covers the radius of the network
SIZES = [(1, 1, 1), (1, 7, 5), (1, 64, 64), (1, 65, 64), (2, 65, 70), (3, 20, 30), (1, 120, 101)]


class Export:
    """A generator, the folder of its export, and the SavedModel loaded."""

    def __init__(self, folder, precision="float32"):
        self.generator = lifelike("edsr")
        self.folder = export_saved_model(
            self.generator, folder, "", ExportConfig(
                model="-", output="-", saved_model_tile=TILE, precision=precision, max_megapixels=0.2))
        self.loaded = tf.saved_model.load(str(self.folder))

    def default(self, images):
        return self.loaded.signatures["serving_default"](image=tf.constant(images))["upscaled"].numpy()

    def encoded(self, *files: bytes) -> list[bytes]:
        return list(self.loaded.signatures["encoded"](image_bytes=tf.constant(files))["png_bytes"].numpy())


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    return Export(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def bfloat16(tmp_path_factory):
    return Export(tmp_path_factory.mktemp("bfloat16"), "bfloat16")


def crops(photo, number, height, width):
    return np.stack([photo[20 * n : 20 * n + height, 30 * n : 30 * n + width] for n in range(number)])


@pytest.mark.parametrize("size", SIZES)
def test_uint8_images(export, photo, size):
    images = crops(photo, *size)
    expected, found = np.asarray(export.generator.upscale(images)), export.default(images)
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_float_images_are_not_clipped(export, photo):
    assert export.generator.receptive_radius <= TILE // 8
    for size in SIZES[1::3]:
        images = crops(photo, *size).astype(np.float32)
        expected = 255 * np.asarray(export.generator(images / 255))
        found = export.loaded.signatures["float"](input_0=tf.constant(images))["output_0"]
        np.testing.assert_allclose(found, expected, rtol=0, atol=0.05)
        np.testing.assert_array_equal(export.loaded(tf.constant(images)), found)
    assert expected.min() < -1
    assert expected.max() > 256


def test_names_of_the_signatures(export):
    signatures = export.loaded.signatures
    assert sorted(signatures) == ["encoded", "float", "serving_default", "untiled"]
    for name, (given, dtype, made) in {"serving_default": ("image", tf.uint8, "upscaled"),
                                       "float": ("input_0", tf.float32, "output_0"),
                                       "encoded": ("image_bytes", tf.string, "png_bytes")}.items():
        assert signatures[name].structured_input_signature[1][given].dtype == dtype
        assert signatures[name].structured_outputs[made].dtype == dtype


def file_of(image: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def image_files(photo) -> dict[str, bytes]:
    rgb = Image.fromarray(photo[30:71, 40:93])
    alpha = Image.fromarray(np.linspace(0, 255, 41 * 53).reshape(41, 53).astype(np.uint8))
    rgba, grey, grey_alpha = rgb.copy(), rgb.convert("L"), rgb.convert("LA")
    rgba.putalpha(alpha)
    grey_alpha.putalpha(alpha)
    palette = Image.fromarray(photo[30:71, 40:93]).quantize(64)
    return {
        "rgb.png": file_of(rgb, "PNG"), "rgba.png": file_of(rgba, "PNG"), "grey.png": file_of(grey, "PNG"),
        "grey_alpha.png": file_of(grey_alpha, "PNG"), "palette.png": file_of(palette, "PNG"),
        "deep.png": tf.io.encode_png(np.array(rgb).astype(np.uint16) * 257).numpy(),
        "rgb.jpg": file_of(rgb, "JPEG"), "grey.jpg": file_of(grey, "JPEG"), "rgb.bmp": file_of(rgb, "BMP"),
        "first.gif": file_of(palette, "GIF", save_all=True, append_images=[palette.rotate(180)]),
    }


@pytest.mark.parametrize("name", image_files(np.zeros((99, 99, 3), np.uint8)))
def test_image_files(export, photo, name):
    content = image_files(photo)[name]
    made, = export.encoded(content)
    source, upscaled = Image.open(io.BytesIO(content)), Image.open(io.BytesIO(made))
    assert upscaled.format == "PNG"
    modes = {"P": "RGB", "I;16": "L"}
    assert upscaled.mode == modes.get(source.mode, source.mode)
    pixels = np.asarray(source.convert(upscaled.mode))
    if name.endswith("jpg"):  # decoders differ by a level
        pixels = np.squeeze(tf.io.decode_jpeg(content).numpy())
    expected, found = Upscaler(export.generator, tile=0)(pixels), np.asarray(upscaled)
    assert found.shape == expected.shape
    difference = np.abs(found.astype(int) - expected)
    assert difference.size > 10_000
    assert difference.max() <= 1
    assert expected.std() > 10


def test_a_cmyk_jpeg_becomes_rgb(export, photo):
    content = file_of(Image.fromarray(photo[30:71, 40:93]).convert("CMYK"), "JPEG", quality=95)
    upscaled = Image.open(io.BytesIO(export.encoded(content)[0]))
    assert upscaled.mode == "RGB"
    expected = export.default(photo[None, 30:71, 40:93])[0]
    assert np.abs(np.asarray(upscaled).astype(int) - expected).mean() < 12


def test_several_files_of_several_sizes(export, photo):
    files = [tf.io.encode_png(photo[:height, :width]).numpy() for height, width in ((5, 9), (70, 80), (1, 1))]
    for made, content in zip(export.encoded(*files), files, strict=True):
        assert made == export.encoded(content)[0]
    assert export.loaded.signatures["encoded"](image_bytes=tf.zeros([0], tf.string))["png_bytes"].shape == [0]


def broken_files() -> dict[str, tuple[bytes, str]]:
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    png, jpeg = tf.io.encode_png(noise).numpy(), tf.io.encode_jpeg(noise).numpy()
    image = Image.fromarray(noise)
    bomb = png[:16] + (60_000).to_bytes(4, "big") * 2 + png[24:]
    large = {kind: file_of(Image.new("RGB", (126, 100)), kind) for kind in ("PNG", "JPEG", "BMP", "GIF")}
    kinds, limit = "PNG, JPEG, GIF or BMP", "126x100 pixels, which must be .* at most 0.2 megapixels when upscaled x4"
    return {
        "empty": (b"", kinds), "text": (b"not an image", kinds), "webp": (file_of(image, "WEBP"), kinds),
        "short png": (png[:30], "PNG"), "half png": (png[:-3000], "PNG"), "changed png": (
            png[:300] + bytes(50) + png[350:], "PNG"),
        "half jpeg": (jpeg[: len(jpeg) // 2], "JPEG"), "jpeg head": (jpeg[:20], "JPEG"),
        "half bmp": (file_of(image, "BMP")[:2000], "Input size should match"),
        **{f"{mode} bmp": (file_of(image.convert(mode), "BMP"), "must have 24 bits") for mode in ("L", "P", "RGBA")},
        "half gif": (file_of(image, "GIF")[:400], "(?i)gif"),
        "bomb": (bomb, "60000x60000 pixels"), **{f"large {kind}": (file, limit) for kind, file in large.items()},
    }


@pytest.mark.parametrize("name", broken_files())
def test_broken_files_fail_their_request_alone(export, photo, name):
    content, message = broken_files()[name]
    good = tf.io.encode_png(photo[:9, :9]).numpy()
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        export.encoded(good, content)
    assert export.encoded(good)[0].startswith(b"\x89PNG")


def test_images_that_are_refused(export):
    for signature, name, dtype in (("serving_default", "image", tf.uint8), ("float", "input_0", tf.float32)):
        serve = export.loaded.signatures[signature]
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"126x100 pixels, .* at most 0.2 megapixels"):
            serve(**{name: tf.zeros([1, 100, 126, 3], dtype)})
        for shape in ([1, 0, 5, 3], [1, 5, 0, 3]):
            with pytest.raises(tf.errors.InvalidArgumentError, match="must be at least 1x1"):
                serve(**{name: tf.zeros(shape, dtype)})
        assert next(iter(serve(**{name: tf.zeros([1, 100, 125, 3], dtype)}).values())).shape == [1, 400, 500, 3]


def functions(folder) -> list:
    """The nodes of each function in a SavedModel's file."""
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    return [list(function.node_def) for function in saved.meta_graphs[0].graph_def.library.function]


def test_weights_are_constants_in_the_type_that_computes(export, bfloat16):
    for model, types, casts in ((export, {"float32": 7}, 0), (bfloat16, {"bfloat16": 6, "float32": 1}, 2)):
        found = functions(model.folder)
        assert not {"ReadVariableOp", "PyFunc", "EagerPyFunc"} & {node.op for nodes in found for node in nodes}
        network, = (nodes for nodes in found if any(node.op == "Conv2D" for node in nodes))  # stored once
        assert sum(node.op == "Conv2D" for node in network) == 7
        kernels = [node for node in network if len(node.attr["value"].tensor.tensor_shape.dim) == 4]
        counted = collections.Counter(tf.as_dtype(node.attr["dtype"].type).name for node in kernels)
        assert counted == types
        assert sum(node.op == "Cast" for node in network) == casts  # the image's, on its way in and out
    sizes = [(model.folder / "saved_model.pb").stat().st_size for model in (export, bfloat16)]
    assert sizes[1] < 0.6 * sizes[0]


def test_bfloat16_computes_as_keras_does(bfloat16, photo):
    twin = GENERATORS["edsr"](**bfloat16.generator.get_config(), dtype="mixed_bfloat16")
    twin.set_weights(bfloat16.generator.get_weights())
    images = crops(photo, 1, 50, 50)
    expected, found = np.asarray(twin.upscale(images)).astype(int), bfloat16.default(images)
    plain = np.asarray(bfloat16.generator.upscale(images))
    # Fused with their activations, convolutions round once where Keras' eager ones round twice.
    assert np.abs(found - expected).mean() < 0.5
    assert np.abs(found.astype(int) - plain).mean() < 1
    assert (found != plain).any()


def test_warm_up_requests_run(export):
    from tensorflow_serving.apis import prediction_log_pb2

    signatures = []
    for record in tf.data.TFRecordDataset(str(export.folder / FILE)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        assert request.model_spec.name == export.folder.parent.name
        inputs = {name: tf.constant(tf.make_ndarray(proto)) for name, proto in request.inputs.items()}
        made, = export.loaded.signatures[request.model_spec.signature_name](**inputs).values()
        assert made.shape[0] == 1
        signatures.append(request.model_spec.signature_name)
    assert signatures == ["serving_default", "float", "encoded"]


def test_without_the_serving_package_the_export_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    folder = export_saved_model(lifelike("edsr"), tmp_path, "", ExportConfig(model="-", output="-"))
    assert not (folder / FILE).exists()
    assert (folder / "saved_model.pb").is_file()
    line, = capsys.readouterr().out.splitlines()
    assert line.startswith("no warm-up requests in the SavedModel: they need tensorflow-serving-api")


def test_the_overlap_of_its_tiles(photo):
    """Without context seams show where an overlap as wide as the receptive field leaves none."""
    generator, images = lifelike("edsr"), crops(photo, 1, 40, 40)
    errors = []
    for overlap in (generator.receptive_radius, 0):
        config = ExportConfig(model="-", output="-", saved_model_tile=32, saved_model_overlap=overlap)
        found = serving_module(generator, config).upscale(tf.constant(images)).numpy()
        errors.append(np.abs(found.astype(int) - np.asarray(generator.upscale(images))).max())
    assert errors[0] <= 1 < errors[1]
    with pytest.raises(ValueError, match="must be greater than twice --saved_model_overlap=16; got 32"):
        ExportConfig(model="-", output="-", saved_model_tile=32, saved_model_overlap=16)
