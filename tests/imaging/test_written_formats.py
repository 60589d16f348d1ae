"""What the formats hold, and what is asked of them; what a header says without the pixels."""

import io

import numpy as np
import pytest
from imaging.samples import ALPHA, RGB, exif_of, pillow
from PIL import Image

from srgan_tf.errors import UserError
from srgan_tf.imaging import Encoding, read_header, read_image, write_image, written_type
from srgan_tf.imaging.written_formats import FORMATS, check_size, unknown_to

OPAQUE = np.dstack([RGB, np.full_like(RGB[..., :1], 255)])


@pytest.mark.parametrize("name", ["a.jpg", "a.bmp"])
def test_alpha_that_hides_nothing_is_left_out_where_there_is_none(tmp_path, name):
    write_image(tmp_path / name, OPAQUE)
    write_image(tmp_path / f"rgb_{name}", RGB)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"rgb_{name}").read_bytes()
    write_image(tmp_path / name, np.full((4, 4, 2), 65535, np.uint16))
    assert pillow(tmp_path / name).mode == "L"
    OPAQUE[40, 36, 3] = 254
    with pytest.raises(UserError, match="no transparency"):
        write_image(tmp_path / name, OPAQUE)
    OPAQUE[40, 36, 3] = 255


@pytest.mark.parametrize(("name", "format"), [("a.jpg", "JPEG"), ("a.webp", "WEBP")])
def test_quality_is_that_of_the_format(tmp_path, name, format):
    sizes = []
    for quality in (30, 89, 90, 100):
        write_image(tmp_path / name, RGB, encoding=Encoding(quality=quality))
        expected = io.BytesIO()
        more = {"subsampling": "4:4:4" if quality >= 90 else "4:2:0"} if format == "JPEG" else {"exact": True}
        Image.fromarray(RGB).save(expected, format, quality=quality, **more)
        assert (tmp_path / name).read_bytes() == expected.getvalue()
        sizes.append((tmp_path / name).stat().st_size)
    assert sizes == sorted(sizes)


def test_lossy_webp_keeps_its_alpha(tmp_path):
    write_image(tmp_path / "a.webp", np.dstack([RGB, ALPHA]), encoding=Encoding(quality=40))
    np.testing.assert_array_equal(read_image(tmp_path / "a.webp").pixels[..., 3], ALPHA)


@pytest.mark.parametrize(("name", "unknown"), [
    ("a.png", {"quality"}), ("a.tif", {"quality"}), ("a.bmp", {"quality", "bit_depth"}), ("a.webp", {"bit_depth"}),
    ("a.jpeg", {"lossless", "bit_depth"})])
def test_flags_that_a_format_does_not_know(tmp_path, name, unknown):
    assert set(unknown_to(tmp_path / name, Encoding(quality=80, lossless=True, bit_depth=16))) == unknown
    assert unknown_to(tmp_path / name, Encoding(bit_depth=8)) == {}


def test_the_depth_that_is_written():
    assert [written_type(f"a{suffix}", np.uint8, 16) for suffix in (".png", ".webp")] == [np.uint16, np.uint8]
    assert [written_type("a.tif", np.uint16, depth) for depth in (0, 8, 16)] == [np.uint16, np.uint8, np.uint16]


def test_the_sides_that_formats_hold(tmp_path):
    for suffix, format in FORMATS.items():
        if format.max_side < 1 << 20:
            image = np.zeros((1, format.max_side, 3), np.uint8)
            write_image(tmp_path / f"a{suffix}", image)
            assert pillow(tmp_path / f"a{suffix}").width == format.max_side
            with pytest.raises(UserError, match=f"holds at most {format.max_side} a side"):
                check_size(tmp_path / f"a{suffix}", 1, format.max_side + 1)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_a_header_is_upright_and_read_without_the_pixels(tmp_path, name):
    Image.fromarray(np.tile(RGB, (4, 4, 1))).save(tmp_path / name, exif=exif_of(6))
    whole = (tmp_path / name).read_bytes()
    if name in ("a.jpg", "a.png"):  # WebP's EXIF and TIFF's directory lie at the end
        (tmp_path / name).write_bytes(whole[: len(whole) - 500])
    assert read_header(tmp_path / name) == (164, 148, False)
    (tmp_path / name).write_bytes(b"text")
    with pytest.raises(UserError, match="not an image"):
        read_header(tmp_path / name)


@pytest.mark.parametrize(("mode", "name", "alpha"), [
    ("RGBA", "a.png", True), ("LA", "a.png", True), ("RGBA", "a.webp", True), ("P", "a.png", False),
    ("RGBA", "a.tif", True), ("L", "a.jpg", False)])
def test_a_header_says_whether_there_is_alpha(tmp_path, mode, name, alpha):
    Image.fromarray(np.dstack([RGB, ALPHA]) if alpha else RGB).convert(mode).save(tmp_path / name)
    assert read_header(tmp_path / name).alpha is alpha
    if mode == "P":
        Image.fromarray(RGB).convert("P").save(tmp_path / name, transparency=3)
        assert read_header(tmp_path / name).alpha
