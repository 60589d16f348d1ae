"""`upscale --server`: the same images as here, over REST and gRPC, and servers that fail."""

import http.server
import io
import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from serving.trial import free_port, upscaled
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2

from srgan_tf.errors import UserError
from srgan_tf.inference import Upscaler
from srgan_tf.runtimes import TileTooLargeError
from srgan_tf.runtimes.remote import _choose, _pixels, parse_url, remote_runtime
from srgan_tf.runtimes.wire import STRING, UINT8, classes

URLS = ["http://127.0.0.1:{rest}/v1/models/tiny", "http://127.0.0.1:{rest}/v1/models/tiny/versions/1",
        "grpc://127.0.0.1:{grpc}/tiny", "grpc://127.0.0.1:{grpc}/v1/models/tiny/labels/stable"]


def url_of(server, form: str) -> str:
    return form.format(rest=server.rest, grpc=server.grpc)


@pytest.mark.parametrize("form", URLS)
def test_the_same_pixels_in_tiles(server, photo, form):
    runtime = remote_runtime(url_of(server, form))
    assert (runtime.name, runtime.scale) == ("tiny", 2)
    said = runtime.receptive_radius, runtime.alignment, runtime.parameters
    assert said == ((None, 4, None) if "1" in form.rpartition("/")[2] or "stable" in form else (1, 2, 1))
    upscaler = Upscaler(runtime, tile=48, overlap=4)
    shift = 1 if "1" in form.rpartition("/")[2] or "stable" in form else 30
    np.testing.assert_array_equal(upscaler(photo[:100, :70]), upscaled(photo[:100, :70], shift))


@pytest.mark.parametrize("form", [URLS[0], URLS[2]])
def test_tiles_become_smaller_where_the_server_asks_for_it(server, form):
    noise = np.random.default_rng(0).integers(0, 256, (600, 700, 3), np.uint8)  # 1.3 MB; the server takes 1 MiB
    upscaler = Upscaler(remote_runtime(url_of(server, form)), tile=0)
    np.testing.assert_array_equal(upscaler(noise), upscaled(noise, 30))
    assert upscaler.tile == 350


def test_the_command(command, server, photo, tmp_path):
    Image.fromarray(photo[:50, :60]).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no image")
    done = command("upscale", "a.png", "b.png", f"--server=http://127.0.0.1:{server.rest}", "--model=tiny", "--timing")
    assert done.status == 2
    assert "1 upscaled, 0 kept, 1 failed" in done.out
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "upscaled/a_x2.png")), upscaled(photo[:50, :60], 30))


@pytest.mark.parametrize("form", [URLS[0], URLS[2]])
def test_no_tensorflow_on_the_client(server, form):
    code = ("import sys; sys.modules['tensorflow'] = None; from srgan_tf.runtimes.remote import remote_runtime; "
            f"import numpy; runtime = remote_runtime({url_of(server, form)!r}); "
            "print(runtime.run(numpy.ones((1, 2, 2, 3), 'uint8')).shape, 'keras' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2])
    assert done.stdout == "(1, 4, 4, 3) False\n"


class Scripted(http.server.BaseHTTPRequestHandler):
    """Answers with what the test has put in line, and then as half of TensorFlow Serving."""

    protocol_version = "HTTP/1.1"
    script: ClassVar[list] = []

    def do_GET(self):
        self.do_POST()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.script and self.script[0] is None:
            self.script.pop(0)
            self.close_connection = True
            return
        status, answer = self.script.pop(0) if self.script else (200, self.answer(body))
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def answer(self, body: bytes) -> dict:
        if not body:
            tensor = {"image": {"dtype": "DT_UINT8"}}
            signatures = {"serving_default": {"inputs": tensor, "outputs": tensor}}
            return {"metadata": {"signature_def": {"signature_def": signatures}}}
        return {"outputs": np.array(json.loads(body)["inputs"]["image"], np.uint8).repeat(3, 1).repeat(3, 2).tolist()}

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def scripted() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Scripted.script.clear()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/models/m"
        server.shutdown()


def test_busy_servers_are_asked_again(scripted):
    Scripted.script += [(503, {"error": "full"}), None, (429, b"")]
    start = time.perf_counter()
    runtime = remote_runtime(scripted)
    assert time.perf_counter() - start >= 0.25 + 0.5 + 1
    assert (runtime.scale, Scripted.script) == (3, [])


@pytest.mark.parametrize(("script", "error", "message"), [
    ([(503, {"error": "full"})] * 2, OSError, r"status 503: full \(2 attempts\)"),
    ([None] * 2, OSError, r"\(2 attempts\)"),
    ([(404, {"error": "Servable not found"})], ValueError, "status 404: Servable not found"),
    ([(500, b"<html>")], ValueError, "status 500: <html>"),
    ([(200, b"SSH-2.0")], ValueError, "no JSON in the answer"),
    ([(200, {"metadata": {"signature_def": {"signature_def": {}}}})], ValueError, "it has none"),
    *(([(200, other)], ValueError, "not TensorFlow Serving's") for other in ({"status": "ok"}, [], None, 5)),
])
def test_servers_that_fail(scripted, script, error, message):
    Scripted.script += script
    with pytest.raises(error, match=message) as raised:
        remote_runtime(scripted, retries=1)
    assert str(raised.value).startswith(scripted)
    assert Scripted.script == []


@pytest.mark.parametrize(("info", "message"), [
    ({"scale": 2}, "says that its scale is 2, and it is 3: export it again"),
    ({"scale": 3, "fixed_size": [8, 8]}, r"says that its fixed size is \(8, 8\), and it is None"),
    ({"scale": 3, "alignment": "4"}, "model info: alignment cannot be 4"),
    ({}, "model info must be a JSON object with a scale; got '{}'"),
    ("x" * 5000, "model info must be a JSON object"),
])
def test_what_a_server_says_is_checked(scripted, info, message):
    answer = Scripted.answer(None, b"")
    answer["metadata"]["model_info"] = info
    Scripted.script += [(200, answer)]
    with pytest.raises(UserError, match=message) as raised:
        remote_runtime(scripted, retries=0)
    assert str(raised.value).startswith(scripted)


def test_a_server_that_does_not_upscale(scripted):
    same = {"outputs": np.zeros((1, 8, 8, 1), int).tolist()}
    Scripted.script += [(200, Scripted.answer(None, b"")), (200, same)]
    with pytest.raises(UserError, match=r"not upscale images: it makes \[1, 8, 8, 1\] of an input of \[1, 8, 8, 3\]"):
        remote_runtime(scripted)


def test_the_signature_for_images_is_taken_in_whatever_order_they_come():
    tensors = {"untiled": ({"a": UINT8}, {"b": UINT8}), "serving_default": ({"image": UINT8}, {"upscaled": UINT8}),
               "encoded": ({"files": STRING}, {"files": STRING})}
    for names in itertools.permutations(tensors):
        signatures = {name: tensors[name] for name in names}
        assert _choose("", signatures, UINT8) == ("serving_default", UINT8, "image", "upscaled")
        assert _choose("", signatures, STRING) == ("encoded", STRING, "files", "files")


def test_a_label_of_other_letters(scripted):
    Scripted.script += [(404, {"error": "Servable not found"})]
    with pytest.raises(ValueError, match="Servable not found"):
        remote_runtime(f"{scripted}/labels/é", retries=0)


def test_an_answer_too_large_to_be_decoded_asks_for_smaller_tiles(monkeypatch):
    file = io.BytesIO()
    Image.new("RGB", (40, 40)).save(file, "png")
    assert _pixels("", file.getvalue()).shape == (40, 40, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(TileTooLargeError, match="too large to decode"):
        _pixels("", file.getvalue())


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_no_server_there(refused, tmp_path, photo, scheme):
    Image.fromarray(photo[:5, :5]).save(tmp_path / "a.png")
    url = f"{scheme}://127.0.0.1:{free_port()}/m"
    line = refused("upscale", "a.png", f"--server={url}", "--server_retries=1")
    assert line.startswith(f"python -m srgan_tf.upscale: {url}: ")
    assert line.endswith("(2 attempts)")
    assert "refused" in line


@pytest.mark.parametrize(("url", "model", "expected"), [
    ("http://h:1/v1/models/m", "", ("http", "h", 1, "m", None, "")),
    ("http://h", "m", ("http", "h", 8501, "m", None, "")),
    ("https://h/m/versions/3", "", ("https", "h", 443, "m", 3, "")),
    ("grpc://[::1]:9/m/labels/stable", "", ("grpc", "::1", 9, "m", None, "stable")),
    ("grpc://h/", "m", ("grpc", "h", 8500, "m", None, "")),
    ("http://h/m%20n/labels/%C3%A9", "", ("http", "h", 8501, "m n", None, "é")),
])
def test_urls(url, model, expected):
    assert parse_url(url, model) == expected


@pytest.mark.parametrize(("arguments", "message"), [
    (["--server=http://h:1"], "names no model"),
    (["--server=http://h:1/m", "--model=n"], "already names the model m"),
    (["--server=h:8501"], "must be as in"),
    (["--server=http://h:99999/m"], "must be as in"),
    (["--server=http://h:1/m/versions/x"], "must be as in"),
    (["--server=http://a b:1/m"], "must be as in"),
    (["--server=http://[/m"], "must be as in"),
    (["--model=http://[/m"], "is not an address of a server"),
    (["--server=http://h:1/m/labels/a b"], "must be as in"),
    (["--server=ftp://h:1/m"], "unknown kind of server 'ftp'; known: grpc, http, https"),
    (["--server=http://h:1/m", "--server_retries=-1"], "--server_retries must be at least 0"),
])
def test_mistakes_are_one_line(refused, tmp_path, photo, arguments, message):
    Image.fromarray(photo[:5, :5]).save(tmp_path / "a.png")
    assert message in refused("upscale", "a.png", *arguments)


def test_the_messages_are_those_of_tensorflow_serving():
    assert (types_pb2.DT_UINT8, types_pb2.DT_STRING) == (UINT8, STRING)
    request = classes["PredictRequest"]()
    request.model_spec.name, request.model_spec.version.value, request.model_spec.signature_name = "m", 3, "s"
    request.inputs["image"].dtype, request.inputs["image"].content = UINT8, b"ab"
    request.inputs["image"].shape.dim.add(size=2)
    request.inputs["file"].strings.append(b"\xff")
    read = predict_pb2.PredictRequest.FromString(request.SerializeToString())
    expected = predict_pb2.PredictRequest()
    expected.model_spec.name, expected.model_spec.version.value, expected.model_spec.signature_name = "m", 3, "s"
    expected.inputs["image"].CopyFrom(tensor_pb2.TensorProto(dtype=types_pb2.DT_UINT8, tensor_content=b"ab"))
    expected.inputs["image"].tensor_shape.dim.add(size=2)
    expected.inputs["file"].string_val.append(b"\xff")
    assert read == expected
    labelled = classes["ModelSpec"](version_label="stable").SerializeToString()
    assert predict_pb2.PredictRequest().model_spec.FromString(labelled).version_label == "stable"
    response = predict_pb2.PredictResponse()
    response.outputs["upscaled"].int_val.extend([1, 255])
    read = classes["PredictResponse"].FromString(response.SerializeToString())
    assert list(read.outputs["upscaled"].ints) == [1, 255]
    signatures = get_model_metadata_pb2.SignatureDefMap()
    signatures.signature_def["s"].inputs["x"].dtype = types_pb2.DT_STRING
    metadata = get_model_metadata_pb2.GetModelMetadataResponse()
    metadata.metadata["signature_def"].Pack(signatures)
    packed = classes["MetadataResponse"].FromString(metadata.SerializeToString()).metadata["signature_def"].value
    assert classes["Signatures"].FromString(packed).signature_def["s"].inputs["x"].dtype == STRING
