"""Files that cannot be read: each is refused in one line that names it."""

import contextlib
import os
import re
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from imaging.samples import RGB, png, save
from PIL import Image

from srgan_tf.errors import UserError
from srgan_tf.imaging import read_image

pytestmark = pytest.mark.filterwarnings("error")  # none of Pillow's may leak


def refusal(path: Path, **arguments) -> str:
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: ") as caught:
        read_image(path, **arguments)
    message = str(caught.value)
    assert type(caught.value) is UserError
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(("name", "options"), [
    ("a.png", {}), ("a.jpg", {}), ("a.jpg", {"progressive": True}), ("a.webp", {}), ("a.webp", {"lossless": True}),
    ("a.tif", {}), ("a.tif", {"compression": "tiff_adobe_deflate"}), ("a.bmp", {}), ("a.gif", {}),
])
def test_truncated(tmp_path, name, options):
    path = save(tmp_path, Image.fromarray(RGB), name, **options)
    whole = path.read_bytes()
    for part in (0.02, 0.3, 0.7, 0.95):
        path.write_bytes(whole[:int(len(whole) * part)])
        assert any(word in refusal(path) for word in ("truncated", "damaged"))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.bmp", "a.gif"])
def test_damaged_bytes_never_raise_anything_else(tmp_path, name):
    path = save(tmp_path, Image.fromarray(RGB), name)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    random = np.random.default_rng(0)
    for _ in range(60):
        damaged = whole.copy()
        places = random.integers(0, min(len(whole), 400), 3)
        damaged[places] = random.integers(0, 256, 3)
        path.write_bytes(damaged.tobytes())
        with contextlib.suppress(ValueError):
            image = read_image(path, max_pixels=10**6)
            assert image.pixels.dtype == np.uint8
            assert image.pixels.shape[2] in (3, 4)


def test_not_an_image(tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("This is not an image.\n")
    assert "not an image in a known format (PNG, JPEG" in refusal(path)
    path.write_bytes(b"")
    assert "empty" in refusal(path)
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")  # which Pillow gives to ghostscript
    assert "PostScript is not read" in refusal(path)
    path.write_bytes(png(0, 4, 8, 2, b""))
    assert "PNG of a kind that is not read, or damaged" in refusal(path)


def test_a_palette_that_is_missing(tmp_path):
    (tmp_path / "a.png").write_bytes(png(2, 1, 8, 3, b"\0\1\2"))
    assert refusal(tmp_path / "a.png") == "damaged: its palette is missing"


def test_from_the_file_system(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such file.*missing\.png"):
        read_image(tmp_path / "missing.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(IsADirectoryError, match=r"folder\.png"):
        read_image(tmp_path / "folder.png")
    assert "too long" in refusal(tmp_path / ("x" * 300 + ".png"))
    (tmp_path / "file").touch()
    assert "directory" in refusal(tmp_path / "file" / "a.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert "not a regular file" in refusal(tmp_path / "a.png")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path):
    path = save(tmp_path, Image.fromarray(RGB), "a.png")
    path.chmod(0)
    with pytest.raises(PermissionError, match=r"a\.png"):
        read_image(path)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.tif"])
def test_animated(tmp_path, name):
    frames = [Image.fromarray(np.roll(RGB, 5 * step, axis=1)) for step in range(3)]
    path = save(tmp_path, frames[0], name, save_all=True, append_images=frames[1:])
    assert "where one image was expected: --page=1 takes" in refusal(path)


def test_too_many_pixels(tmp_path):
    path = save(tmp_path, Image.fromarray(RGB), "a.png")
    assert "too large: 37 x 41 pixels, where the limit is 1,516" in refusal(path, max_pixels=37 * 41 - 1)
    assert read_image(path, max_pixels=37 * 41).pixels.shape == RGB.shape
    (tmp_path / "bomb.png").write_bytes(png(30_000, 30_000, 8, 2, b""))
    assert "too large" in refusal(tmp_path / "bomb.png")
    # Above half the limit Pillow warns; the file is then found to be truncated.
    (tmp_path / "large.png").write_bytes(png(12_000, 10_000, 1, 0, b""))
    assert "truncated" in refusal(tmp_path / "large.png")


def test_pixels_that_rgb_cannot_stand_for(tmp_path):
    path = save(tmp_path, Image.fromarray(RGB[..., 0].astype(np.float32)), "a.tif")
    assert "float pixels from 35 to 251, where 0 to 1 is read" in refusal(path)
    tifffile.imwrite(path, np.full((4, 5), np.nan, np.float32))
    assert "float pixels from nan to nan" in refusal(path)
    assert "mode I " in refusal(save(tmp_path, Image.fromarray(RGB[..., 0].astype(np.int32)), "b.tif"))
    path.write_bytes(path.read_bytes()[:200])
    assert "TIFF" in refusal(path)


def test_threads_and_warning_filters(tmp_path):
    path = save(tmp_path, Image.fromarray(RGB), "a.png")
    filters, failures = list(warnings.filters), []

    def read() -> None:
        for _ in range(20):
            if not (read_image(path).pixels == RGB).all():
                failures.append(path)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert warnings.filters == filters
