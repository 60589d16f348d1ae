"""What tools/check_web.py measures: time, and the memory that a large photograph and many images take."""

import time
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data
from web_browser import Browser, browsing, choose, download, expected, offline, resident, select, served, upscaled

PEER_SIZE = 128, 128


def check_batch(page: Browser, folder: Path, count: int) -> None:
    """Memory over many images."""
    page.run("document.getElementById('clear').click()")
    files = []
    for number in range(count):
        files.append(folder / f"batch{number}.png")
        Image.fromarray(np.roll(data.astronaut(), 17 * number, axis=1)[: 200 + number % 3, :320]).save(files[-1])
    choose(page, files)
    page.wait(f"document.querySelectorAll('#list li').length === {count}")
    page.run("document.getElementById('start').click()")
    memory, done = [], "return document.querySelectorAll('[data-state=done]').length"
    while len(memory) < count:
        if page.run(done) > len(memory):
            memory.append(resident())
        time.sleep(0.05)
    print(f"{count} images: {memory[2] >> 20} MiB of Chromium after the third, {memory[-1] >> 20} MiB after the last; "
          f"every fifth: {[one >> 20 for one in memory[::5]]}")
    assert memory[-1] < memory[2] * 1.25, memory
    page.run("document.getElementById('all').click()")
    print(f"all: {download(folder / 'down', 'upscaled.zip').stat().st_size:,} bytes of ZIP")


def check_photo(site: Path, folder: Path, times: str) -> None:
    """12 megapixels on a phone."""
    tile = data.astronaut()
    pixels = np.tile(tile, (6, 8, 1))[:3000, :4000]
    Image.fromarray(pixels).save(folder / "phone.jpg", quality=92)
    with offline(site, folder, width=390, height=844, phone=True) as page:
        select(page, "model", "mobile_x4")
        choose(page, [folder / "phone.jpg"])
        select(page, "times", times)
        before, start, most = resident(), time.time(), 0
        page.run("document.getElementById('start').click()")
        while not page.run("return !!document.getElementById('download').offsetParent"):
            most = max(most, resident())
            time.sleep(0.5)
            assert page.run("return document.getElementById('error').hidden"), page.run("return error.innerText")
        print(f"4000x3000 on a phone, {times}: {time.time() - start:.0f} s; Chromium {before >> 20} MiB before, "
              f"{most >> 20} MiB at most; {page.run('return document.getElementById(`facts`).innerText')}")
        page.screenshot(folder / "phone.png")
        page.run("document.getElementById('download').click()")
        Image.MAX_IMAGE_PIXELS = None  # 192 megapixels are no attack
        with Image.open(download(folder / "down", "phone_x*.png")) as image:
            print(f"its file: {image.size}")


def measure(page: Browser, site: Path, entry: dict, folder: Path) -> None:
    """Seconds a megapixel of output, the browser and Python taking turns."""
    turns = []
    for _ in range(3):
        made = upscaled(page, folder / "large.png", folder)
        seconds = float(page.run("return document.getElementById('facts').innerText.match(/([0-9.]+)\\ss$/)[1]"))
        for file in (folder / "down").glob("large_x*"):
            file.unlink()
        start = time.time()
        expected(site, entry, folder / "large.png")
        megapixels = made.shape[0] * made.shape[1] / 1e6
        turns.append((seconds / megapixels, (time.time() - start) / megapixels))
    ratios = sorted(browser / python for browser, python in turns)
    print(f"{entry['title']}: seconds a megapixel, browser and Python in turn: "
          + ", ".join(f"{one:.2f} and {two:.2f}" for one, two in turns) + f"; ratio {ratios[1]:.2f} (median)")


def measure_peer(peer: Path, folder: Path) -> None:
    """Seconds a megapixel of output of UpscalerJS's esrgan-slim: the built site of web/peer, in the same browser."""
    with served(peer) as url, browsing(folder) as page:
        page.open(url)
        page.wait("typeof upscaled === 'function'")
        turns = []
        for height, width in 4 * [PEER_SIZE]:  # the first one loads the model
            page.run("upscaled(...arguments).then((one) => { globalThis.turn = one })", height, width)
            turns.append(page.wait("globalThis.turn", 300))
            page.run("globalThis.turn = null")
    print(f"esrgan-slim of UpscalerJS by TensorFlow.js' {turns[0]['backend']}: seconds a megapixel "
          + ", ".join(f"{turn['seconds'] / turn['megapixels']:.2f}" for turn in turns[1:]))
