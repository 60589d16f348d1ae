"""Several models behind a token: REST, gRPC, the page's files, the description of the paths, and the client."""

import json
import os
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
from serving.browser import BROWSER, DRIVER, browsing
from serving.trial import Server, serving, upscaled
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

import srgan_tf.serving.endpoints as described
from srgan_tf.errors import UserError
from srgan_tf.runtimes.remote import remote_runtime
from srgan_tf.serving.model_entries import Policy, read_entries
from srgan_tf.tokens import Tokens, read_tokens

TOKEN, OTHER = "first-token-of-the-team", "another_token.of~the+team="
BEARER = f"Bearer {TOKEN}"
HALF = {"signature_name": "half_plus_two", "instances": [1.0]}
IMAGE = {"inputs": np.zeros((1, 2, 2, 3), int).tolist()}
CONFIG = """
# as tensorflow_model_server reads it
model_config_list {
  config {
    name: "old" base_path: "%s" model_platform: "tensorflow"
    model_version_policy { specific { versions: 1 } }
    version_labels { key: "next" value: 2 }
  }
  config { name: "two" base_path: "%s" model_version_policy { latest { num_versions: 2 } } }
}
"""


@pytest.fixture(scope="module")
def team(tmp_path_factory, versions):
    folder = tmp_path_factory.mktemp("team")
    (folder / "models.config").write_text(CONFIG % (versions, os.path.relpath(versions, folder)))
    (folder / "tokens").write_text(f"# of the team\n{TOKEN}\n\n  {OTHER}  \n")
    (folder / "tokens").chmod(0o640)
    with serving(folder / "models.config", folder / "log", f"--token_file={folder / 'tokens'}", "--max_running=1",
                 "--allowed_origins=https://up.example.org") as server:
        yield server


def ask(team: Server, path: str, document: object = None) -> tuple[int, dict]:
    return team.ask(path, document, Authorization=BEARER)


def test_each_model_has_the_versions_of_its_policy(team):
    served = {name: sorted(int(one["version"]) for one in ask(team, f"/v1/models/{name}")[1]["model_version_status"])
              for name in ("old", "two")}
    assert served == {"old": [1, 2], "two": [2, 30]}
    for path, shift in (("old", 2), ("old/versions/1", 1), ("old/labels/next", 2), ("two", 30), ("two/versions/2", 2)):
        status, answer = ask(team, f"/v1/models/{path}:predict", IMAGE)
        assert (status, answer["outputs"][0][0][0]) == (200, [shift] * 3), path
    for path, message in (("old/versions/30", "version 30"), ("two/labels/next", "label next"),
                          ("third", "this server has 'old', 'two'")):
        status, answer = ask(team, f"/v1/models/{path}:predict", HALF)
        assert (status, message in answer["error"]) == (404, True), answer
    assert ask(team, "/v1/models/two/metadata")[1]["model_spec"] == {
        "name": "two", "signature_name": "", "version": "30"}
    assert [one["title"] for one in ask(team, "/models.json")[1]["models"]] == ["old", "two"]
    text = metrics(team)
    assert 'srgan_tf_serving_model_version{model="old"} 2.0' in text
    assert 'srgan_tf_serving_model_version{model="two"} 30.0' in text


def metrics(team: Server) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{team.rest}/metrics", headers={"Authorization": BEARER})
    with urllib.request.urlopen(request) as response:
        return response.read().decode()


@pytest.mark.parametrize("header", [
    "", TOKEN, "Bearer", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", f"Bearer {TOKEN} {TOKEN}",
    "Bearer # of the team", "Bearer \xff\xfe"])
def test_without_a_known_token_nothing_is_said(team, header):
    """Neither names nor whether they exist; before a body is read."""
    headers = {"Authorization": header} if header else {}
    for path, document in (("/v1/models/old", None), ("/v1/models/third", None), ("/v1/models/old:predict", HALF),
                           ("/models.json", None), ("/openapi.json", None), ("/metrics", None), ("/", b"{}"),
                           ("/no/such/path", None)):
        status, answer = team.ask(path, document, **headers)
        assert status == 401, path
        assert answer == {"error": "this server needs a token that it knows, in the header Authorization: Bearer TOKEN"}


def test_what_needs_no_token(team):
    assert team.ask("/healthz") == (200, {"status": "ok"})
    for path in ("/", "/app.js", "/style.css"):
        with urllib.request.urlopen(f"http://127.0.0.1:{team.rest}{path}") as response:
            assert b"old" not in response.read().split(b"models")[0]


def test_every_token_of_the_file_is_known_and_none_is_logged(team):
    for token in (TOKEN, OTHER):
        for scheme in ("Bearer", "bearer"):
            assert team.ask("/v1/models/old:predict", HALF, Authorization=f"{scheme} {token}")[0] == 200
    assert "REST and the page" in team.log.read_text()
    assert not [token for token in (TOKEN, OTHER) if token in team.log.read_text()]


def test_browsers_of_an_allowed_origin_learn_what_to_send(team):
    """A preflight has no token, and a refusal can be read by the page."""
    url = f"http://127.0.0.1:{team.rest}/v1/models/old:predict"
    origin = {"Origin": "https://up.example.org"}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    with urllib.request.urlopen(urllib.request.Request(url, headers={**origin, **asked}, method="OPTIONS")) as response:
        assert "authorization" in response.headers["Access-Control-Allow-Headers"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(url, b"{}", origin))
    assert refused.value.code == 401
    assert refused.value.headers["Access-Control-Allow-Origin"] in ("*", "https://up.example.org")
    assert refused.value.headers["WWW-Authenticate"] == 'Bearer realm="srgan_tf"'


def test_grpc_needs_the_same_token(team):
    predict, metadata = predict_pb2.PredictRequest(), get_model_metadata_pb2.GetModelMetadataRequest()
    predict.model_spec.name = metadata.model_spec.name = "two"
    metadata.metadata_field.append("signature_def")
    predict.inputs["image"].dtype, predict.inputs["image"].tensor_content = 4, bytes(12)
    for size in (1, 2, 2, 3):
        predict.inputs["image"].tensor_shape.dim.add(size=size)
    with grpc.insecure_channel(f"127.0.0.1:{team.grpc}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        for call, request in ((stub.Predict, predict), (stub.GetModelMetadata, metadata)):
            for header in (None, TOKEN, BEARER + "x"):
                with pytest.raises(grpc.RpcError) as refused:
                    call(request, metadata=[("authorization", header)] if header else None)
                assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
            answer = call(request, metadata=[("authorization", BEARER)])
            assert (answer.model_spec.name, answer.model_spec.version.value) == ("two", 30)


@pytest.mark.parametrize("form", ["http://127.0.0.1:{}/v1/models/two", "grpc://127.0.0.1:{}/two"])
def test_upscale_sends_the_token(team, form, photo):
    url = form.format(team.rest if form.startswith("http") else team.grpc)
    runtime = remote_runtime(url, token=TOKEN)
    np.testing.assert_array_equal(runtime.run(photo[None, :5, :6])[0], upscaled(photo[:5, :6], 30))
    with pytest.raises(UserError, match="--server_token_file"):
        remote_runtime(url)


def test_the_command_reads_the_token_from_a_file(command, team, tmp_path, photo):
    from PIL import Image

    Image.fromarray(photo[:8, :9]).save(tmp_path / "a.png")
    (tmp_path / "secret").write_text(TOKEN)
    arguments = "a.png", f"--server=http://127.0.0.1:{team.rest}/v1/models/two", "--server_token_file=secret"
    (tmp_path / "secret").chmod(0o644)
    done = command("upscale", *arguments)
    assert (done.status, TOKEN in done.err) == (2, False)
    assert "chmod o-rwx secret" in done.err
    (tmp_path / "secret").chmod(0o600)
    assert command("upscale", *arguments).status == 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "upscaled/a_x2.png")), upscaled(photo[:8, :9], 30))


# The description of the paths.

def test_the_description_is_valid_and_of_what_is_there(team):
    validator = pytest.importorskip("openapi_spec_validator")
    status, document = ask(team, "/openapi.json")
    assert status == 200
    validator.validate(document)
    assert document == json.loads(json.dumps(described.document(["old", "two"], True)))
    paths = {one.path for one in described.ENDPOINTS if one.summary}
    assert set(document["paths"]) == paths
    assert "securitySchemes" not in described.document(["old"], False)["components"]
    validator.validate(described.document(["old"], False))


GETS = [one for one in described.ENDPOINTS if one.summary and one.method == "GET" and one.answer]


@pytest.mark.parametrize("endpoint", GETS, ids=lambda one: one.name)
def test_answers_are_as_described(team, endpoint):
    path = endpoint.path.format(name="old", version="1", label="next")
    status, answer = ask(team, path)
    assert status == 200, answer
    conforms(team, answer, endpoint.answer)


@pytest.mark.parametrize("document", [HALF, IMAGE, {"signature_name": "two", "instances": ["a"]},
                                      {"signature_name": "two", "inputs": {"x": ["a", {"b64": "YQ=="}]}}])
def test_predictions_are_as_described(team, document):
    status, answer = ask(team, "/v1/models/old:predict", document)
    assert status == 200, answer
    conforms(team, document, "PredictRequest")
    conforms(team, answer, "PredictResponse")
    _, refusal = ask(team, "/v1/models/old:predict", {"instances": []})
    conforms(team, refusal, "Error")
    for wrong in ({}, {"instances": []}, {**document, "instances": [1], "inputs": 1}):
        with pytest.raises(AssertionError):
            conforms(team, wrong, "PredictRequest")


def conforms(team: Server, value: object, schema: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    _, document = ask(team, "/openapi.json")
    whole = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    errors = [error.message for error in jsonschema.Draft202012Validator(whole).iter_errors(value)]
    assert not errors, errors


# Files.

@pytest.mark.parametrize(("policy", "found"), [
    (Policy(), [30]), (Policy(2), [30, 2]), (Policy(None), [30, 2, 1]), (Policy(None, frozenset({1, 7})), [1])])
def test_policies(policy, found):
    assert policy.candidates([1, 30, 2])[: policy.count] == found


@pytest.mark.parametrize(("text", "message"), [
    ("", "names no model"),
    ("model_config_list { config { name: \"a\" base_path: \"tiny\" } ",
     "is not a ModelServerConfig in text format: 1:"),
    ("model_config_list { config { nam: \"a\" } }", "has no field named \"nam\""),
    ("custom_model_config { }", "custom_model_config is not supported"),
    ("model_config_list { config { name: \"a/b\" base_path: \"tiny\" } }", "name must be of letters"),
    ("model_config_list { config { name: \"a\" } }", "model a: base_path is missing"),
    ("model_config_list { config { name: \"a\" base_path: \"gone\" } }", "model a: base_path gone: no folder"),
    ("model_config_list { config { name: \"a\" base_path: \"tiny\" model_platform: \"onnx\" } }", "got 'onnx'"),
    ("model_config_list { config { name: \"a\" base_path: \"tiny\" } config { name: \"a\" base_path: \"tiny\" } }",
     "two models are called a"),
    ("model_config_list { config { name: \"a\" base_path: \"tiny\" version_labels { key: \"latest\" value: 1 } } }",
     "latest is the newest"),
    ("model_config_list { config { name: \"a\" base_path: \"tiny\" model_version_policy { specific {} } } }",
     "specific names no versions"),
])
def test_mistakes_in_a_file_of_models(tmp_path, text, message):
    (tmp_path / "tiny/1").mkdir(parents=True)
    (tmp_path / "tiny/1/saved_model.pb").touch()
    (tmp_path / "models.config").write_text(text)
    with pytest.raises(UserError) as refused:
        read_entries(str(tmp_path / "models.config"))
    assert message in str(refused.value)


@pytest.mark.parametrize(("content", "mode", "message"), [
    (f"{TOKEN}\n", 0o644, "mode 0644): chmod o-rwx"),
    (f"{TOKEN}\n", 0o602, "mode 0602"),
    ("# none\n\n", 0o600, "holds no token; make one by: openssl rand -hex 32"),
    ("short-secret\n", 0o600, "line 1: a token of 12 characters can be guessed"),
    (f"{TOKEN}\n{TOKEN} x\n", 0o600, "line 2: a token is of letters"),
])
def test_mistakes_in_a_file_of_tokens(tmp_path, content, mode, message):
    (tmp_path / "tokens").write_text(content)
    (tmp_path / "tokens").chmod(mode)
    with pytest.raises(UserError) as refused:
        read_tokens(str(tmp_path / "tokens"), "token_file")
    assert message in str(refused.value)
    assert not [line for line in content.split("\n") if line.strip("# ") and line in str(refused.value)]


def test_tokens_do_not_show():
    tokens = Tokens([TOKEN])
    assert TOKEN not in repr(vars(tokens)) + repr(tokens)
    assert Tokens().allow("")
    assert not tokens.allow("")


@pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs a browser: apt-get install chromium chromium-driver")
def test_the_page_asks_for_the_token(team, tmp_path, photo):
    from PIL import Image

    Image.fromarray(photo[:30, :40]).save(tmp_path / "a.png")
    with browsing(tmp_path) as page:
        page.open(f"http://127.0.0.1:{team.rest}/")
        page.wait("document.activeElement.id === 'token'")
        page.keys("wrong-token-of-the-team\ue007")
        page.wait("document.getElementById('error').innerText.includes('does not know this token')")
        page.run("document.getElementById('token').value = ''")
        page.keys(TOKEN + "\ue007")
        page.wait("document.getElementById('model').options.length === 2")
        assert not page.run("return document.getElementById('sign').offsetParent")
        page.wait("document.activeElement.id === 'choose'", 5)
        page.run("const box = document.getElementById('model'); box.selectedIndex = 1;"
                 "box.dispatchEvent(new Event('change'))")
        page.choose(tmp_path / "a.png")
        page.wait("document.getElementById('start').offsetParent && !document.getElementById('start').disabled")
        page.run("document.getElementById('start').click()")
        page.wait("document.getElementById('download').offsetParent !== null")
        assert "40 × 30 → 80 × 60" in page.run("return document.getElementById('facts').innerText")
        assert TOKEN not in page.run("return document.documentElement.outerHTML")
        assert not [url for url in page.requests() if TOKEN in url]
    assert TOKEN not in team.log.read_text()
