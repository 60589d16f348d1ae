"""`upscale --server=URL,URL`: servers that share the work, and what is left of it when one goes away."""

import http.server
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from runtimes.test_remote import Scripted

from srgan_tf.errors import UserError
from srgan_tf.inference import Upscaler
from srgan_tf.runtimes import servers
from srgan_tf.runtimes.remote import remote_runtime
from srgan_tf.runtimes.servers import Server, ServerPool
from srgan_tf.runtimes.transports import BusyError


class Counted(Scripted):
    """As Scripted, but takes a moment for each tile, and counts tiles and those at work at once."""

    def answer(self, body: bytes) -> dict:
        kind = type(self)
        with kind.lock:
            kind.tiles, kind.at_once = kind.tiles + bool(body), kind.at_once + 1
            kind.most_at_once = max(kind.most_at_once, kind.at_once)
        time.sleep(kind.seconds if body else 0)
        with kind.lock:
            kind.at_once -= 1
        return super().answer(body)


class QuietServer(http.server.ThreadingHTTPServer):
    """Says nothing of clients that have left."""

    def handle_error(self, *_: object) -> None:
        pass


@pytest.fixture
def start() -> Iterator[Callable[[], tuple[str, type]]]:
    """Starts a server; gives its URL and its class, which holds its script and its counts."""
    running = []

    def begin() -> tuple[str, type]:
        kind = type("Own", (Counted,), {"script": [], "seconds": 0.03, "tiles": 0, "at_once": 0, "most_at_once": 0,
                                        "lock": threading.Lock()})
        server = QuietServer(("127.0.0.1", 0), kind)
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/v1/models/m", kind

    yield begin
    for server in running:
        server.shutdown()
        server.server_close()


def tripled(image: np.ndarray) -> np.ndarray:
    return image.repeat(3, 0).repeat(3, 1)


def test_tiles_go_to_all_servers_at_once(start, photo):
    (one, first), (two, second) = start(), start()
    runtime = remote_runtime(f"{one},{two}", requests=2)
    assert runtime.side_by_side == 4
    image = photo[:70, :60]
    np.testing.assert_array_equal(Upscaler(runtime, tile=20, overlap=2)(image), tripled(image))
    assert min(first.tiles, second.tiles) >= 6
    assert (first.most_at_once, second.most_at_once) == (2, 2)


def test_images_go_to_all_servers_at_once(start, command, photo, tmp_path):
    (one, first), (two, second) = start(), start()
    first.seconds = second.seconds = 0.2
    for number in range(8):
        Image.fromarray(photo[number : number + 20, :30]).save(tmp_path / f"{number}.png")
    (tmp_path / "3.png").write_bytes((tmp_path / "3.png").read_bytes()[:-40])  # its end is missing
    done = command("upscale", *(f"{number}.png" for number in range(8)), f"--server={one},{two}", "--format=png")
    assert done.status == 2, done.err
    assert [line.partition(":")[0] for line in done.out.splitlines()[:7]] == [
        f"upscaled/{number}_x3.png" for number in (0, 1, 2, 4, 5, 6, 7)]
    assert done.err.count("failed: 3.png") == 1
    assert (first.most_at_once, second.most_at_once) == (2, 2)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "upscaled/7_x3.png")), tripled(photo[7:27, :30]))


def test_the_tiles_of_a_server_that_goes_away_go_to_the_others(start, photo, capsys):
    (one, first), (two, second) = start(), start()
    runtime = remote_runtime(f"{one},{two}", retries=1)
    first.script += [None] * 1000  # it closes every connection from now on
    image = photo[:70, :60]
    np.testing.assert_array_equal(Upscaler(runtime, tile=20, overlap=2)(image), tripled(image))
    assert (first.tiles, second.tiles > 15) == (1, True)
    for _ in range(10):  # until it has been asked twice
        runtime.run(image[None, :9, :9])
        time.sleep(0.05)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"{one}: ")
    assert lines[0].endswith("(2 attempts): the other servers take its work")


def test_where_none_is_left_the_next_call_tries_again(start, photo):
    (one, first), (two, second) = start(), start()
    runtime = remote_runtime(f"{one},{two}", retries=0)
    for kind in (first, second):
        kind.script += [(503, {"error": "full"})]
    with pytest.raises(OSError, match=r"/m: HTTP status 503: full \(1 attempt\); http://.*full \(1 attempt\)"):
        runtime.run(photo[None, :9, :9])
    np.testing.assert_array_equal(runtime.run(photo[None, :9, :9])[0], tripled(photo[:9, :9]))


def test_a_server_that_does_not_answer_in_time(start, photo, capsys, monkeypatch):
    (one, first), (two, second) = start(), start()
    runtime = remote_runtime(f"{one},{two}", timeout=0.4)
    monkeypatch.setattr(first, "answer", lambda self, body: time.sleep(0.8))
    np.testing.assert_array_equal(runtime.run(photo[None, :9, :9])[0], tripled(photo[:9, :9]))
    assert capsys.readouterr().err == f"{one}: no answer in time (--server_timeout): the other servers take its work\n"
    monkeypatch.setattr(second, "answer", first.answer)
    with pytest.raises(UserError, match="no answer in time"):
        runtime.run(photo[None, :9, :9])


def test_a_server_that_comes_back(capsys, monkeypatch):
    monkeypatch.setattr(servers, "AWAY", 0.05)
    failing = [True]

    def first(images: np.ndarray) -> np.ndarray:
        if failing:
            failing.pop()
            raise BusyError("away")
        return images

    pool = ServerPool([Server("a", [first]), Server("b", [np.copy])], retries=0)
    for _ in range(2):
        assert pool.run(np.ones(1)) == 1
        time.sleep(0.06)
    assert capsys.readouterr().err == "a: away (1 attempt): the other servers take its work\na answers again\n"


def test_a_server_that_is_not_there_is_left_out(start, photo, capsys):
    one, _ = start()
    gone = "http://127.0.0.1:1/m"
    runtime = remote_runtime(f"{gone},{one}", retries=0)
    np.testing.assert_array_equal(runtime.run(photo[None, :9, :9])[0], tripled(photo[:9, :9]))
    assert capsys.readouterr().err == f"{gone}: Connection refused (1 attempt): left out\n"


@pytest.mark.parametrize(("change", "message"), [
    (lambda made: made[:, ::3, ::3], "with scale 3 and 1"),
    (lambda made: 255 - made, r"with results that differ by \d+ grey levels"),
])
def test_servers_of_different_models(start, change, message):
    (one, _), (two, second) = start(), start()
    plain = second.answer

    def answer(self, body: bytes) -> dict:
        made = plain(self, body)
        return {"outputs": change(np.array(made["outputs"])).tolist()} if body else made

    second.answer = answer
    with pytest.raises(UserError, match=f"have different models, {message}: give servers of one model"):
        remote_runtime(f"{one},{two}")
