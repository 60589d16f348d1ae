"""Several replicas: the same weights as one on the whole batch; what happens when one of them dies."""

import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from srgan_tf.config import TrainConfig
from srgan_tf.hub import load_model
from srgan_tf.training.strategies import open_strategy

WORKER = Path(__file__).with_name("replica_worker.py")
NOISE_WORKER = Path(__file__).with_name("noise_worker.py")
SMALL = ["--model=edsr", "--model_args=features:8,blocks:1", "--dataset=deadleaves:3", "--patch_size=32",
         "--batch_size=4", "--val_images=1", "--log_every=1", "--steps=5", "--learning_rate=1e-3", "--ema=0.9"]
KINDS = {"pixel": ["--clip_norm=0.1"],
         "adversarial": ["--steps=6", "--adversarial=relativistic:1", "--discriminator=plain", "--steps_per_call=2",
                         "--gradient_penalty=gp:10", "--losses=l1:1,ldl:1"]}


def start(folder: Path, devices: int, *runs: list[str], **environment: str) -> subprocess.Popen:
    """One process, which makes the runs one after another."""
    flags = [argument for run in runs for argument in ("--", *SMALL, *run)]
    return subprocess.Popen([sys.executable, str(WORKER), str(devices), *flags], cwd=folder, text=True,
                            env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def start_job(folder: Path, arguments: list[str], **of_the_other: str) -> list[subprocess.Popen]:
    """Two workers of one replica each; the second has variables of its own in its environment."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(2)]
    addresses = [f"localhost:{listening.getsockname()[1]}" for listening in sockets]
    for listening in sockets:
        listening.close()
    clusters = [json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})
                for index in range(2)]
    return [start(folder, 1, ["--strategy=multi_worker", *arguments], TF_CONFIG=cluster, **environment)
            for cluster, environment in zip(clusters, ({}, of_the_other), strict=True)]


def finish(processes: list[subprocess.Popen], status: int = 0) -> list[str]:
    try:
        outputs = [process.communicate(timeout=240)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [status] * len(processes), "\n".join(outputs)
    return outputs


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Gives the runs of a kind, `one` on one device and `two` on two, which one process makes once."""

    @functools.cache
    def runs(kind: str) -> Path:
        folder = tmp_path_factory.mktemp(kind)
        (output,) = finish([start(folder, 2, ["--strategy=one", "--run_dir=one", *KINDS[kind]],
                                  ["--strategy=mirrored", "--run_dir=two", *KINDS[kind]])])
        assert output.count("2 replicas on CPUs") == 1
        return folder

    return runs


def assert_equal_runs(one: Path, other: Path) -> None:
    for expected, weight in zip(*(load_model(run / "last.keras").get_weights() for run in (one, other)), strict=True):
        np.testing.assert_allclose(weight, expected, atol=1e-5)
    scalars = [[{name: value for name, value in json.loads(line).items() if "images" not in name and "wait" not in name}
                for line in (run / "metrics.jsonl").read_text().splitlines()] for run in (one, other)]
    assert len(scalars[0]) >= 4
    for expected, found in zip(*scalars, strict=True):
        assert found == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_two_devices_equal_one(made, kind):
    assert_equal_runs(made(kind) / "one", made(kind) / "two")


def test_noise_differs_between_replicas_and_resumes():
    """The greatest correlation of 10,000 numbers of each of two replicas in two steps, and whether they come again."""
    done = subprocess.run([sys.executable, str(NOISE_WORKER)], text=True, capture_output=True, check=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    greatest, resumed = json.loads(done.stdout.splitlines()[-1])
    assert greatest < 0.06
    assert resumed


def test_two_machines_equal_one(made, tmp_path):
    chief, other = finish(start_job(tmp_path, ["--run_dir=run", *KINDS["adversarial"]]))
    assert "best PSNR-Y" in chief
    assert "best PSNR-Y" not in other
    assert_equal_runs(made("adversarial") / "one", tmp_path / "run")


def test_a_killed_worker_ends_the_job_and_the_job_resumes(made, tmp_path):
    """The other worker is killed when the chief has saved its second step; in the end all is as on one device."""
    arguments = ["--run_dir=run", "--checkpoint_every=2", *KINDS["pixel"]]
    chief, other = start_job(tmp_path, arguments, HOLD="yes")
    deadline = time.monotonic() + 120
    while not (tmp_path / "run/checkpoints/ckpt-2.index").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    other.send_signal(signal.SIGKILL)
    (output,) = finish([chief], 2)
    assert "another worker has stopped; the last checkpoint is intact" in output.splitlines()[-1]
    other.communicate()
    outputs = finish(start_job(tmp_path, arguments))
    assert all("resumed at step 2" in output for output in outputs)
    assert_equal_runs(made("pixel") / "one", tmp_path / "run")


@pytest.mark.parametrize(("name", "message"), [
    ("multi_worker", "needs the environment variable TF_CONFIG"),
    ("tpu", "--strategy=tpu found no TPU"),
])
def test_what_is_not_there_is_named(name, message, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match=message):
        open_strategy(name, 4)


def test_a_broken_cluster_is_named(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{worker:")
    with pytest.raises(ValueError, match="TF_CONFIG is not what TensorFlow expects"):
        open_strategy("auto", 4)
    with pytest.raises(ValueError, match="--strategy must be one of auto, one"):
        TrainConfig(strategy="two")
