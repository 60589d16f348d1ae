#!/usr/bin/env python3
"""Uses a site of `export --format=web` in a headless Chromium whose web server is gone, and holds it against `upscale`.

    python tools/check_web.py web/site                     # images of every kind, the keyboard, a batch, a clip
    python tools/check_web.py web/site --photo             # a photograph of 12 megapixels on a phone: minutes
    python tools/check_web.py web/site --webgpu            # the graphics card, one of software
    python tools/check_web.py web/site --batch=30 --only=batch   # memory over many images
    (cd web/peer && npm run build)
    python tools/check_web.py web/site --time --peer=web/peer/site   # time beside Python's LiteRT, and UpscalerJS

Needs `apt-get install chromium chromium-driver`, scikit-image and, for the clip, PyAV. Prints what it found, and fails
where it is wrong.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data
from web_browser import DONE, Browser, choose, download, expected, offline, select, upscaled
from web_graphics import check_graphics
from web_times import check_batch, check_photo, measure, measure_peer

from srgan_tf.inference.tiling import upscale_tiled
from srgan_tf.runtimes.litert import litert_runtime

ESCAPE, TAB, ENTER, RIGHT = "\ue00c", "\ue004", "\ue007", "\ue014"


def images(folder: Path) -> dict[str, Path]:
    """A file of each kind."""
    photo, cat = data.astronaut()[:150, 130:330], data.chelsea()[60:180, 100:260]
    height, width = cat.shape[:2]
    alpha = np.clip(np.linspace(-60, 320, width), 0, 255).astype(np.uint8)[None].repeat(height, axis=0)
    kinds = {"rgb.png": photo, "grey.png": data.camera()[100:260, 180:340], "alpha.png": np.dstack([cat, alpha]),
             "row.png": photo[40:41], "large.png": data.astronaut()[:, 100:420]}
    for name, pixels in kinds.items():
        Image.fromarray(pixels).save(folder / name)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.fromarray(cat).save(folder / "turned.jpg", quality=98, subsampling=0, exif=exif)
    content = (folder / "turned.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(content[: len(content) // 2])
    (folder / "text.png").write_bytes(b"no image")
    return {file.name: file for file in folder.iterdir() if file.is_file()}


def check_kinds(page: Browser, site: Path, entry: dict, folder: Path) -> None:
    """Every kind of image, against `upscale`."""
    files = images(folder)
    for name in ("rgb.png", "grey.png", "alpha.png", "row.png", "large.png", "turned.jpg"):
        made, right = upscaled(page, files[name], folder), expected(site, entry, files[name])
        made = made if made.ndim == 3 else made[..., None]
        assert made.shape == right.shape, (name, made.shape, right.shape)
        difference = np.abs(made.astype(int) - right)
        if name == "alpha.png":  # colour counts as much as it is seen
            difference = difference * np.where(np.arange(4) < 3, right[..., 3:] / 255, 1)
        print(f"{entry['title']}, {name}: at most {difference.max():.2f} grey levels from upscale, "
              f"{(difference > 0).mean():.4%} of the numbers differ")
        assert difference.max() <= (2 if name == "turned.jpg" else 1.01), name  # JPEG is decoded by other software
    page.run("document.getElementById('clear').click()")
    for name, words in (("cut.jpg", "cut off"), ("text.png", "cannot read")):
        page.choose(str(files[name]))
        page.wait(f"document.getElementById('error').innerText.includes('{words}')")
        print(f"{name}: {page.run('return document.getElementById(`error`).innerText')}")


def check_formats(page: Browser, folder: Path) -> None:
    """The same result as PNG, JPEG and WebP, of an image in colour and of one with transparency."""
    for name in ("rgb.png", "alpha.png"):
        right = Image.fromarray(upscaled(page, folder / name, folder))
        for kind, ending in (("JPEG", "jpg"), ("WebP", "webp")):
            select(page, "format", kind)
            page.run("document.getElementById('download').click()")
            with Image.open(download(folder / "down", f"{Path(name).stem}_x*.{ending}")) as image:
                mode = "RGBA" if kind == "WebP" and right.mode == "RGBA" else "RGB"
                assert (image.format, image.mode) == (kind.upper(), mode), (image.format, image.mode)
                shown = [on_white(one) for one in (image, right)]
            level = np.abs(shown[0] - shown[1])
            print(f"{name} as {kind}: {level.mean():.2f} grey levels from the PNG on average, "
                  f"{level.max():.0f} at most")
            assert level.mean() < 2
        select(page, "format", "PNG")


def on_white(image: Image.Image) -> np.ndarray:
    """Numbers of an image as it is seen on white."""
    pixels = np.asarray(image.convert("RGBA")).astype(float)
    return 255 - (255 - pixels[..., :3]) * pixels[..., 3:] / 255


def check_keyboard(page: Browser, folder: Path) -> None:
    """From the first image to its file with keys alone; Escape cancels and leaves focus where it is of use."""
    focus = "return document.activeElement.id"
    page.run("document.getElementById('clear').click()")
    assert page.run(focus) == "choose", page.run(focus)
    choose(page, [folder / "large.png"])  # the dialog of the system is not the page's
    page.wait("document.activeElement.id === 'start'")
    page.keys(ENTER)
    page.wait("document.activeElement.id === 'cancel'")
    page.keys(ESCAPE)
    page.wait("document.activeElement.id === 'start'")
    page.keys(ENTER)
    page.wait("document.activeElement.id === 'download'", 120)
    page.run("document.getElementById('stage').focus()")
    page.keys("++0" + TAB)
    assert page.run(focus) == "divider", page.run(focus)
    page.keys(RIGHT * 3)
    assert page.run("return document.getElementById('divider').getAttribute('aria-valuenow')") == "53"
    print("keyboard: choose, Enter, Escape, Enter, Download, zoom and divider by keys; focus never lost")


def check_clip(page: Browser, site: Path, entry: dict, folder: Path) -> None:
    """A clip with sound, whose frames are held against what `upscale` makes of each."""
    from video.made_clips import make_clip, packets, times

    from srgan_tf.video.frame_reading import read_frames
    from srgan_tf.video.probing import probe

    page.run("document.getElementById('clear').click()")
    photo, shifts = data.astronaut() / 255, [0, 3, 6, 12, 13, 30]
    source = make_clip(folder / "clip.mp4", [photo[shift:][:120, 100:260] for shift in shifts], audio=True,
                       options={"crf": "12"})
    choose(page, [source])
    page.run("document.getElementById('start').click()")
    page.wait(f"{DONE} && document.getElementById('download').offsetParent", 120)
    print(page.run("return document.getElementById('facts').innerText"))
    page.run("document.getElementById('download').click()")
    target = download(folder / "down", "clip_x*.mp4")
    assert times(target) == times(source)
    assert packets(target, "audio") == packets(source, "audio")
    runtime = litert_runtime(site / entry["file"], os.cpu_count() or 1)
    for number, (made, given) in enumerate(zip(*map(read_frames, map(probe, (target, source))), strict=True)):
        error = made.pixels - upscale_tiled(runtime, given.pixels, tile=entry["tile"]).astype(float)
        ratio = 10 * np.log10(255**2 / (error**2).mean())
        print(f"clip, frame {number}: {np.abs(error).mean():.2f} grey levels from upscale on average, {ratio:.1f} dB; "
              f"red, green and blue are off by {', '.join(f'{one:.2f}' for one in error.mean((0, 1)))}")
        assert ratio > 36, number
        assert np.abs(error.mean((0, 1))).max() < 1, number


def main() -> None:
    """Does what the flags say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path)
    parser.add_argument("--model", default="mobile_x4", help="title of the model to try")
    parser.add_argument("--only", default="", choices=("", "kinds", "formats", "keyboard", "batch", "clip"),
                        help="one of the checks")
    parser.add_argument("--batch", type=int, default=4, help="images in a row")
    parser.add_argument("--photo", default="", nargs="?", const="4 times", help="only the photograph, at this size")
    parser.add_argument("--webgpu", action="store_true", help="only the graphics card, which is one of software")
    parser.add_argument("--time", action="store_true", help="only measure time")
    parser.add_argument("--peer", type=Path, help="with --time, also that of esrgan-slim: web/peer/site")
    arguments = parser.parse_args()
    models = {one["title"]: one for one in json.loads((arguments.site / "models.json").read_text())["models"]}
    if not (entry := models.get(arguments.model)):
        parser.error(f"--model={arguments.model}: the site has {'; '.join(models)}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.photo:
            return check_photo(arguments.site, folder, arguments.photo)
        if arguments.webgpu:
            return check_graphics(arguments.site, entry, folder)
        with offline(arguments.site, folder) as page:
            print(f"threads allowed: {page.run('return crossOriginIsolated')}; the server is gone")
            select(page, "model", arguments.model)
            if arguments.time:
                images(folder)
                measure(page, arguments.site, entry, folder)
                return measure_peer(arguments.peer, folder) if arguments.peer else None
            steps: dict[str, Callable] = {
                "kinds": lambda: check_kinds(page, arguments.site, entry, folder),
                "formats": lambda: check_formats(page, folder),
                "keyboard": lambda: check_keyboard(page, folder),
                "batch": lambda: check_batch(page, folder, arguments.batch),
                "clip": lambda: check_clip(page, arguments.site, entry, folder)}
            images(folder)
            for name, step in steps.items():
                if arguments.only in ("", name):
                    step()


if __name__ == "__main__":
    main()
