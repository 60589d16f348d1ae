"""Writing and listing image files."""

import os

import numpy as np
import pytest
from imaging.samples import ALPHA, CAMERA, GREY_PROFILE, RGB, SRGB, check_exif, exif_of, pillow, save
from PIL import ExifTags, Image, JpegImagePlugin

from srgan_tf.imaging import DecodedImage, Metadata, list_images, read_image, write_image

pytestmark = pytest.mark.filterwarnings("error")  # none of Pillow's may leak


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".webp", ".tif", ".tiff", ".bmp"])
def test_lossless_formats(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_image(path, RGB)
    np.testing.assert_array_equal(np.asarray(pillow(path)), RGB)
    write_image(path, RGB[::-1, ::2])  # replaces; not contiguous
    np.testing.assert_array_equal(np.asarray(pillow(path)), RGB[::-1, ::2])
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_alpha_is_written(tmp_path, suffix):
    rgba = np.dstack([RGB, ALPHA])
    write_image(tmp_path / f"a{suffix}", rgba)
    np.testing.assert_array_equal(np.asarray(pillow(tmp_path / f"a{suffix}")), rgba)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".JPG"])
def test_jpeg_is_good(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_image(path, RGB)
    image = pillow(path)
    assert JpegImagePlugin.get_sampling(image) == 0  # 4:4:4
    assert image.quantization[0][:3] == [2, 1, 1]  # libjpeg's luminance table at quality 95
    assert np.abs(np.asarray(image).astype(int) - RGB).mean() < 2


@pytest.mark.parametrize(("suffix", "mode"), [
    (".png", "L"), (".jpg", "L"), (".tif", "L"), (".bmp", "L"), (".webp", "RGB")])
def test_grey_is_kept(tmp_path, suffix, mode):
    like = DecodedImage(np.dstack([CAMERA] * 3), grey=True, icc_profile=GREY_PROFILE)
    for pixels in (like.pixels, CAMERA, CAMERA[..., None]):
        write_image(tmp_path / f"a{suffix}", pixels, like)
        image = pillow(tmp_path / f"a{suffix}")
        assert image.mode == mode
        if suffix != ".jpg":
            np.testing.assert_array_equal(np.asarray(image.convert("L")), CAMERA)
        holds_profile = suffix in (".png", ".jpg", ".tif")
        assert image.info.get("icc_profile") == (GREY_PROFILE if holds_profile else None)


def test_grey_with_alpha_is_kept(tmp_path):
    like = DecodedImage(np.dstack([CAMERA] * 3 + [ALPHA]), grey=True)
    write_image(tmp_path / "a.png", like.pixels, like)
    image = pillow(tmp_path / "a.png")
    assert image.mode == "LA"
    np.testing.assert_array_equal(np.asarray(image), np.dstack([CAMERA, ALPHA]))


@pytest.mark.parametrize("source", ["a.jpg", "a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize("target", ["b.jpg", "b.png", "b.webp", "b.tif", "b.bmp"])
def test_profile_and_exif_go_from_file_to_file(tmp_path, source, target):
    like = read_image(save(tmp_path, Image.fromarray(RGB), source, exif=exif_of(6), icc_profile=SRGB))
    write_image(tmp_path / target, np.repeat(like.pixels, 2, axis=0), like)
    image = pillow(tmp_path / target)
    assert image.size == (41, 74)
    if target == "b.bmp":
        return
    assert image.info["icc_profile"] == SRGB
    check_exif(image.getexif(), 41)
    assert read_image(tmp_path / target).icc_profile == SRGB


def test_exif_too_long_for_jpeg_is_left_out(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "x" * 70_000
    like = DecodedImage(RGB, metadata=Metadata(exif=exif.tobytes()))
    assert write_image(tmp_path / "a.jpg", RGB, like) == ("EXIF of more than 65,527 bytes",)
    assert write_image(tmp_path / "a.png", RGB, like) == ()
    assert not pillow(tmp_path / "a.jpg").getexif()
    assert len(pillow(tmp_path / "a.png").getexif()[ExifTags.Base.ImageDescription]) == 70_000


@pytest.mark.parametrize(("name", "pixels", "words"), [
    ("a.jpg", np.zeros((4, 4, 4), np.uint8), "JPEG has no transparency; write .png"),
    ("a.bmp", np.zeros((4, 4, 4), np.uint8), "BMP has no transparency"),
    ("a.jpg", np.zeros((2, 70_000, 3), np.uint8), "70000 x 2 pixels; JPEG holds at most 65500"),
    ("a.webp", np.zeros((20_000, 2, 3), np.uint8), "WEBP holds at most 16383"),
    ("a.gif", np.zeros((4, 4, 3), np.uint8), "suffix must be one of .png"),
    ("a", np.zeros((4, 4, 3), np.uint8), "suffix must be one of .png"),
    ("a.png", np.zeros((4, 4, 3), np.float32), "got float32"),
    ("a.png", np.zeros((4, 4, 5), np.uint8), r"got uint8 \(4, 4, 5\)"),
    ("a.jpg", np.zeros((4, 4, 2), np.uint16), "JPEG has no transparency"),
    ("a.png", np.zeros((0, 4, 3), np.uint8), "non-empty"),
])
def test_what_cannot_be_written(tmp_path, name, pixels, words):
    with pytest.raises(ValueError, match=words) as caught:
        write_image(tmp_path / name, pixels)
    assert "\n" not in str(caught.value)
    assert not os.listdir(tmp_path)


def test_no_folder_to_write_to(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing.a\.png"):
        write_image(tmp_path / "missing" / "a.png", RGB)
    (tmp_path / "a.png").mkdir()
    with pytest.raises(IsADirectoryError, match=r"a\.png"):
        write_image(tmp_path / "a.png", RGB)
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_full_disk_leaves_what_was_there(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "a.png"
    write_image(path, RGB)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(OSError, match=r"File too large.*a\.png"):
            write_image(path, RGB[::-1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.png"]


def test_an_interrupt_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_image(tmp_path / "a.png", RGB)
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_permissions_follow_the_umask(tmp_path):
    mask = os.umask(0o027)
    try:
        write_image(tmp_path / "a.png", RGB)
    finally:
        os.umask(mask)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640


def test_list_images(tmp_path):
    for name in ("x10.png", "x2.PNG", "X1.jpg", "b.webp", "a.TIFF", ".hidden.png", "notes.txt", "1.bmp", "01.gif"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    names = [path.name for path in list_images(str(tmp_path))]
    assert names == ["1.bmp", "01.gif", "a.TIFF", "b.webp", "X1.jpg", "x2.PNG", "x10.png"]


def test_list_images_of_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        list_images(tmp_path / "missing")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match="no image in this folder"):
        list_images(tmp_path)
    with pytest.raises(NotADirectoryError, match=r"notes\.txt"):
        list_images(tmp_path / "notes.txt")
