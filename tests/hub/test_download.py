"""Downloads from a server on loopback that does what servers do: well, wrongly, slowly, half."""

import hashlib
import http.server
import threading
import time
import urllib.parse
import urllib.request

import numpy as np
import pytest

from srgan_tf.hub import download as module
from srgan_tf.hub.download import download
from srgan_tf.hub.kept import cache_folder, digest_of

DATA = np.random.default_rng(0).bytes(300_000)
SUM = hashlib.sha256(DATA).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Behaves as the path says."""

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Range")))
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        kind = self.path.strip("/")
        if kind == "redirect":
            self.send_response(302)
            self.send_header("Location", "/good")
            self.end_headers()
        elif kind == "redirect_to_file":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
        elif kind == "missing":
            self.send_error(404, "Not \x1b here")
        elif kind == "busy" and len(self.server.seen) < 3:
            self.send_error(503)
        elif start >= len(DATA):
            self.send_error(416)
        else:
            self.send(kind, start)

    def send(self, kind: str, start: int) -> None:
        resumed = start and kind != "no_ranges"
        data = DATA[start:] if resumed else DATA
        if kind == "longer":
            data += bytes(10)
        self.send_response(206 if resumed else 200)
        if resumed:
            self.send_header("Content-Range", f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
        if kind != "no_length":
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if kind == "broken" or (kind == "broken_once" and len(self.server.seen) == 1):
            data = data[: len(data) // 2]
        if kind == "slow":
            self.wfile.write(data[:1000])
            time.sleep(0.6)
            return
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.url = [], f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_whole(server, tmp_path):
    for number, kind in enumerate(("good", "redirect", "no_length", "busy", "no_ranges")):
        target = tmp_path / "new" / str(number)
        download(f"{server.url}/{kind}", target, SUM, len(DATA))
        assert target.read_bytes() == DATA
        assert digest_of(target) == SUM
        assert [path.name for path in target.parent.glob("*.part")] == []


@pytest.mark.parametrize("kind", ["good", "no_ranges", "broken_once"])
def test_resumed(kind, server, tmp_path):
    (tmp_path / "x.part").write_bytes(DATA[:1234])
    download(f"{server.url}/{kind}", tmp_path / "x", SUM, len(DATA))
    assert (tmp_path / "x").read_bytes() == DATA
    assert server.seen[0][1] == "bytes=1234-"
    assert len(server.seen) == (2 if kind == "broken_once" else 1)


def test_cut_off_again_and_again(server, tmp_path):
    with pytest.raises(OSError, match=r"broke after .* bytes are kept, and the same command continues"):
        download(f"{server.url}/broken", tmp_path / "x", SUM, len(DATA))
    assert len(server.seen) == module.TRIES
    kept = (tmp_path / "x.part").read_bytes()
    assert kept == DATA[: len(kept)]
    assert len(kept) > len(DATA) // 2
    download(f"{server.url}/good", tmp_path / "x", SUM, len(DATA))
    assert (tmp_path / "x").read_bytes() == DATA


def test_whole_but_for_its_name(server, tmp_path):
    (tmp_path / "x.part").write_bytes(DATA)
    download(f"{server.url}/good", tmp_path / "x", SUM, len(DATA))
    assert (tmp_path / "x").read_bytes() == DATA
    assert server.seen == []


def test_what_was_kept_is_of_another_file(server, tmp_path):
    (tmp_path / "x.part").write_bytes(DATA + b"more")
    download(f"{server.url}/good", tmp_path / "x", SUM)
    assert (tmp_path / "x").read_bytes() == DATA


@pytest.mark.parametrize(("kind", "total", "size", "said"), [
    ("good", "0" * 64, 0, "the SHA-256"), ("good", "", len(DATA) + 1, "300,000 bytes instead of 300,001"),
    ("longer", SUM, 0, "the SHA-256"), ("longer", SUM, len(DATA), "300,010 bytes long; at most 300,000"),
    ("no_length", SUM, 200_000, "longer than the 200,000 bytes"),
])
def test_wrong_file_is_not_kept(kind, total, size, said, server, tmp_path):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        download(f"{server.url}/{kind}", tmp_path / "x", total, size)
    assert said in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kind", "said"), [
    ("missing", "answers 404 Not"), ("redirect_to_file", "not allowed"),
])
def test_what_the_server_does_not_have(kind, said, server, tmp_path):
    with pytest.raises(OSError, match=r"^[^\n]+$") as caught:
        download(f"{server.url}/{kind}", tmp_path / "x")
    assert said in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert not (tmp_path / "x").exists()


def test_redirect_to_what_can_be_read_on_the_way():
    request = urllib.request.Request("https://example.org/a")
    with pytest.raises(OSError, match=r"redirects from https to http://example\.org/b"):
        module._Redirects().redirect_request(request, None, 302, "", {}, "http://example.org/b")


def test_slow(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.1)
    monkeypatch.setattr(module, "TRIES", 2)
    with pytest.raises(OSError, match="timed out"):
        download(f"{server.url}/slow", tmp_path / "x")
    assert len(server.seen) == 2


def test_nobody_listens(tmp_path, server, monkeypatch):
    monkeypatch.setattr(module, "TRIES", 1)
    url = f"http://127.0.0.1:{server.server_port}"
    server.server_close()
    with pytest.raises(OSError, match=rf"cannot be downloaded: .*; or save it as {tmp_path}/x, or wait$"):
        download(urllib.parse.urljoin(url, "x"), tmp_path / "x", instead=", or wait")


def test_two_at_a_time(server, tmp_path):
    threads = [threading.Thread(target=download, args=(f"{server.url}/good", tmp_path / "x", SUM)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "x").read_bytes() == DATA
    assert len(server.seen) == 1


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("SRGAN_TF_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("SRGAN_TF_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "srgan_tf" / "models"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(module.Path, "home", lambda: (_ for _ in ()).throw(RuntimeError()))
    with pytest.raises(ValueError, match="set SRGAN_TF_CACHE to a folder"):
        cache_folder()
