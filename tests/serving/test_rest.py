"""The REST API as TensorFlow Serving documents it, by an ordinary HTTP client and by curl."""

import base64
import http.client
import io
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from serving.trial import INFO, upscaled

MODEL = "/v1/models/tiny"
PREDICT = MODEL + ":predict"


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return file.getvalue()


def b64(content: bytes) -> dict:
    return {"b64": base64.b64encode(content).decode()}


def image_in(answer: dict) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["b64"]))))


def test_the_example_of_tensorflow_serving(server):
    """github.com/tensorflow/serving, "Serve a Tensorflow model in 60 seconds": its request and its answer."""
    for place in ("", "/versions/1", "/labels/stable", "/labels/latest"):
        document = {"signature_name": "half_plus_two", "instances": [1.0, 2.0, 5.0]}
        assert server.ask(f"{MODEL}{place}:predict", document) == (200, {"predictions": [2.5, 3.0, 4.5]})


@pytest.mark.parametrize(("place", "shift"), [("", 30), ("/versions/1", 1), ("/labels/stable", 1)])
def test_rows_and_columns_of_images(server, photo, place, shift):
    images = np.stack([photo[:5, :7], photo[50:55, 60:67]])
    expected = upscaled(images, shift).tolist()
    path = f"{MODEL}{place}:predict"
    assert server.ask(path, {"instances": images.tolist()}) == (200, {"predictions": expected})
    rows = [{"image": image.tolist()} for image in images]
    assert server.ask(path, {"instances": rows}) == (200, {"predictions": expected})
    assert server.ask(path, {"inputs": images.tolist()}) == (200, {"outputs": expected})
    assert server.ask(path, {"inputs": {"image": images.tolist()}}) == (200, {"outputs": expected})


def test_a_large_answer(server, photo):
    status, answer = server.ask(PREDICT, {"inputs": photo[None, :180].tolist()})
    assert status == 200
    np.testing.assert_array_equal(np.array(answer["outputs"], np.uint8)[0], upscaled(photo[:180], 30))


def test_files_as_base64(server, photo):
    files = [png(photo[:9, :8]), png(photo[30:40, :5])]
    for form, key in (("instances", "predictions"), ("inputs", "outputs")):
        status, answer = server.ask(PREDICT, {"signature_name": "encoded", form: [b64(file) for file in files]})
        assert status == 200, answer
        for made, part in zip(answer[key], (photo[:9, :8], photo[30:40, :5]), strict=True):
            np.testing.assert_array_equal(image_in(made), upscaled(part, 30))
    status, answer = server.ask(PREDICT, {"signature_name": "encoded", "instances": [{"image_bytes": b64(files[0])}]})
    assert status == 200, answer


def test_several_outputs(server):
    rows = {"predictions": [{"length": 2, "upper": "AB"}, {"length": 1, "upper": "C"}]}
    assert server.ask(PREDICT, {"signature_name": "two", "instances": ["ab", b64(b"c")]}) == (200, rows)
    columns = {"outputs": {"length": [2, 1], "upper": ["AB", "C"]}}
    assert server.ask(PREDICT, {"signature_name": "two", "inputs": {"x": ["ab", "c"]}}) == (200, columns)


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_with_base64(server, photo, tmp_path):
    (tmp_path / "small.png").write_bytes(png(photo[:20, :30]))
    script = ('{ printf \'{"signature_name":"encoded","instances":[{"b64":"\';'
              ' base64 -w0 small.png; printf \'"}]}\'; } |'
              f" curl -sS -d @- http://127.0.0.1:{server.rest}{PREDICT} | sed 's/.*\"b64\": *\"//;s/\".*//' |"
              " base64 -d > large.png")
    subprocess.run(["sh", "-c", script], cwd=tmp_path, check=True)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "large.png")), upscaled(photo[:20, :30], 30))


def test_status_and_metadata(server):
    available = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    both = [{"version": "30", **available}, {"version": "1", **available}]
    assert server.ask(MODEL) == (200, {"model_version_status": both})
    for place in ("/versions/1", "/labels/stable"):
        assert server.ask(MODEL + place) == (200, {"model_version_status": both[1:]})
    status, answer = server.ask(MODEL + "/labels/stable/metadata")
    assert status == 200
    assert answer["model_spec"] == {"name": "tiny", "signature_name": "", "version": "1"}
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    image = signatures["serving_default"]["inputs"]["image"]
    assert image["dtype"] == "DT_UINT8"
    assert [dim["size"] for dim in image["tensor_shape"]["dim"]] == ["-1", "-1", "-1", "3"]
    assert signatures["encoded"]["method_name"] == "tensorflow/serving/predict"
    assert set(answer["metadata"]) == {"signature_def"}
    _, answer = server.ask(MODEL + "/metadata")
    assert answer["metadata"]["model_info"] == json.loads(INFO.to_json())


@pytest.mark.parametrize(("document", "message"), [
    (b"{", "JSON Parse error"),
    (b"\xff\xfe{}", "JSON Parse error"),
    (b"[" * 100_000, "JSON Parse error"),
    ([1], "JSON object"),
    ({}, "either 'instances'"),
    ({"inputs": 1, "instances": [1]}, "either 'instances'"),
    ({"instances": []}, "at least one"),
    ({"instances": [1], "signature_name": "other"}, "'other' not found in signature def; it has busy, encoded"),
    ({"inputs": {"other": 1}}, "other. Inputs expected to be in the set {image}"),
    ({"inputs": {}}, "missing image"),
    ({"instances": [[[[1, 2, 3], [4, 5]]]]}, "different lengths"),
    ({"instances": [[[[1.5, 2, 3]]]]}, "must hold uint8"),
    ({"instances": [[[[True, False, True]]]]}, "must hold uint8"),
    ({"instances": [[[["1", "2", "3"]]]]}, "must hold uint8"),
    ({"instances": [[[[1, 2, 256]]]]}, "0 to 255; got 1 to 256"),
    ({"instances": [[[[1, 2, 10**30]]]]}, "must hold uint8"),
    ({"instances": [[[[1, 2]]]]}, "must have shape (None, None, None, 3); got (1, 1, 1, 2)"),
    ({"instances": [[[]]]}, "must have shape"),
    ({"instances": [b64(b"x")], "signature_name": "half_plus_two"}, "must hold float32"),
    ({"instances": [{"b64": "!"}], "signature_name": "encoded"}, "not base64"),
    ({"instances": [b64(b"no image")], "signature_name": "encoded"}, "Unknown image file format"),
    ({"instances": [["a", "b"], ["c"]], "signature_name": "two"}, "different lengths"),
    ({"instances": [7], "signature_name": "two"}, "must hold strings"),
    ({"instances": ["\ud800"], "signature_name": "two"}, "an incomplete character"),
    ({"instances": [[[[1, 2, 3]]]], "signature_name": "untiled"}, "served with --allow_untiled"),
    ({"inputs": {"\ud800": 1}}, "Inputs expected to be in the set {image}"),
])
def test_mistakes_in_the_request(server, document, message):
    status, answer = server.ask(PREDICT, document)
    assert (status, list(answer)) == (400, ["error"])
    assert message in answer["error"]


def test_an_image_that_is_too_large_fails_alone(server, photo):
    large = png(np.zeros((1500, 1500, 3), np.uint8))
    status, answer = server.ask(PREDICT, {"signature_name": "encoded", "instances": [b64(large)]})
    assert (status, answer["error"]) == (400, "image too large")
    assert server.ask(PREDICT, {"signature_name": "encoded", "instances": [b64(png(photo[:2, :2]))]})[0] == 200


@pytest.mark.parametrize(("path", "method", "status", "message"), [
    ("/v1/models/other:predict", "POST", 404, "Servable not found for request: any version of 'other'"),
    (MODEL + "/versions/7:predict", "POST", 404, "version 7 of 'tiny'"),
    (MODEL + "/versions/2:predict", "POST", 404, "versions [1, 30]"),
    (MODEL + "/labels/other:predict", "POST", 404, "label other"),
    (f"{MODEL}/versions/{2**63}:predict", "POST", 404, "from 0 to 9223372036854775807"),
    (f"{MODEL}/versions/{'9' * 5000}", "GET", 404, "from 0 to"),
    (f"{MODEL}/versions/{quote('٣')}/metadata", "GET", 404, "from 0 to"),
    (f"{MODEL}/versions/-1", "GET", 404, "from 0 to"),
    (MODEL + ":classify", "POST", 501, "use :predict"),
    (MODEL + ":regress", "POST", 501, "use :predict"),
    (MODEL + "/versions/7", "GET", 404, "Could not find version 7"),
    ("/v1/models/other/metadata", "GET", 404, "'other'"),
    ("/v2/anything", "GET", 404, "Malformed request: GET /v2/anything"),
    (PREDICT, "GET", 405, "Malformed request: GET"),
])
def test_mistakes_in_the_path(server, path, method, status, message):
    document = {"instances": [[[[1, 2, 3]]]]} if method == "POST" else None
    got, answer = server.ask(path, document)
    assert (got, message in answer["error"]) == (status, True), answer


def test_too_large_a_request(server):
    status, answer = server.ask(PREDICT, b" " * 3_000_000)
    assert (status, answer["error"]) == (413, "the request is larger than 1048576 bytes (--max_request_megabytes)")
    connection = http.client.HTTPConnection("127.0.0.1", server.rest)
    connection.putrequest("POST", PREDICT)  # a client that asks first need not send
    connection.putheader("Expect", "100-continue")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_more_pixels_than_a_request_may_have(server):
    file = png(np.zeros((2, 2, 3), np.uint8))
    claims = file[:16] + (4900).to_bytes(4, "big") * 2 + file[24:]
    for files in ([claims], [png(np.zeros((1500, 1500), np.uint8))] * 2):
        status, answer = server.ask(PREDICT, {"signature_name": "encoded", "instances": [b64(one) for one in files]})
        assert (status, "(--max_megapixels)" in answer["error"]) == (413, True), answer


@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_pages_of_other_sites(server, headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.rest, timeout=60)
    body = json.dumps({"signature_name": "half_plus_two", "instances": [1]})
    for more, status in ((headers, 403), ({"Origin": f"http://127.0.0.1:{server.rest}"}, 200)):
        connection.request("POST", PREDICT, body, {"Content-Type": "text/plain", **more})
        assert connection.getresponse().status == status
        connection.close()


def test_mistakes_leave_no_traceback(server):
    with socket.create_connection(("127.0.0.1", server.rest)) as odd:
        odd.sendall(b"GET /v1/models/tiny\xc3\xa9\x1b[2J HTTP/1.1\r\nHost: \x1b\r\n\r\n")
        assert odd.recv(100).startswith(b"HTTP/1.1 400")
    server.ask(MODEL + "/versions/" + "1" * 5000)
    log = server.log.read_text()
    assert "Traceback" not in log
    assert "\x1b" not in log


def test_slow_and_cut_off_requests(server, photo):
    image = photo[:4, :4]
    body = json.dumps({"instances": [image.tolist()]}).encode()
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.rest)) as cut:
        cut.sendall(head + body[:10])
    with socket.create_connection(("127.0.0.1", server.rest)) as slow:
        for part in range(4):
            slow.sendall((head + body)[len(head + body) * part // 4 : len(head + body) * (part + 1) // 4])
            time.sleep(0.05)
        answer = b"".join(iter(lambda: slow.recv(1 << 16), b""))
    assert json.loads(answer.split(b"\r\n\r\n")[1]) == {"predictions": [upscaled(image, 30).tolist()]}


def test_health_and_metrics(server):
    assert server.ask("/healthz") == (200, {"status": "ok"})
    assert server.ask(PREDICT, {"signature_name": "half_plus_two", "instances": [1]})[0] == 200
    for path in ("/metrics", "/monitoring/prometheus/metrics"):
        with urllib.request.urlopen(f"http://127.0.0.1:{server.rest}{path}") as response:
            lines = response.read().decode().splitlines()
        values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}
        assert values['srgan_tf_serving_requests_total{code="OK",protocol="rest"}'] >= 1
        assert values['srgan_tf_serving_request_seconds_count{protocol="rest"}'] >= 1
        assert values['srgan_tf_serving_model_version{model="tiny"}'] == 30
        assert values["process_resident_memory_bytes"] > 1e8
