"""Versions that come, go and are broken, under a server that never stops answering; and how it stops."""

import concurrent.futures
import contextlib
import errno
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from serving.trial import Server, save_version, serving, upscaled
from tensorflow_serving.apis import prediction_log_pb2

from srgan_tf.serving import versions
from srgan_tf.serving.model_entries import ModelEntry
from srgan_tf.serving.predict import Limits, predict
from srgan_tf.serving.refusals import RefusedError
from srgan_tf.serving.versions import Model

MODEL = "/v1/models/tiny"
PIXELS = np.random.default_rng(0).integers(0, 200, (1, 6, 5, 3), np.uint8)


@pytest.fixture(scope="module")
def staging(tmp_path_factory):
    """Versions 1 to 4, not yet served: 2 with a warm-up, 4 with one that the model refuses."""
    folder = tmp_path_factory.mktemp("staging")
    good, bad = prediction_log_pb2.PredictionLog(), prediction_log_pb2.PredictionLog()
    good.predict_log.request.inputs["image"].CopyFrom(tf.make_tensor_proto(PIXELS))
    bad.predict_log.request.inputs["other"].CopyFrom(tf.make_tensor_proto(PIXELS))
    for version, log in enumerate((None, good, None, bad), 1):
        save_version(folder, version, log.SerializeToString() if log else b"")
    return folder


@pytest.fixture(scope="module")
def changing(tmp_path_factory, staging) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("changing")
    (folder / "tiny").mkdir()
    shutil.copytree(staging / "1", folder / "tiny/1")
    with serving(folder / "tiny", folder / "log", "--max_running=1", "--max_waiting=3", "--stop_timeout=10") as server:
        yield server


def base(server: Server):
    return server.log.parent / "tiny"


def version(server: Server) -> int:
    """The version that answers."""
    status, answer = server.ask(MODEL + ":predict", {"inputs": PIXELS.tolist()})
    assert status == 200, answer
    return next(n for n in range(1, 9) if answer["outputs"] == upscaled(PIXELS, n).tolist())


def state(server: Server, number: int) -> dict:
    return server.ask(f"{MODEL}/versions/{number}")[1]["model_version_status"][0]


@contextlib.contextmanager
def asking(server: Server) -> Iterator[list[int]]:
    """Asks without a pause while the block runs; yields the versions that answered, in their order."""
    stop, seen = threading.Event(), []

    def ask():
        while not stop.is_set():
            seen.append(version(server))

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(ask) for _ in range(2)]
        try:
            yield seen
        finally:
            stop.set()
    for task in tasks:
        task.result()


def test_a_new_version_lands_without_a_lost_request(changing, staging):
    with asking(changing) as seen:
        changing.says("version 1 of tiny is served")
        shutil.copytree(staging / "2", staging / "copy")
        (staging / "copy").rename(base(changing) / "2")
        changing.says("version 1 of tiny is unloaded")
        time.sleep(0.2)
    assert set(seen) == {1, 2}
    assert seen[-1] == 2
    assert state(changing, 1)["state"] == "END"
    assert changing.ask(MODEL + "/versions/1:predict", {"inputs": PIXELS.tolist()})[0] == 404


def test_a_broken_version_changes_nothing_until_it_is_mended(changing, staging):
    with asking(changing) as seen:
        (base(changing) / "3").mkdir()
        (base(changing) / "3/saved_model.pb").write_bytes(b"not a model")
        changing.says("version 3 of tiny cannot be loaded")
        assert (state(changing, 3)["state"], state(changing, 3)["status"]["error_code"]) == ("END", "UNKNOWN")
        assert state(changing, 2)["state"] == "AVAILABLE"
        time.sleep(0.3)
        assert changing.log.read_text().count("cannot be loaded") == 1
        before = set(seen)
        shutil.copytree(staging / "3", base(changing) / "3", dirs_exist_ok=True)
        changing.says("version 2 of tiny is unloaded")
    assert before == {2}
    assert version(changing) == 3


def test_a_version_that_cannot_be_read_is_said_once_and_looked_at_again(tmp_path, staging, monkeypatch):
    for number in ("1", "2"):
        shutil.copytree(staging / "2", tmp_path / number)
    look, said = Path.rglob, []

    def rglob(folder, pattern):
        if folder.name == "2":
            raise PermissionError(errno.EACCES, "Permission denied", str(folder / "variables"))
        return look(folder, pattern)

    monkeypatch.setattr(Path, "rglob", rglob)
    model = Model(ModelEntry("tiny", tmp_path), lambda version, request: None, said.append)
    for _ in range(3):
        model.poll()
    assert model.newest == 1
    assert [line for line in said if "2" in line] == [
        f"version 2 of tiny cannot be loaded: [Errno 13] Permission denied: '{tmp_path}/2/variables'"]
    monkeypatch.undo()
    model.poll()
    assert model.newest == 2
    model.close()


def test_a_version_that_can_read_files_is_not_loaded(staging, tmp_path):
    """It was made by somebody else; what it would read is never opened, unless the operator trusts it."""
    shutil.copytree(staging / "1", tmp_path / "1")
    module = tf.Module()
    module.serve = tf.function(lambda name: {"content": tf.io.read_file(name)}, [tf.TensorSpec([], tf.string, "name")])
    tf.saved_model.save(module, str(tmp_path / "2"), signatures={"serving_default": module.serve})
    said = []
    model = Model(ModelEntry("tiny", tmp_path), lambda version, request: None, said.append)
    model.poll()
    assert model.newest == 1
    assert any("version 2" in line and "ReadFile can read or write files" in line and "--trust_model" in line
               for line in said)
    model.close()
    trusting = Model(ModelEntry("tiny", tmp_path), lambda version, request: None, said.append, trust=True)
    trusting.poll()
    assert trusting.newest == 2
    trusting.close()


def test_a_version_that_fails_its_warm_up_is_not_served(changing, staging):
    shutil.copytree(staging / "4", staging / "copy")
    (staging / "copy").rename(base(changing) / "4")
    changing.says("version 4 of tiny cannot be loaded: input tensor alias not found in signature: other")
    assert version(changing) == 3


def test_back_to_an_older_version_by_removing_the_newer(changing):
    shutil.rmtree(base(changing) / "4")
    shutil.rmtree(base(changing) / "3")
    changing.says("version 3 of tiny is unloaded")
    assert version(changing) == 2
    shutil.move(base(changing) / "1", base(changing) / "aside")
    shutil.move(base(changing) / "2", base(changing) / "aside2")  # nothing is left: the last one stays
    time.sleep(0.3)
    assert version(changing) == 2
    shutil.move(base(changing) / "aside2", base(changing) / "2")


def rounds_of(server: Server, seconds: float) -> int:
    """How many rounds the signature `busy` needs for so long."""
    start = time.perf_counter()
    assert server.ask(MODEL + ":predict", {"signature_name": "busy", "instances": [200]})[0] == 200
    return int(200 * seconds / (time.perf_counter() - start)) + 1


def test_a_version_in_use_is_not_unloaded_and_too_many_are_refused(changing, staging):
    busy = {"signature_name": "busy", "instances": [rounds_of(changing, 3)]}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        running = pool.submit(changing.ask, MODEL + ":predict", busy)
        changing.until_inside(1)
        waiting = [pool.submit(version, changing) for _ in range(3)]
        changing.until_inside(4)
        start = time.perf_counter()
        status, answer = changing.ask(MODEL + ":predict", busy)
        assert (status, "4 requests run or wait already" in answer["error"]) == (503, True)
        assert time.perf_counter() - start < 2
        (staging / "3").rename(base(changing) / "3")
        assert running.result()[0] == 200
        assert [task.result() for task in waiting] == [2, 2, 2]
    while state(changing, 2)["state"] != "END":
        time.sleep(0.05)
    log = changing.log.read_text()
    assert log.rindex("version 3 of tiny is served") < log.rindex("version 2 of tiny is unloaded")
    assert version(changing) == 3


def health(server: Server) -> str:
    try:
        return server.ask("/healthz")[1]["status"]
    except ConnectionError:
        return "refused"


def test_a_stop_finishes_what_runs(changing):
    busy = {"signature_name": "busy", "instances": [rounds_of(changing, 1.5)]}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(changing.ask, MODEL + ":predict", busy)
        changing.until_inside(1)
        changing.process.send_signal(signal.SIGTERM)
        changing.says("stopping")
        while health(changing) != "refused":
            assert health(changing) in ("stopping", "refused")
        status, answer = running.result()
    assert (status, len(answer["predictions"])) == (200, 1)
    assert changing.process.wait(20) == 0
    assert changing.log.read_text().endswith("stopped\n")


def test_a_stop_has_a_bound(tmp_path, staging):
    (tmp_path / "tiny").mkdir()
    os.symlink(staging / "1", tmp_path / "tiny/1")
    with serving(tmp_path / "tiny", tmp_path / "log", "--stop_timeout=0.5") as server, \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        endless = {"signature_name": "busy", "instances": [10**9]}
        pool.submit(server.ask, MODEL + ":predict", endless)
        server.until_inside(1)
        server.process.send_signal(signal.SIGTERM)
        start = time.time()
        assert server.process.wait(20) == 1
        assert time.time() - start < 10
        assert "given up" in server.log.read_text()


def save_slow_version(folder: Path) -> tf.Module:
    """Writes FOLDER, a model that gives the number of calls which are within its session: 1, or they meet."""
    module = tf.Module()
    module.inside = tf.Variable(0)

    def enter(image):
        with tf.control_dependencies([module.inside.assign_add(tf.size(image))]):
            slept = tf.numpy_function(lambda: np.int32(time.sleep(0.01) or 0), [], tf.int32)
        with tf.control_dependencies([slept]):
            met = module.inside.read_value()
        with tf.control_dependencies([met]), tf.control_dependencies([module.inside.assign_sub(tf.size(image))]):
            return {"met": tf.identity(met)}

    module.enter = tf.function(enter, [tf.TensorSpec([1], tf.int32, "image")])
    tf.saved_model.save(module, str(folder), {"serving_default": module.enter.get_concrete_function()})
    return module


@pytest.mark.parametrize(("sessions", "memory", "seconds"), [(1, 1e12, 0.2), (3, 1e12, 0), (3, 1000, 0.2)])
def test_calls_never_meet_in_one_session(tmp_path, monkeypatch, sessions, memory, seconds):
    """With a session each where memory allows, else in turn."""
    module = save_slow_version(tmp_path)
    monkeypatch.setattr(versions, "available_memory", lambda: memory)
    version = versions.Version(1, tmp_path, sessions)
    assert version.sessions == (sessions if memory > 1000 else 1)
    signature, start = version.signatures["serving_default"], time.monotonic()
    fetches, feeds = {"met": signature.outputs["met"].name}, {signature.inputs["image"].name: np.ones(1, np.int32)}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        met = [future.result()["met"] for future in [pool.submit(version.run, fetches, feeds) for _ in range(20)]]
    assert set(met) == {1}
    assert time.monotonic() - start > seconds
    version.close()
    del module


def test_a_call_stops_at_its_deadline(tmp_path):
    version = versions.Version(1, save_version(tmp_path, 1))
    limits, rounds = Limits(1 << 20, deadline=time.monotonic() + 0.3), {"rounds": np.full(1, 4000, np.int32)}
    with pytest.raises(RefusedError, match="did not answer in time") as refused:
        predict(version, "busy", rounds, limits)
    assert refused.value.code == "DEADLINE_EXCEEDED"
    with pytest.raises(RefusedError, match="did not answer in time"):  # its time is over before it begins
        predict(version, "busy", rounds, limits)
    answer = predict(version, "", {"image": PIXELS}, limits._replace(deadline=time.monotonic() + 1e6))
    np.testing.assert_array_equal(answer["upscaled"], upscaled(PIXELS, 1))
    version.close()
