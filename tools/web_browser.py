"""A site of `export --format=web` in a headless Chromium whose web server is gone, for tools/check_web.py."""

import contextlib
import functools
import http.server
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image, ImageOps

from srgan_tf.inference.tiling import upscale_tiled
from srgan_tf.runtimes.litert import litert_runtime

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from serving.browser import Browser, browsing, download

READY, DONE = "document.body.dataset.offline === 'ready'", "document.body.dataset.state === 'ready'"


class Handler(http.server.SimpleHTTPRequestHandler):
    """As any web server of static files."""

    extensions_map: ClassVar[dict[str, str]] = {
        **http.server.SimpleHTTPRequestHandler.extensions_map, ".wasm": "application/wasm"}

    def log_message(self, *arguments: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """A web server of a folder; its URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def offline(site: Path, folder: Path, **window: int | bool) -> Iterator[Browser]:
    """A browser that has loaded the site from a server which is then gone."""
    with browsing(folder, **window) as page:
        with served(site) as url:
            load(page, url)
        page.open(url)
        page.wait(READY, 60)
        page.devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder / "down"))
        page.devtools("Network.disable")  # which keeps what was loaded, blobs too, in the memory that is measured here
        yield page


def load(page: Browser, url: str) -> None:
    """Opens a site, and waits until the browser has all of it."""
    page.open(url)
    with contextlib.suppress(AssertionError):  # the page loads itself anew once, for threads
        page.wait(READY, 60)
    page.wait(READY, 60)


def choose(page: Browser, files: list[Path]) -> None:
    """Adds files to the list."""
    page.choose("\n".join(map(str, files)))
    page.wait("document.querySelectorAll('#list li').length > 0 || !document.getElementById('error').hidden")


def select(page: Browser, name: str, label: str) -> None:
    """Chooses an entry of a box."""
    page.run("const box = document.getElementById(arguments[0]);"
             "box.selectedIndex = [...box.options].findIndex(one => one.text === arguments[1]);"
             "box.dispatchEvent(new Event('change'))", name, label)


def upscaled(page: Browser, file: Path, folder: Path, seconds: float = 120) -> np.ndarray:
    """What the page makes of one file."""
    page.run("document.getElementById('clear').click()")
    choose(page, [file])
    page.run("document.getElementById('start').click()")
    page.wait("document.getElementById('download').offsetParent || !document.getElementById('error').hidden", seconds)
    assert page.run("return document.getElementById('error').hidden"), page.run("return document.body.innerText")
    page.run("document.getElementById('download').click()")
    return np.asarray(Image.open(download(folder / "down", f"{file.stem}_x*.png")))


def expected(site: Path, entry: dict, file: Path) -> np.ndarray:
    """What `upscale` makes of it, by the page's tiles."""
    image = ImageOps.exif_transpose(Image.open(file))
    pixels = np.asarray(image)
    runtime = litert_runtime(site / entry["file"], os.cpu_count() or 1)
    return upscale_tiled(runtime, pixels if pixels.ndim == 3 else pixels[..., None], tile=entry["tile"])


def resident() -> int:
    """Bytes that the browser's processes hold, what they share counted once."""
    parents, drivers = {}, {os.getpid()}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            name, _, rest = (path / "stat").read_text().partition("(")[2].rpartition(")")
            parents[int(path.name)] = int(rest.split()[1])
            drivers |= {int(path.name)} if name == "chromedriver" else set()
    total = 0
    for one in parents:
        above = one
        while above in parents and above != os.getpid():
            above = parents[above]
        if above == os.getpid() and one not in drivers:
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{one}/smaps_rollup").read_text()
                total += int(text.split("\nPss:")[1].split()[0]) * 1024
    return total
