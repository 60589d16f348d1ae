"""The graphics card on a site: WebGPU on SwiftShader, which is software, and what goes wrong with such cards.

Faults are those of a browser whose WebGPU has them: code that runs ahead of the page's worker in a copy of the site.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data
from web_browser import Browser, browsing, expected, load, select, served, upscaled

FORCE = "?webgpu=force"
DEVICE, NOTE = ("document.getElementById('device')", "document.getElementById('device_note').innerText")
# One number of what is read from the graphics card is off by a grey level.
WRONG = """
const map = GPUBuffer.prototype.getMappedRange;
GPUBuffer.prototype.getMappedRange = function (...part) {
  const found = map.apply(this, part);
  if (this.usage & GPUBufferUsage.MAP_READ) new Float32Array(found)[99] += 1 / 255;
  return found;
};
"""
# The graphics card is lost with the third tile: the first one has two results, the second of which is timed.
LOST = """
const request = GPUAdapter.prototype.requestDevice, map = GPUBuffer.prototype.mapAsync;
let device = null, results = 0;
GPUAdapter.prototype.requestDevice = async function (...wish) {
  return (device = await request.apply(this, wish));
};
GPUBuffer.prototype.mapAsync = function (...part) {
  if (++results === 4) device.destroy();
  return map.apply(this, part);
};
"""
HARDWARE = "Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { get: () => false })"


@contextlib.contextmanager
def opened(page: Browser, site: Path, folder: Path, query: str = "", fault: str = "") -> Iterator[None]:
    """The site in a browser, at an address of its own; with a fault of the worker's WebGPU."""
    if fault:
        copy = folder / "faulty"
        shutil.copytree(site, copy, copy_function=os.link)
        worker = (copy / "worker.js").read_text()
        (copy / "worker.js").unlink()
        (copy / "worker.js").write_text(f"{{{fault}}}\n{worker}")
        site = copy
    try:
        with served(site) as url:
            load(page, url + query)
            yield
    finally:
        shutil.rmtree(folder / "faulty", ignore_errors=True)


def made(page: Browser, entry: dict, file: Path, folder: Path, device: str = "Graphics card") -> np.ndarray:
    """What the page makes of a file, on a device."""
    select(page, "model", entry["title"])
    page.wait(f"!{DEVICE}.parentElement.hidden && !{DEVICE}.disabled")
    select(page, "device", device)
    shutil.rmtree(folder / "down", ignore_errors=True)
    pixels = upscaled(page, file, folder, 300)
    note = page.run(f"return {NOTE}")
    print(f"  {device}: {page.run('return document.getElementById(`facts`).innerText')}. {note}")
    return pixels


def check_graphics(site: Path, entry: dict, folder: Path) -> None:
    """A model of floats by processor and graphics card, faults, and a model of int8."""
    file = folder / "strip.png"  # three tiles
    Image.fromarray(data.astronaut()[100:200]).save(file)
    right = expected(site, entry, file).astype(int)
    with browsing(folder, graphics=True) as page:
        page.devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder / "down"))
        with opened(page, site, folder):
            assert page.run(f"return {DEVICE}.parentElement.hidden")
        print("a graphics card of software is not offered")
        with opened(page, site, folder, FORCE):
            plain = made(page, entry, file, folder, "Processor").astype(int)
            compare(page, plain, made(page, entry, file, folder), right, "both make the same")
            check_int8(page, site, file)
        print("one that gives wrong numbers:")
        with opened(page, site, folder, FORCE, WRONG):
            compare(page, plain, made(page, entry, file, folder), right, "its result differs", exact=True)
        print("one that is lost:")
        with opened(page, site, folder, FORCE, LOST):
            compare(page, plain, made(page, entry, file, folder), right, "it was lost")
            compare(page, plain, made(page, entry, file, folder), right, "it was lost")  # chosen anew, in a new worker
        print("one that is slow, and does not say that it is software:")
        page.devtools("Page.addScriptToEvaluateOnNewDocument", source=HARDWARE)
        with opened(page, site, folder):
            compare(page, plain, made(page, entry, file, folder), right, "it takes", exact=True)


def compare(page: Browser, plain: np.ndarray, image: np.ndarray, right: np.ndarray, words: str,
            exact: bool = False) -> None:
    """Holds a result against that of the processor alone and that of `upscale`, and looks for words in the note."""
    for other, name in ((plain, "the processor"), (right, "upscale")):
        difference = np.abs(image.astype(int) - other)
        print(f"  at most {difference.max()} grey levels from {name}, on {(difference > 0).mean():.4%} of the numbers")
        assert difference.max() <= 1, name
    assert not exact or (image == plain).all()
    note = page.run(f"return {NOTE}")
    assert words in note, note
    used = "both" in words
    assert page.run(f"return {DEVICE}.value") == ("card" if used else "processor")


def check_int8(page: Browser, site: Path, file: Path) -> None:
    """A model of int8 is left to the processor."""
    models = json.loads((site / "models.json").read_text())["models"]
    title = next(one["title"] for one in models if one["quantization"] == "int8")
    select(page, "model", title)
    assert page.run(f"return {DEVICE}.disabled && {DEVICE}.value") == "processor"
    print(f"  {title}: {page.run(f'return {NOTE}')}")
