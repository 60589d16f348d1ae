"""`serve` as people start it: mistakes in one line. What it does when it runs is in tests/serving."""

import signal
import socket

import pytest
from serving.trial import serving


@pytest.mark.parametrize(("arguments", "message"), [
    (["--model=nowhere.keras"], "no model 'nowhere.keras'"),
    (["--model=edsr_x4", "--model_base_path=models"], "give --model_base_path or --model, not both"),
    (["--model_base_path=nowhere"], "no folder 'nowhere'"),
    (["--model_base_path=small.keras"], "make one of small.keras by: python -m srgan_tf.export --model=small.keras"),
    (["--model_base_path=small.tflite"], "no .tflite file is served: export the network that it was made from"),
    (["--model_base_path=empty"], "--model_base_path=empty holds no version (NUMBER/saved_model.pb); write one by: "
     "python -m srgan_tf.export --model=MODEL --format=saved_model --output=empty"),
    (["--model_base_path=runs/edsr"], "write one by: python -m srgan_tf.export --model=runs/edsr --format=saved_model "
     "--output=exports/edsr"),
    (["--model_base_path=models/7"], "is one SavedModel; give the folder of its versions, models"),
    (["--model_base_path=damaged"], "no version can be loaded: version 1: "),
    (["--model_base_path=models", "--host=no.such.host"], "cannot be used on --host=no.such.host"),
    (["--model_base_path=models", "--port=0", "--rest_api_port=0"], "nothing to listen on"),
    (["--model_base_path=models", "--rest_api_port=70000"], "--rest_api_port must be at most 65535"),
    (["--model=edsr_x4", "--model_base_path=models", "--model_config_file=c"], "or --model, not all"),
    (["--model=edsr_x4,nowhere"], "no model 'nowhere'"),
    (["--model=edsr_x4,edsr_x4"], "--model: two models are called edsr_x4"),
    (["--model=edsr_x4,mobile_x4", "--model_name=a"], "--model_name is for one model"),
    (["--model_config_file=nowhere"], "No such file or directory: nowhere"),
    (["--model_base_path=models", "--token=short"], "--token: a token of 5 characters can be guessed"),
    (["--model_base_path=models", "--token_file=nowhere"], "No such file or directory: nowhere"),
    (["--model_base_path=models", "--model_name=a/b"], "--model_name must be of letters"),
    (["--model_base_path=models", "--version_labels=stable"], "LABEL:NUMBER"),
    (["--model_base_path=models", "--version_labels=latest:3"], "latest is the newest version's label"),
    (["--model_base_path=models", "--max_running=0"], "--max_running must be at least 1"),
    (["--model_base_path=models", "--prot=1"], "did you mean --port?"),
    (["stray"], "unexpected argument 'stray'"),
])
def test_mistakes_are_one_line(refused, tmp_path, arguments, message):
    (tmp_path / "small.keras").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "runs/edsr").mkdir(parents=True)
    (tmp_path / "runs/edsr/last.keras").touch()
    (tmp_path / "damaged/1").mkdir(parents=True)
    (tmp_path / "damaged/1/saved_model.pb").write_bytes(b"not a model")
    (tmp_path / "models/7").mkdir(parents=True)
    (tmp_path / "models/7/saved_model.pb").touch()
    assert message in refused("serve", *arguments)


@pytest.mark.parametrize("flag", ["port", "rest_api_port"])
def test_a_port_that_is_taken(refused, tmp_path, flag):
    (tmp_path / "models/7").mkdir(parents=True)
    (tmp_path / "models/7/saved_model.pb").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        ports = {"port": 0, "rest_api_port": 0, flag: number}
        line = refused("serve", "--model_base_path=models", *(f"--{name}={port}" for name, port in ports.items()))
    assert f"--{flag}={number} cannot be used on --host=127.0.0.1: Address already in use" in line


def test_a_model_without_an_export(tmp_path, model_file, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with serving(model_file, tmp_path / "log") as server:
        assert server.ask("/v1/models/small")[1]["model_version_status"][0]["state"] == "AVAILABLE"
        exported, = tmp_path.glob("srgan_tf_*/small/1/saved_model.pb")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
    assert not exported.parents[2].exists()
