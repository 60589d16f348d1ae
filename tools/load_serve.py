#!/usr/bin/env python
"""Loads `python -m srgan_tf.serve` with mixed requests for minutes while two new versions appear; reports the answers.

    python tools/load_serve.py [--minutes=10] [--clients=16] MODEL.keras [-- flags of serve ...]

Three versions are exported whose answers differ. The clients send good, broken, huge, slow and cut-off requests over
REST and gRPC, of images of many small sizes. Every answer is compared with what the versions give when they are run
alone and directly. The exit status is 1 if an answer was wrong or missing.
"""

import argparse
import base64
import http.client
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

import grpc
import numpy as np
from PIL import Image

NAME, LIMIT_MEGABYTES = "trial", 4
SIZES = ((3, 5), (12, 9), (8, 40), (16, 31), (24, 24), (32, 48), (48, 17), (64, 40), (96, 60), (96, 96))


def main() -> int:
    """Makes the versions, starts the server, loads it, reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("flags", nargs="*", help="flags of serve, after --")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        staging, base = Path(folder, "staging"), Path(folder, NAME)
        make_versions(arguments.model, Path(folder), staging)
        trial = Trial(expected_answers(staging))
        base.mkdir()
        (staging / "1").rename(base / "1")
        server = start_server(base, trial, arguments.flags)
        try:
            run(trial, server, staging, base, 60 * arguments.minutes, arguments.clients)
        finally:
            start = time.time()
            server.send_signal(signal.SIGTERM)
            print(f"stopped with status {server.wait(60)} after {time.time() - start:.1f} s")
    return trial.report()


def make_versions(model: str, folder: Path, staging: Path) -> None:
    """STAGING/1, 2 and 3: the model, and two brighter ones."""
    from srgan_tf.hub import load_model
    from srgan_tf.models import save_model

    for version in (1, 2, 3):
        generator = load_model(model)
        bias = generator.weights[-1]
        bias.assign(bias.numpy() + 0.05 * (version - 1))
        save_model(generator, folder / f"{NAME}.keras")
        subprocess.run([sys.executable, "-m", "srgan_tf.export", f"--model={folder / NAME}.keras",
                        "--format=saved_model", f"--output={staging}"], check=True, stdout=subprocess.DEVNULL)


def expected_answers(staging: Path) -> list[tuple[np.ndarray, dict[int, np.ndarray]]]:
    """Images, and what each version makes of them, run directly."""
    import tensorflow as tf

    pixels = np.random.default_rng(0)
    images = [pixels.integers(0, 256, (1, *size, 3), np.uint8) for size in SIZES]
    cases = [(image, {}) for image in images]
    for version in (1, 2, 3):
        loaded = tf.saved_model.load(str(staging / str(version)))
        signature = loaded.signatures["serving_default"]
        (name,) = signature.structured_input_signature[1]
        for image, answers in cases:
            answers[version] = next(iter(signature(**{name: tf.constant(image)}).values())).numpy().astype(int)
    return cases


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def start_server(base: Path, trial: "Trial", flags: list[str]) -> subprocess.Popen:
    """The server, once it answers."""
    trial.port, trial.rest = free_port(), free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "srgan_tf.serve", f"--model_base_path={base}", f"--port={trial.port}",
         f"--rest_api_port={trial.rest}", f"--max_request_megabytes={LIMIT_MEGABYTES}", *flags])
    for _ in range(600):
        try:
            trial.http("GET", f"/v1/models/{NAME}/metadata")
            break
        except OSError:
            time.sleep(0.1)
    document = json.loads(trial.http("GET", f"/v1/models/{NAME}/metadata")[1])
    trial.encoded = "encoded" in document["metadata"]["signature_def"]["signature_def"]
    return server


def run(trial: "Trial", server: subprocess.Popen, staging: Path, base: Path, seconds: float, clients: int) -> None:
    """Sends the load, adds the new versions at a third and two thirds of the time, and reports memory."""
    start, landed, status = time.time(), 1, Path(f"/proc/{server.pid}/status")
    threads = [threading.Thread(target=trial.client, args=(seed, start + seconds), daemon=True)
               for seed in range(clients)]
    for thread in threads:
        thread.start()
    step = max(seconds / 20, 5)
    while (passed := time.time() - start) < seconds:
        if landed < 3 and passed > seconds * landed / 3:
            landed += 1
            (staging / str(landed)).rename(base / str(landed))
            trial.await_version(landed)
            print(f"{passed:6.0f} s  version {landed} lands, and is served {time.time() - start - passed:.1f} s later")
        if server.poll() is not None:
            raise SystemExit(f"the server ended with status {server.returncode} after {passed:.0f} s, "
                             f"{sum(trial.counts.values())} requests and {len(trial.problems)} problems")
        memory = next(line for line in status.read_text().splitlines() if "VmRSS" in line)
        print(f"{passed:6.0f} s  {int(memory.split()[1]) / 1024:6.0f} MiB  {sum(trial.counts.values())} requests",
              flush=True)
        time.sleep(min(step, max(0.1, start + seconds - time.time())))
    for thread in threads:
        thread.join()
    trial.loaded = time.time() - start
    print(trial.http("GET", f"/v1/models/{NAME}")[1].decode())


class Trial:
    """The requests and their answers."""

    def __init__(self, cases: list):
        self.cases, self.counts, self.problems, self.loaded = cases, Counter(), [], 0.0
        self.seconds, self.versions, self.landed, self.encoded = defaultdict(list), Counter(), {}, False
        self.port = self.rest = self.closed_by_age = 0
        self.kinds = {self.good_rows: 6, self.good_columns: 4, self.good_grpc: 8, self.good_encoded: 4, self.broken: 3,
                      self.broken_grpc: 2, self.huge: 1, self.huge_grpc: 1, self.slow: 1, self.cut_off: 2, self.gone: 2,
                      self.status: 1}

    def client(self, seed: int, end: float) -> None:
        chance = random.Random(seed)
        with grpc.insecure_channel(f"127.0.0.1:{self.port}", options=[
                ("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]) as channel:
            while time.time() < end:
                kind, = chance.choices(list(self.kinds), self.kinds.values())
                start = time.time()
                try:
                    kind(chance, channel)
                except Exception as error:
                    said = " ".join(str(error).split())[:300]
                    self.problems.append(f"{kind.__name__}: {type(error).__name__} {said}")
                self.counts[kind.__name__] += 1
                self.seconds[kind.__name__].append(time.time() - start)

    def http(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.rest, timeout=120)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def await_version(self, number: int) -> None:
        """Waits until a version is loaded and warmed up; from then on the one before must not answer."""
        while b'"AVAILABLE"' not in self.http("GET", f"/v1/models/{NAME}/versions/{number}")[1]:
            time.sleep(0.1)
        self.landed[number] = time.time()

    def predict(self, document: object) -> tuple[int, dict]:
        status, body = self.http("POST", f"/v1/models/{NAME}:predict", json.dumps(document).encode())
        return status, json.loads(body)

    def check(self, answer: object, answers: dict[int, np.ndarray], start: float, said: int | None = None) -> None:
        """The answer is one version's, and not that of a version which another had replaced before the request."""
        got = np.asarray(answer).astype(int)
        version = next((n for n, right in answers.items()
                        if got.shape == right.shape and np.abs(got - right).max() <= 1), None)
        assert version, "wrong answer"
        assert said in (None, version), f"says version {said}, is {version}"
        assert start < self.landed.get(version + 1, float("inf")), f"version {version} after the next"
        self.versions[version] += 1

    def good_rows(self, chance: random.Random, channel: object) -> None:
        image, answers = chance.choice(self.cases[:6])
        start = time.time()
        status, document = self.predict({"instances": image.tolist()})
        assert status == 200, document
        self.check(document["predictions"], answers, start)

    def good_columns(self, chance: random.Random, channel: object) -> None:
        image, answers = chance.choice(self.cases)
        start = time.time()
        status, document = self.predict({"inputs": {"image": image.tolist()}})
        assert status == 200, document
        self.check(document["outputs"], answers, start)

    def good_encoded(self, chance: random.Random, channel: object) -> None:
        if not self.encoded:
            return self.good_rows(chance, channel)
        image, answers = chance.choice(self.cases)
        start, file = time.time(), io.BytesIO()
        Image.fromarray(image[0]).save(file, "png")
        status, document = self.predict({"signature_name": "encoded", "instances": [
            {"b64": base64.b64encode(file.getvalue()).decode()}]})
        assert status == 200, document
        png = base64.b64decode(document["predictions"][0]["b64"])
        return self.check(np.asarray(Image.open(io.BytesIO(png)))[None], answers, start)

    def good_grpc(self, chance: random.Random, channel: object) -> None:
        image, answers = chance.choice(self.cases)
        start = time.time()
        response = self.call(channel, image)
        (output,) = response.outputs.values()
        shape = [dimension.size for dimension in output.tensor_shape.dim]
        self.check(np.frombuffer(output.tensor_content, np.uint8).reshape(shape), answers, start,
                   response.model_spec.version.value)

    def call(self, channel: object, image: np.ndarray) -> object:
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

        request = predict_pb2.PredictRequest()
        request.model_spec.name = NAME
        request.inputs["image"].CopyFrom(tf.make_tensor_proto(image))
        return prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=120)

    def broken(self, chance: random.Random, channel: object) -> None:
        body = chance.choice([
            b"{", b"[]", b"\xff\x00", b'{"instances": []}', b'{"instances": [[1,2],[3]]}', b'{"inputs": {"other": 1}}',
            b'{"instances": [[[[1.5,2,3]]]]}', b'{"instances": [[[[1,2,300]]]]}', b'{"instances": [[[[1,2]]]]}',
            b'{"instances": [{"b64": "?"}]}', b'{"signature_name": "no", "instances": [1]}', b"[" * 100_000,
            *([b'{"signature_name": "encoded", "instances": [{"b64": "bm8gcGljdHVyZQ=="}]}'] if self.encoded else [])])
        status, answer = self.http("POST", f"/v1/models/{NAME}:predict", body)
        assert (status, list(json.loads(answer))) == (400, ["error"]), (status, body[:40], answer[:200])

    def broken_grpc(self, chance: random.Random, channel: object) -> None:
        self.refused(channel, np.zeros((1, 8, 8, chance.choice([1, 4])), np.uint8), grpc.StatusCode.INVALID_ARGUMENT)

    def huge(self, chance: random.Random, channel: object) -> None:
        status, answer = self.http("POST", f"/v1/models/{NAME}:predict", b" " * (LIMIT_MEGABYTES * 1_100_000))
        assert status == 413, (status, answer[:200])

    def huge_grpc(self, chance: random.Random, channel: object) -> None:
        self.refused(channel, np.zeros((1, 1000, 1500, 3), np.uint8), grpc.StatusCode.RESOURCE_EXHAUSTED)

    def refused(self, channel: object, image: np.ndarray, code: grpc.StatusCode) -> None:
        error = self.refusal(channel, image)
        if error.code() is grpc.StatusCode.UNAVAILABLE and "max_age" in error.details():
            # gRPC loses a refusal where the connection reaches its age while the message is sent; clients ask again.
            self.closed_by_age += 1
            error = self.refusal(channel, image)
        assert error.code() is code, (error.code(), error.details())

    def refusal(self, channel: object, image: np.ndarray) -> grpc.RpcError:
        try:
            self.call(channel, image)
        except grpc.RpcError as error:
            return error
        raise AssertionError("it was not refused")

    def slow(self, chance: random.Random, channel: object) -> None:
        image, answers = self.cases[0]
        start, body = time.time(), json.dumps({"instances": image.tolist()}).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.rest, timeout=120)
        connection.putrequest("POST", f"/v1/models/{NAME}:predict")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        for part in range(10):
            connection.send(body[len(body) * part // 10 : len(body) * (part + 1) // 10])
            time.sleep(0.5)
        response = connection.getresponse()
        self.check(json.loads(response.read())["predictions"], answers, start)
        connection.close()

    def cut_off(self, chance: random.Random, channel: object) -> None:
        with socket.create_connection(("127.0.0.1", self.rest)) as connection:
            connection.sendall(f"POST /v1/models/{NAME}:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
                               .encode() + b'{"instances": ' + b"[" * chance.randrange(50_000))

    def gone(self, chance: random.Random, channel: object) -> None:
        body = json.dumps({"instances": self.cases[-1][0].tolist()}).encode()
        with socket.create_connection(("127.0.0.1", self.rest)) as connection:
            connection.sendall(f"POST /v1/models/{NAME}:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}"
                               "\r\n\r\n".encode() + body)
            time.sleep(chance.random() / 10)

    def status(self, chance: random.Random, channel: object) -> None:
        for path in ("/healthz", "/metrics", "/", f"/v1/models/{NAME}", f"/v1/models/{NAME}/metadata"):
            assert self.http("GET", path)[0] == 200, path

    def report(self) -> int:
        print(f"{'kind':14}{'requests':>9}{'p50 s':>8}{'p99 s':>8}{'max s':>8}")
        for kind, seconds in sorted(self.seconds.items()):
            print(f"{kind:14}{len(seconds):9}{np.percentile(seconds, 50):8.3f}{np.percentile(seconds, 99):8.3f}"
                  f"{max(seconds):8.3f}")
        right = sum(self.versions.values())
        print(f"{right / self.loaded:.1f} right answers a second")
        answered = ", ".join(f"{count} by version {version}" for version, count in sorted(self.versions.items()))
        print(f"right answers: {answered}")
        print(f"asked again after the age of a connection: {self.closed_by_age}")
        print(f"wrong or lost: {len(self.problems)}")
        for problem, count in Counter(self.problems).most_common(20):
            print(f"  {count} x {problem}")
        return int(bool(self.problems))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main())
