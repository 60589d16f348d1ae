"""The page in a real browser, on a desktop and on a phone."""

import contextlib
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from serving.browser import BROWSER, DRIVER, browsing, download
from serving.trial import upscaled

pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="needs a browser: apt-get install chromium chromium-driver")
DONE = "document.getElementById('download').offsetParent !== null"
FAILED = "!document.getElementById('error').hidden && document.getElementById('error').innerText"
TAB, LEFT, ENTER, ESCAPE = "\ue004", "\ue012", "\ue007", "\ue00c"


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
    return opened(desktop, server)


def opened(browser, server):
    browser.open(f"http://127.0.0.1:{server.rest}/")
    browser.wait("document.getElementById('times').options.length")
    return browser


def start(page, file):
    page.choose(file)
    page.wait("document.getElementById('start').offsetParent && !document.getElementById('start').disabled")
    page.run("document.getElementById('start').click()")


def downloaded(page, folder, file):
    """What the page makes of a file, as a file."""
    page.devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder / "down"))
    start(page, file)
    page.wait(DONE)
    page.run("document.getElementById('download').click()")
    return download(folder / "down", f"{file.stem}_x2{file.suffix}")


def result(page, folder, file):
    """What the page makes of a PNG file."""
    with Image.open(downloaded(page, folder, file)) as made:
        return made.mode, np.asarray(made)


def line(browser) -> float:
    return float(browser.run("return document.getElementById('divider').style.left").rstrip("%"))


def scale(browser) -> int:
    return int(browser.run("return document.getElementById('zoom').innerText").split()[0])


def test_upscale_compare_zoom_download(page, server, image, tmp_path, photo):
    mode, pixels = result(page, tmp_path, image)
    assert mode == "RGB"
    np.testing.assert_array_equal(pixels, upscaled(photo[:120, :160], 30))
    assert "160 × 120 → 320 × 240" in page.run("return document.getElementById('facts').innerText")

    box = page.run("const b = stage.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]")
    middle = box[1] + box[3] / 2
    page.drag((box[0] + box[2] / 2, middle), (box[0] + box[2] / 4, middle))
    assert abs(line(page) - 25) < 1
    page.run("document.getElementById('stage').focus()")
    page.keys("0")
    least = scale(page)
    page.keys("++")
    assert scale(page) > least
    page.run("stage.dispatchEvent(new WheelEvent('wheel', {deltaY: -500, clientX: 300, clientY: 300}))")
    assert scale(page) > 1.5 * least
    page.run("document.getElementById('divider').focus()")
    page.keys(LEFT)
    assert abs(line(page) - 24) < 1

    asked = [url for url in page.requests() if not url.startswith(("data:", "blob:"))]
    root = f"http://127.0.0.1:{server.rest}/"
    assert {url.partition(root)[2] for url in asked} >= {"v1/models/tiny/metadata", "app.js", "worker.js"}
    assert all(url.startswith(root) for url in asked), asked
    assert [entry for entry in page.log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("kind", ["grey", "tiles", "alpha"])
def test_what_is_sent_in_tiles_comes_back_as_one(page, tmp_path, photo, kind):
    """A request holds a tile, whatever the image: that of "tiles" would be too large for this server as a whole."""
    colour = np.concatenate([photo[:120], photo[120:240]], axis=1)[:60] if kind == "tiles" else photo[:40, :50]
    alpha = np.full(colour.shape[:2], 255, np.uint8)
    alpha[:, :10] = 0
    sent = {"grey": colour[..., 0], "tiles": colour, "alpha": np.dstack([colour, alpha])}[kind]
    Image.fromarray(sent).save(tmp_path / f"{kind}.png")
    mode, pixels = result(page, tmp_path, tmp_path / f"{kind}.png")
    assert mode == {"grey": "L", "tiles": "RGB", "alpha": "RGBA"}[kind]
    if kind == "tiles":
        assert sent.shape[1] > 384
        np.testing.assert_array_equal(pixels, upscaled(sent, 30))
    if kind == "alpha":
        assert (pixels[:, :18, 3] == 0).all()
        assert (pixels[:, 22:, 3] == 255).all()
        right = upscaled(sent[..., :3], 30)[:, 60:].astype(int)  # far from what is transparent
        assert np.abs(pixels[:, 60:, :3] - right).max() <= 1


def test_the_browser_itself_forbids_other_origins(page):
    script = "return fetch('http://localhost:9/').then(() => 'taken', (error) => 'refused')"
    assert page.run(script) == "refused"
    assert any("Content Security Policy" in entry["message"] for entry in page.log("browser"))


def test_images_stand_upright(page, tmp_path, photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photo[:100, :200]).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    start(page, tmp_path / "turned.jpg")
    page.wait(DONE)
    assert "100 × 200 → 200 × 400" in page.run("return document.getElementById('facts').innerText")


@pytest.mark.parametrize("name", ["two.gif", "two.webp", "two.png", "one.gif"])
def test_of_an_animation_the_first_image_is_taken_and_that_is_said(page, tmp_path, photo, name):
    first, *others = [Image.fromarray(photo[start:][:40, :50]) for start in (0, 60)]
    first.save(tmp_path / name, save_all=True, append_images=others if name.startswith("two") else [])
    page.choose(tmp_path / name)
    page.wait("document.getElementById('start').offsetParent")
    said = "; of this animation the first image alone" in page.run("return document.getElementById('facts').innerText")
    assert said == name.startswith("two")


def test_errors_in_words(page, tmp_path, image):
    (tmp_path / "text.png").write_text("no image")
    page.choose(tmp_path / "text.png")
    assert page.wait(FAILED) == "text.png: this browser cannot read it as an image."
    Image.open(image).convert("RGB").save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:1500])
    page.choose(tmp_path / "cut.jpg")
    page.wait(FAILED.replace("innerText", "innerText.includes('cut.jpg: it was cut off: its end is missing.')"))
    page.run("globalThis.Worker = class {"
             "postMessage() { this.onmessage({data: {kind: 'failed', message: 'no server'}}) }}")
    start(page, image)
    page.wait(FAILED.replace("innerText", "innerText.includes('cat.png: no server')"))
    assert page.run("return document.getElementById('start').offsetParent !== null")  # it can be tried again


def test_a_phone(server, tmp_path, image):
    with browsing(tmp_path, 390, 844, phone=True) as phone:
        start(opened(phone, server), image)
        phone.wait(DONE)
        assert phone.run("return document.documentElement.scrollWidth <= innerWidth")
        buttons = "return [...document.querySelectorAll('button, select')].map((e) => e.offsetHeight).filter((h) => h)"
        assert min(phone.run(buttons)) >= 44
        phone.run("document.getElementById('stage').focus(); scrollTo(0, 0)")
        phone.keys("0")
        box = phone.run("const b = stage.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]")
        middle = box[1] + box[3] / 2
        phone.drag((195, middle), (300, middle), "touch")  # the whole image is seen: the line follows the finger
        assert abs(line(phone) - 100 * (300 - box[0]) / box[2]) < 3
        touches = [[{"x": 195 + side * apart, "y": middle, "id": (side + 1) // 2} for side in (-1, 1)]
                   for apart in (30, 60, 90)]
        before = scale(phone)
        for kind, points in zip(("touchStart", "touchMove", "touchMove"), touches, strict=True):
            phone.devtools("Input.dispatchTouchEvent", type=kind, touchPoints=points)
        phone.devtools("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        assert scale(phone) > 1.5 * before


def test_keyboard_alone(page, image):
    focus = "return document.activeElement.id"
    page.keys(TAB)
    assert page.run(focus) == "choose"
    page.choose(image)
    page.wait("document.activeElement.id === 'start'")
    page.keys(ENTER + ESCAPE)  # cancelled, or done before that
    page.wait("['start', 'download'].includes(document.activeElement.id)")
    if page.run(focus) == "start":
        page.keys(ENTER)
    page.wait("document.activeElement.id === 'download'")
    order = []
    page.run("document.getElementById('stage').focus()")
    for _ in range(4):
        page.keys(TAB)
        order.append(page.run(focus))
    assert order == ["divider", "out", "zoom", "in"]


def test_focus_stays_where_images_are_removed(page, tmp_path, photo):
    for number in range(3):
        Image.fromarray(photo[:20, :30]).save(tmp_path / f"{number}.png")
        page.choose(tmp_path / f"{number}.png")
        page.wait(f"document.querySelectorAll('#list li').length === {number + 1}")
    page.run("document.querySelectorAll('#list .drop')[2].focus()")
    places = []
    for _ in range(2):
        page.keys(ENTER)
        places.append(page.run("const { id, ariaLabel } = document.activeElement; return id || ariaLabel"))
    assert places == ["Remove 1.png", "add"]


def test_removing_the_image_at_work_leaves_the_others(page, tmp_path, photo):
    for name in "ab":
        Image.fromarray(photo[:20, :30]).save(tmp_path / f"{name}.png")
        page.choose(tmp_path / f"{name}.png")
    page.wait("document.querySelectorAll('#list li').length === 2")
    page.run("document.getElementById('start').click(); document.querySelector('#list .drop').click()")
    page.wait("document.querySelector('#list li').dataset.state === 'done'")
    assert page.run("return document.querySelector('#list .name').textContent") == "b.png"
    assert page.run("return document.querySelectorAll('#list li').length") == 1


SAVE = """
  const [width, type] = arguments, { saved } = await import("./saving.js"), canvas = new OffscreenCanvas(width, 1);
  canvas.getContext("2d");
  try {
    const result = { blob: await canvas.convertToBlob(), width, height: 1, times: 4 };
    return (await createImageBitmap((await saved({ file: { name: "a" }, result }, type)).blob)).width;
  } catch (error) {
    return error.message;
  }
"""


def test_a_result_that_is_wider_than_its_format_holds_is_not_cut(page):
    for most, kind in ((16383, "webp"), (65500, "jpeg")):
        assert page.run(SAVE, most, f"image/{kind}") == most
    said = page.run(SAVE, 16384, "image/webp")
    assert said.startswith("16384 × 1 pixels are more than WEBP holds, 16383 a side: choose PNG"), said


SHOW = """
  const { showBoth } = await import("./compare.js");
  const canvas = new OffscreenCanvas(1600, 1000), context = canvas.getContext("2d");
  for (let turn = 0; turn < arguments[0]; turn++) {
    context.fillStyle = `hsl(${36 * turn} 100% 50%)`;
    context.fillRect(0, 0, 1600, 1000);
    const blob = await canvas.convertToBlob();
    await showBoth(blob, blob.slice(), 1600, 1000);
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  }
"""


def test_pixels_of_images_shown_before_are_freed(page):
    """Chromium keeps those of <img> elements, in memory that it shares between processes: 12 MB for each of these."""
    page.run("document.body.dataset.state = 'ready'")  # the stage is seen
    page.run(SHOW, 2)
    before = shared_memory()
    page.run(SHOW, 10)
    assert shared_memory() - before < 25e6


def shared_memory() -> int:
    """Bytes of shared memory in the renderers of the browsers that run below this process."""
    total = 0
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"--type=renderer" in (path / "cmdline").read_bytes() and descends(path, os.getpid()):
                total += int(re.search(r"Pss_Shmem: +(\d+)", (path / "smaps_rollup").read_text())[1]) * 1024
    return total


def descends(path: Path, ancestor: int) -> bool:
    while (parent := int((path / "stat").read_text().rpartition(")")[2].split()[1])) > 1:
        if parent == ancestor:
            return True
        path = Path(f"/proc/{parent}")
    return False


PTS = [0, 40, 41, 100, 260]  # milliseconds


def clip(folder, name, **options):
    """A clip, and the colours of its first frame as it is shown."""
    pytest.importorskip("av")
    from video.made_clips import chart, make_clip

    frames = [chart(shift=shift) for shift in range(len(options.get("pts", PTS)))]
    return make_clip(folder / name, frames, **{"pts": PTS, **options}), 255 * frames[0]


@pytest.mark.parametrize(("name", "options"), [
    ("clip.mp4", {"audio": True, "rotation": 90}),  # H.264 with frames out of order, BT.709
    ("clip.mkv", {"audio": True, "tagged": False, "codec": "libvpx-vp9"})])
def test_a_clip_keeps_its_times_sound_and_colours(page, tmp_path, name, options):
    from srgan_tf.video.yuv import Colour

    bt601 = {"colour": Colour(6, 1, 1, False)} if not options.get("tagged", True) else {}
    source, image = clip(tmp_path, name, **options, **bt601)
    from video.made_clips import colours_of, decoded, packets, patches, times

    target = downloaded(page, tmp_path, source)
    upright = np.rot90(image) if "rotation" in options else image
    first = decoded(target)[0]
    assert (first.height, first.width) == (2 * upright.shape[0], 2 * upright.shape[1])
    off = np.abs(colours_of(first, 2) - np.minimum(patches(upright, 1) + 30, 255))
    assert off.mean() < 2  # it was encoded twice
    assert off.max() < 8
    assert times(target) == times(source)
    assert packets(target, "audio") == packets(source, "audio")
    said = page.run("return document.getElementById('facts').innerText")
    assert f"5 frames, {source.suffix[1:].upper()} of" in said
    assert "with its sound" in said


def test_clips_that_are_not_taken(page, tmp_path):
    source, _ = clip(tmp_path, "clip.mp4")
    content = source.read_bytes()
    clip(tmp_path, "long.mkv", pts=[0, 30000, 61000])
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.mp4").write_text("this is no clip")
    for name, words in (("long.mkv", "it is 62 s long, and this page takes 60 s at most"),
                        ("cut.mp4", "it was cut off"),
                        ("text.mp4", "it is neither MP4, QuickTime, WebM nor Matroska")):
        page.choose(tmp_path / name)
        page.wait(f"document.getElementById('error').innerText.startsWith('{name}: {words}')")
    page.run("delete globalThis.VideoDecoder")
    page.choose(source)
    page.wait("document.getElementById('error').innerText.startsWith('clip.mp4: this browser has no WebCodecs')")
    assert page.run("return document.body.dataset.state") == "empty"
