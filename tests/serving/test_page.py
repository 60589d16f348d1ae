"""The page in a real browser, on a desktop and on a phone."""

import time

import numpy as np
import pytest
from PIL import Image
from serving.browser import BROWSER, DRIVER, browsing
from serving.trial import upscaled

pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="needs a browser: apt-get install chromium chromium-driver")
DONE = "!document.getElementById('tools').hidden"
FAILED = "!document.getElementById('error').hidden && document.getElementById('error').innerText"


@pytest.fixture
def image(tmp_path, photo):
    Image.fromarray(photo[:120, :160]).save(tmp_path / "cat.png")
    return tmp_path / "cat.png"


@pytest.fixture(scope="module")
def desktop(tmp_path_factory):
    with browsing(tmp_path_factory.mktemp("downloads")) as browser:
        yield browser


@pytest.fixture
def page(desktop, server):
    desktop.open(f"http://127.0.0.1:{server.rest}/")
    return desktop


def view(browser) -> dict:
    return browser.run("return {...view, room: stage.clientWidth}")


def test_upscale_compare_zoom_download(page, server, image, tmp_path, photo):
    page.devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "down"))
    page.requests()
    page.choose(image)
    page.wait(DONE)
    assert "160 × 120 → 320 × 240" in page.run("return facts.innerText")
    page.run("document.getElementById('download').click()")
    target = tmp_path / "down/cat_x2.png"
    for _ in range(200):
        if target.is_file():
            break
        time.sleep(0.05)
    np.testing.assert_array_equal(np.asarray(Image.open(target)), upscaled(photo[:120, :160], 30))

    box = page.run("const b = stage.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]")
    middle = box[1] + box[3] / 2
    page.drag((box[0] + box[2] / 2, middle), (box[0] + box[2] / 4, middle))
    assert abs(view(page)["line"] - 25) < 1
    assert page.run("return document.getElementById('compare').value") == "25"
    page.run("stage.focus()")
    page.keys("++")
    scale = view(page)["scale"]
    page.keys("0")
    assert view(page)["scale"] < scale
    page.run("stage.dispatchEvent(new WheelEvent('wheel', {deltaY: -500, clientX: 300, clientY: 300}))")
    assert view(page)["scale"] > 2
    page.run("document.getElementById('compare').focus()")
    page.keys("\ue012")  # left
    assert abs(view(page)["line"] - 24) < 1

    asked = [url for url in page.requests() if not url.startswith(("data:", "blob:"))]
    root = f"http://127.0.0.1:{server.rest}/"
    assert {url.partition(root)[2] for url in asked} >= {"v1/models/tiny/metadata", "v1/models/tiny:predict"}
    assert all(url.startswith(root) for url in asked), asked
    assert [entry for entry in page.log("browser") if entry["level"] == "SEVERE"] == []


def test_the_browser_itself_forbids_other_origins(page):
    script = "return fetch('http://localhost:9/').then(() => 'taken', (error) => 'refused')"
    assert page.run(script) == "refused"
    assert any("Content Security Policy" in entry["message"] for entry in page.log("browser"))


def test_images_stand_upright(page, tmp_path, photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photo[:100, :200]).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    page.choose(tmp_path / "turned.jpg")
    page.wait(DONE)
    assert "100 × 200 → 200 × 400" in page.run("return facts.innerText")


def test_errors_in_words(page, tmp_path, image):
    (tmp_path / "text.png").write_text("no image")
    page.choose(tmp_path / "text.png")
    assert page.wait(FAILED) == "This file is not an image that this browser can read."
    Image.fromarray(np.zeros((1100, 1100, 3), np.uint8)).save(tmp_path / "large.png")
    page.choose(tmp_path / "large.png")
    page.wait(FAILED.replace("innerText", "innerText.includes('image too large')"))
    noise = np.random.default_rng(0).integers(0, 256, (1600, 1600, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    page.choose(tmp_path / "noise.png")
    page.wait(FAILED.replace("innerText", "innerText.includes('the server takes 1.0 MB at most')"))
    page.devtools("Network.enable")
    network = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.devtools("Network.emulateNetworkConditions", offline=True, **network)
    try:
        page.choose(image)
        page.wait(FAILED.replace("innerText", "innerText.includes('cannot be reached')"))
    finally:
        page.devtools("Network.emulateNetworkConditions", offline=False, **network)
    page.run("again.click()")
    page.wait(DONE)


def test_a_phone(server, tmp_path, image):
    with browsing(tmp_path, 390, 844, phone=True) as phone:
        phone.open(f"http://127.0.0.1:{server.rest}/")
        phone.choose(image)
        phone.wait(DONE)
        assert phone.run("return document.documentElement.scrollWidth <= innerWidth")
        assert phone.run("return document.documentElement.scrollHeight <= innerHeight")
        buttons = "return [...document.querySelectorAll('#tools button, #tools a')].map((e) => e.offsetHeight)"
        assert min(phone.run(buttons)) >= 44
        phone.drag((195, 300), (300, 300), "touch")  # the whole image is seen: the line follows the finger
        line = view(phone)
        assert abs(line["line"] - 100 * (300 - 16) / line["room"]) < 3
        touches = [[{"x": 195 + side * apart, "y": 250, "id": (side + 1) // 2} for side in (-1, 1)]
                   for apart in (30, 60, 90)]
        before = view(phone)["scale"]
        for kind, points in zip(("touchStart", "touchMove", "touchMove"), touches, strict=True):
            phone.devtools("Input.dispatchTouchEvent", type=kind, touchPoints=points)
        phone.devtools("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        assert view(phone)["scale"] > 1.5 * before


def test_keyboard_alone(page, image):
    page.keys("\ue004")  # Tab
    assert page.run("return document.activeElement.id") == "file"
    page.choose(image)
    page.wait(DONE)
    order = []
    for _ in range(6):
        page.keys("\ue004")
        order.append(page.run("return document.activeElement.id"))
    assert order == ["compare", "out", "zoom", "in", "download", "another"]
