"""`upscale --beam`: the same pixels as one machine makes, in bands too, and nothing done twice."""

import re
import sys

import numpy as np
import pytest
from PIL import Image

from srgan_tf.imaging import read_image, write_image
from srgan_tf.imaging.banded_png import pack_band, write_banded_png
from srgan_tf.inference import pieces

DIRECT = "--beam=--runner=DirectRunner"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_bands_are_one_png(tmp_path, dtype, channels):
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (9, 7, channels), dtype)
    write_image(tmp_path / "whole.png", pixels)
    like = read_image(tmp_path / "whole.png", keep_depth=True)
    bands = [tmp_path / name for name in "abc"]
    for band, rows in zip(bands, ((0, 4), (4, 5), (5, 9)), strict=True):
        band.write_bytes(pack_band(pixels[slice(*rows)], like))
    assert write_banded_png(tmp_path / "made.png", bands, (7, 9), like, "srgan_tf") == ()
    made = read_image(tmp_path / "made.png", keep_depth=True)  # Pillow holds the checksum against the pixels
    assert made.grey == like.grey
    np.testing.assert_array_equal(made.channels, pixels)
    assert Image.open(tmp_path / "made.png").info["Software"] == "srgan_tf"


@pytest.fixture
def photos(tmp_path, photo):
    """A photograph, one with EXIF and a profile, one with alpha and one that cannot be read."""
    (tmp_path / "in").mkdir()
    image = Image.fromarray(photo[:50, :40])
    image.save(tmp_path / "in/a.png")
    exif = Image.Exif()
    exif[271] = "maker"
    image.save(tmp_path / "in/b.jpg", exif=exif)
    alpha = np.dstack([photo[:50, :40], photo[:50, 40:80, 0]])
    Image.fromarray(alpha).save(tmp_path / "in/c.png")
    (tmp_path / "in/d.png").write_bytes((tmp_path / "in/a.png").read_bytes()[:-60])
    return tmp_path


def test_workers_make_what_one_machine_makes(command, photos, monkeypatch):
    pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install '.[beam]'")
    arguments = ["in", "--model=mobile_x4_float16", "--format=png", "--tile=32", "--overlap=8", "--threads=1"]
    one = command("upscale", *arguments, "--output=one")
    monkeypatch.setattr(pieces, "BANDED", 1000)
    joined = []
    real = pieces.write_banded_png
    monkeypatch.setattr(pieces, "write_banded_png", lambda *a: joined.append(len(a[1])) or real(*a))
    many = command("upscale", *arguments, "--output=many",
                   f"{DIRECT} --direct_num_workers=2 --direct_running_mode=multi_threading")
    assert one.status == many.status == 2
    assert joined == [3, 3, 3]  # bands of each
    assert re.search("failed: .*/in/d.png: ", many.err)
    assert "3 upscaled, 0 kept, 1 failed" in many.out
    for name in ("a_x4.png", "b_x4.png", "c_x4.png"):
        first, second = (read_image(photos / folder / name) for folder in ("one", "many"))
        np.testing.assert_array_equal(first.pixels, second.pixels)
        assert first.metadata == second.metadata
    assert sorted(path.name for path in (photos / "many").iterdir()) == ["a_x4.png", "b_x4.png", "c_x4.png"]


def test_bands_that_are_there_are_not_made_again(command, photos, monkeypatch):
    pytest.importorskip("apache_beam", reason="Apache Beam is not installed: pip install '.[beam]'")
    monkeypatch.setattr(pieces, "BANDED", 1000)
    arguments = ["in/a.png", "--model=mobile_x4_float16", "--tile=32", "--overlap=8", "--output=out", DIRECT]
    real, made = pieces.upscale_tiled, []

    def fail_after_two(*given, **options):
        if len(made) == 2:
            raise RuntimeError("the worker dies")
        made.append(given)
        return real(*given, **options)

    monkeypatch.setattr(pieces, "upscale_tiled", fail_after_two)
    died = command("upscale", *arguments)
    assert died.status == 2
    assert "the Beam pipeline failed" in died.err
    assert not (photos / "out/a_x4.png").exists()
    monkeypatch.setattr(pieces, "upscale_tiled", lambda *args, **options: made.append(args) or real(*args, **options))
    assert command("upscale", *arguments).status == 0
    assert len(made) == 3
    assert Image.open(photos / "out/a_x4.png").size == (160, 200)


def test_beam_that_is_missing(refused, photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    assert "pip install 'srgan_tf[beam]'" in refused("upscale", "in/a.png", "--model=bicubic", DIRECT)
