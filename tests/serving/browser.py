"""A headless Chromium, driven through chromedriver's HTTP interface (W3C WebDriver)."""

import base64
import contextlib
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serving.trial import free_port

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--hide-scrollbars"]
# In place of --disable-gpu: WebGPU on a graphics card of software.
GRAPHICS = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One window."""

    def __init__(self, url: str):
        self._url = url

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()[:1000]) from error

    def open(self, url: str) -> None:
        self.call("POST", "/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, expression: str, seconds: float = 30) -> Any:
        """Waits until an expression of JavaScript is true; returns it."""
        end = time.time() + seconds
        while not (value := self.run(f"return {expression}")):
            assert time.time() < end, (expression, self.run("return document.body.innerText"))
            time.sleep(0.05)
        return value

    def choose(self, file: Path) -> None:
        found = self.call("POST", "/element", {"using": "css selector", "value": "#file"})[ELEMENT]
        self.call("POST", f"/element/{found}/value", {"text": str(file)})

    def keys(self, text: str) -> None:
        actions = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def drag(self, start: tuple[float, float], end: tuple[float, float], kind: str = "mouse") -> None:
        """Presses at a place of the window, moves, lets go."""
        moves = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 50} for x, y in (start, end)]
        actions = [moves[0], {"type": "pointerDown", "button": 0}, moves[1], {"type": "pointerUp", "button": 0}]
        self.call("POST", "/actions", {"actions": [
            {"type": "pointer", "id": kind, "parameters": {"pointerType": kind}, "actions": actions}]})

    def devtools(self, command: str, **parameters: Any) -> Any:
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def screenshot(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    def log(self, kind: str) -> list[dict]:
        return self.call("POST", "/se/log", {"type": kind})

    def requests(self) -> list[str]:
        """Addresses that the page has asked for since the last call, the network's answers aside."""
        messages = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [message["params"]["request"]["url"] for message in messages
                if message["method"] == "Network.requestWillBeSent"]


@contextlib.contextmanager
def browsing(downloads: Path, width: int = 1280, height: int = 800, phone: bool = False,
             graphics: bool = False) -> Iterator[Browser]:
    """A browser; on a phone its window is `width` by `height` CSS pixels of three by three, and touched."""
    given = [*(one for one in ARGUMENTS if not graphics or one != "--disable-gpu"), *(GRAPHICS if graphics else ())]
    options = {"binary": BROWSER, "args": [*given, f"--window-size={width},{height}"],
               "prefs": {"download.default_directory": str(downloads)}}
    if phone:
        options["mobileEmulation"] = {"deviceMetrics": {
            "width": width, "height": height, "pixelRatio": 3, "touch": True, "mobile": True}}
    port = free_port()
    with subprocess.Popen([DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as driver:
        try:
            root = Browser(f"http://127.0.0.1:{port}")
            _until_ready(root)
            session = root.call("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": options,
                "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"}}}})["sessionId"]
            browser = Browser(f"http://127.0.0.1:{port}/session/{session}")
            try:
                yield browser
            finally:
                browser.call("DELETE", "")
        finally:
            driver.terminate()


def download(folder: Path, pattern: str, seconds: float = 30) -> Path:
    """The file that the browser has saved, when it is whole: not empty, no longer growing, and nothing under way."""
    before, end = None, time.monotonic() + seconds
    while time.monotonic() < end:
        files = list(folder.glob("*"))
        now = [(file, file.stat().st_size) for file in files if file.match(pattern)]
        if now and now == before and all(size for _, size in now) and not any(
                file.suffix == ".crdownload" for file in files):
            return now[0][0]
        before = now
        time.sleep(0.1)
    raise AssertionError(f"no download {pattern} in {folder}")


def _until_ready(root: Browser) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError):
            return root.call("GET", "/status")
        time.sleep(0.05)
    raise AssertionError("chromedriver does not answer")
