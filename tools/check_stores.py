#!/usr/bin/env python
"""Runs `upscale --beam` and `evaluate --beam` on s3://, gs:// and hdfs://, against stand-ins on this machine.

The stand-ins speak the protocols of the real ones.

    pip install boto3 'moto[server]' google-cloud-storage gcp-storage-emulator hdfs
    python tools/check_stores.py [s3] [gs] [hdfs]

Four files, one of them no image, are upscaled in a store and in a folder: the results must be equal. Then one result is
removed and the command repeated: it must make that one alone. A benchmark of three images is evaluated in the store and
in a folder: the figures must be equal; again, nothing may be measured, for all must be in the store's cache. Ends with
status 1 where something differs. gs:// takes minutes: Beam looks for credentials for half a minute a process.
"""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1",
               "GOOGLE_CLOUD_PROJECT": "any", "PYTHONPATH": str(ROOT)}
MODEL = "mobile_x4_int8"
ENTRIES = 3 * 2 * 2  # an image and its figures, of three images by bicubic interpolation and by the model
RUNNER = "--runner=DirectRunner --direct_num_workers=2 --direct_running_mode=multi_processing"


def main() -> int:
    """Tries the stores that are named, or all."""
    os.environ.update(ENVIRONMENT)
    good = True
    for name in sys.argv[1:] or STORES:
        with tempfile.TemporaryDirectory() as folder, STORES[name](Path(folder)) as (url, options):
            for checked in (check, check_evaluation):
                good = checked(name, url, f"{RUNNER} {options}", Path(folder)) and good
    return 0 if good else 1


def check(name: str, url: str, options: str, folder: Path) -> bool:
    """Whether a store holds what a folder does."""
    from srgan_tf.workers import Store

    (folder / "in").mkdir()
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 256, (20 + number, 24, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"in/{number}.png")
    (folder / "in/bad.png").write_text("no image")
    store = Store(options)
    for path in (folder / "in").iterdir():
        store.put(path, f"{url}/in/{path.name}")
    here = upscale(str(folder / "in"), f"--output={folder}/here")
    arguments = f"{url}/in", f"--output={url}/out", f"--beam={options}"
    there = upscale(*arguments)
    made = store.list(f"{url}/out/*")
    (folder / "there").mkdir()
    for result in made:
        store.fetch(result, folder / "there" / result.rpartition("/")[2])
    equal = contents(folder / "here") == contents(folder / "there") and len(made) == 3
    store.remove(made[0])
    again = upscale(*arguments)
    words = [done.stdout.strip().splitlines()[-1] for done in (here, there, again)]
    good = equal and words == ["3 upscaled, 0 kept, 1 failed"] * 2 + ["1 upscaled, 2 kept, 1 failed"]
    print(f"{name}: {'equal' if equal else 'DIFFERENT'} results; {words[1]}; one removed: {words[2]}", flush=True)
    if not good:
        print(there.stdout, there.stderr[-3000:])
    return good


def check_evaluation(name: str, url: str, options: str, folder: Path) -> bool:
    """Whether a benchmark in a store has the figures of one in a folder."""
    from srgan_tf.workers import Store

    (folder / "Set/HR").mkdir(parents=True)
    store = Store(options)
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 256, (40 + 4 * number, 48, 3), np.uint8)
        path = folder / f"Set/HR/{number}.png"
        Image.fromarray(noise).resize((96, 96)).save(path)
        store.put(path, f"{url}/Set/HR/{path.name}")
    here = evaluate(folder / "one", f"--benchmark={folder}/Set", "--cache=")
    arguments = f"--benchmark={url}/Set", f"--cache={url}/cache", f"--beam={options}"
    start = time.time()
    there = evaluate(folder / "two", *arguments)
    first, kept, start = time.time() - start, entries(store, f"{url}/cache"), time.time()
    again = evaluate(folder / "three", *arguments)
    seconds, written = time.time() - start, kept != entries(store, f"{url}/cache")
    tables = [json.loads(file.read_text())["datasets"] if (file := folder / one / "results.json").exists() else None
              for one in ("one", "two", "three")]
    equal = tables[0] is not None and tables[0] == tables[1] == tables[2]
    good = equal and len(kept) >= ENTRIES and not written
    print(f"{name}: figures of `evaluate` are {'equal' if equal else 'DIFFERENT'}; {len(kept)} entries in the cache, "
          f"again {'SOME WRITTEN' if written else 'none written'}; {first:.0f} s, again {seconds:.0f} s", flush=True)
    if not good:
        print(*(done.stdout + done.stderr[-3000:] for done in (here, there, again)))
    return good


def entries(store: Any, cache: str) -> dict[str, float]:
    """When each entry of the cache was written."""
    from apache_beam.io.filesystems import FileSystems

    folders = (f"{cache}/{number:02x}" for number in range(256))
    return {entry: FileSystems.last_updated(entry) for folder in folders for entry in store.children(folder)}


def evaluate(output: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Runs the command."""
    command = [sys.executable, "-m", "srgan_tf.evaluate", f"--model={MODEL}", "--threads=1", f"--output={output}",
               *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def upscale(*arguments: str) -> subprocess.CompletedProcess:
    """Runs the command."""
    command = [sys.executable, "-m", "srgan_tf.upscale", f"--model={MODEL}", "--threads=1", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def free_port() -> int:
    """A port that nothing uses."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def process(code: str, port: int, folder: Path) -> Iterator[None]:
    """A server in a process of its own."""
    with (folder / "log").open("w") as log, subprocess.Popen([sys.executable, "-c", code], stdout=log,
                                                             stderr=subprocess.STDOUT, cwd=folder) as server:
        try:
            while socket.socket().connect_ex(("127.0.0.1", port)):
                if server.poll() is not None:
                    sys.exit((folder / "log").read_text())
                time.sleep(0.2)
            yield
        finally:
            server.terminate()


@contextlib.contextmanager
def s3(folder: Path) -> Iterator[tuple[str, str]]:
    """The S3 of moto."""
    import boto3

    port = free_port()
    with process(f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])", port, folder):
        boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}").create_bucket(Bucket="photos")
        yield "s3://photos", f"--s3_endpoint_url=http://127.0.0.1:{port}"


@contextlib.contextmanager
def gs(folder: Path) -> Iterator[tuple[str, str]]:
    """gcp-storage-emulator."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    port = free_port()
    code = ("from gcp_storage_emulator.server import create_server; "
            f"create_server('127.0.0.1', {port}, in_memory=True).run()")
    os.environ["STORAGE_EMULATOR_HOST"] = f"http://127.0.0.1:{port}"
    with process(code, port, folder):
        storage.Client("any", AnonymousCredentials()).create_bucket("photos")
        yield "gs://photos", "--no_auth --project=any"


@contextlib.contextmanager
def hdfs(folder: Path) -> Iterator[tuple[str, str]]:
    """A folder behind the few calls of WebHDFS that Beam makes."""
    root = folder / "hdfs"
    root.mkdir()
    handler = type("Handler", (WebHdfs,), {"root": root})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        yield "hdfs://photos", f"--hdfs_host=127.0.0.1 --hdfs_port={port} --hdfs_user=any"
        server.shutdown()


class WebHdfs(BaseHTTPRequestHandler):
    """WebHDFS (hadoop.apache.org, WebHDFS REST API) of a folder."""

    protocol_version = "HTTP/1.1"
    root: Path

    def do_GET(self) -> None:
        """GETFILESTATUS, LISTSTATUS, OPEN."""
        path, asked = self._asked()
        if not path.exists():
            answer = {"exception": "FileNotFoundException", "message": f"File does not exist: {path.name}"}
            self._answer({"RemoteException": answer}, 404)
        elif asked["op"] == "GETFILESTATUS":
            self._answer({"FileStatus": self._status(path, "")})
        elif asked["op"] == "LISTSTATUS":
            children = [path] if path.is_file() else sorted(path.iterdir())
            self._answer({"FileStatuses": {"FileStatus": [self._status(child, child.name) for child in children]}})
        else:
            start = int(asked.get("offset", 0))
            self._send(200, path.read_bytes()[start:][: int(asked.get("length", 1 << 40))])

    def do_PUT(self) -> None:
        """CREATE, in two steps as a name node and a data node have it; MKDIRS, RENAME."""
        path, asked = self._asked()
        if asked["op"] == "CREATE" and "data" not in asked:
            self._send(307, b"", Location=f"http://{self.headers['Host']}{self.path}&data=true")
        elif asked["op"] == "CREATE":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._body())
            self._send(201, b"")
        elif asked["op"] == "MKDIRS":
            path.mkdir(parents=True, exist_ok=True)
            self._answer({"boolean": True})
        else:
            target = self.root / urllib.parse.unquote(asked["destination"]).lstrip("/")
            there = target.exists()
            if not there:
                path.rename(target)
            self._answer({"boolean": not there})

    def do_DELETE(self) -> None:
        """DELETE of a file."""
        path, _ = self._asked()
        path.unlink()
        self._answer({"boolean": True})

    def _asked(self) -> tuple[Path, dict[str, str]]:
        parts = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(re.sub("^/webhdfs/v1/?", "", parts.path))
        return self.root / path, dict(urllib.parse.parse_qsl(parts.query))

    def _body(self) -> bytes:
        made = b""
        while size := int(self.rfile.readline(), 16):  # chunks
            made += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return made

    def _status(self, path: Path, name: str) -> dict[str, object]:
        state = path.stat()
        return {"pathSuffix": name, "type": "DIRECTORY" if path.is_dir() else "FILE", "length": state.st_size,
                "modificationTime": int(state.st_mtime * 1000)}

    def _answer(self, document: dict, status: int = 200) -> None:
        self._send(status, json.dumps(document).encode(), **{"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


STORES = {"s3": s3, "gs": gs, "hdfs": hdfs}

if __name__ == "__main__":
    sys.exit(main())
