"""Reading image files: pixels, orientation and metadata, against Pillow, tifffile and ImageCms."""

import io
import struct

import numpy as np
import pytest
import tifffile
from imaging.samples import ALPHA, CAMERA, GREY_PROFILE, RGB, SRGB, cmyk_profile, exif_of, pillow, png, save
from PIL import Image, ImageCms
from skimage import data

from srgan_tf.imaging import read_image

pytestmark = pytest.mark.filterwarnings("error")  # none of Pillow's may leak


@pytest.mark.parametrize(("name", "options"), [
    ("a.png", {}), ("a.webp", {"lossless": True}), ("a.tif", {}), ("a.tiff", {"compression": "tiff_lzw"}),
    ("a.bmp", {}), ("a.jpg", {}), ("a.jpeg", {"progressive": True}),
])
def test_rgb(tmp_path, name, options):
    path = save(tmp_path, Image.fromarray(RGB), name, **options)
    image = read_image(path)
    assert image.pixels.dtype == np.uint8
    np.testing.assert_array_equal(image.pixels, np.asarray(pillow(path)))
    assert not image.grey
    assert (image.icc_profile, image.metadata.exif, image.alpha) == (None, None, None)
    assert image.colour.shape == (41, 37, 3)
    assert image.pixels.flags.writeable
    if "jp" not in name:
        np.testing.assert_array_equal(read_image(str(path)).pixels, RGB)


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif"])
def test_rgba(tmp_path, name):
    rgba = np.dstack([RGB, ALPHA])
    options = {"lossless": True, "exact": True} if name == "a.webp" else {}
    image = read_image(save(tmp_path, Image.fromarray(rgba), name, **options))
    np.testing.assert_array_equal(image.pixels, rgba)
    np.testing.assert_array_equal(image.alpha, ALPHA[..., None])
    np.testing.assert_array_equal(image.colour, RGB)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "a.gif"])
def test_grey(tmp_path, name):
    image = read_image(save(tmp_path, Image.fromarray(CAMERA), name))
    assert image.grey
    np.testing.assert_array_equal(image.pixels, np.dstack([CAMERA] * 3))
    np.testing.assert_array_equal(image.colour, CAMERA[..., None])


def test_grey_with_alpha(tmp_path):
    image = Image.merge("LA", [Image.fromarray(CAMERA), Image.fromarray(ALPHA)])
    decoded = read_image(save(tmp_path, image, "a.png"))
    assert decoded.grey
    np.testing.assert_array_equal(decoded.pixels, np.dstack([CAMERA] * 3 + [ALPHA]))


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp"])
def test_one_bit(tmp_path, name):
    bits = data.horse()[:40, 100:141].astype(np.uint8) * 255
    image = read_image(save(tmp_path, Image.fromarray(bits).convert("1"), name))
    assert image.grey
    np.testing.assert_array_equal(image.pixels[..., 0], bits)


@pytest.mark.parametrize("name", ["a.png", "a.gif", "a.tif", "a.bmp"])
def test_palette(tmp_path, name):
    image = Image.fromarray(RGB).quantize(50)
    decoded = read_image(save(tmp_path, image, name))
    assert not decoded.grey
    np.testing.assert_array_equal(decoded.pixels, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("name", ["a.png", "a.gif"])
def test_palette_with_a_transparent_entry(tmp_path, name):
    image = Image.fromarray(RGB).quantize(50)
    decoded = read_image(save(tmp_path, image, name, transparency=7))
    indices = np.asarray(image)
    np.testing.assert_array_equal(decoded.alpha[..., 0], np.where(indices == 7, 0, 255))
    np.testing.assert_array_equal(decoded.colour, np.asarray(image.convert("RGB")))


def test_palette_with_alpha_for_each_entry(tmp_path):
    image = Image.fromarray(RGB).quantize(50)
    levels = np.arange(0, 250, 5, dtype=np.uint8)
    decoded = read_image(save(tmp_path, image, "a.png", transparency=levels.tobytes()))
    np.testing.assert_array_equal(decoded.alpha[..., 0], levels[np.asarray(image)])


def test_transparent_colour_of_a_png(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(3, 1, 8, 0, b"\0\1\2\3", tRNS=struct.pack(">H", 2)))
    assert read_image(path).pixels.tolist() == [[[1, 1, 1, 255], [2, 2, 2, 0], [3, 3, 3, 255]]]
    path.write_bytes(png(4, 1, 2, 0, b"\0\x1b", tRNS=struct.pack(">H", 1)))
    assert read_image(path).pixels[0, :, [0, 3]].tolist() == [[0, 85, 170, 255], [255, 0, 255, 255]]
    path.write_bytes(png(2, 1, 4, 0, b"\0\x5a", tRNS=struct.pack(">H", 10)))
    assert read_image(path).pixels[0, :, [0, 3]].tolist() == [[85, 170], [255, 0]]
    path.write_bytes(png(2, 1, 8, 2, b"\0\1\2\3\4\5\6", tRNS=struct.pack(">HHH", 4, 5, 6)))
    assert read_image(path).pixels.tolist() == [[[1, 2, 3, 255], [4, 5, 6, 0]]]
    values = np.array([[[300, 600, 65535], [0, 0, 0], [65535] * 3]], ">u2")
    path.write_bytes(png(3, 1, 16, 2, b"\0" + values.tobytes(), tRNS=struct.pack(">HHH", 300, 600, 65535)))
    assert read_image(path).alpha[..., 0].tolist() == [[0, 255, 255]]


def test_16_bit_grey_is_rounded(tmp_path):
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = np.floor(every / 257 + 0.5)
    Image.fromarray(every).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "little.tif", every)
    tifffile.imwrite(tmp_path / "big.tif", every, byteorder=">", compression="zlib")
    for name in ("a.png", "little.tif", "big.tif"):
        image = read_image(tmp_path / name)
        assert image.grey
        np.testing.assert_array_equal(image.pixels, np.dstack([expected] * 3))
    tifffile.imwrite(tmp_path / "white.tif", every, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "white.tif").pixels[..., 0], 255 - expected)


def test_12_bit_grey(tmp_path):
    tags = [(256, 2), (257, 1), (258, 12), (259, 1), (262, 1), (273, 122), (277, 1), (278, 1), (279, 3)]
    directory = b"".join(struct.pack("<HHII", tag, 4 if tag == 273 else 3, 1, value) for tag, value in tags)
    header = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    (tmp_path / "a.tif").write_bytes(header + directory + bytes(4) + bytes([0xFF, 0xF8, 0x00]))  # 4095, 2048
    assert read_image(tmp_path / "a.tif").colour.tolist() == [[[255], [128]]]


def test_16_bit_grey_with_a_transparent_level(tmp_path):
    values = np.array([[0, 300, 65535]], ">u2")
    (tmp_path / "a.png").write_bytes(png(3, 1, 16, 0, b"\0" + values.tobytes(), tRNS=struct.pack(">H", 300)))
    assert read_image(tmp_path / "a.png").pixels.tolist() == [[[0, 0, 0, 255], [1, 1, 1, 0], [255] * 4]]


def test_16_bit_colour(tmp_path):
    deep = RGB.astype(np.uint16) * 257
    (tmp_path / "a.png").write_bytes(
        png(37, 41, 16, 2, b"".join(b"\0" + row.tobytes() for row in deep.astype(">u2"))))
    tifffile.imwrite(tmp_path / "little.tif", deep, photometric="rgb")
    tifffile.imwrite(tmp_path / "big.tif", deep, photometric="rgb", byteorder=">")
    planes = np.ascontiguousarray(np.moveaxis(deep, 2, 0))
    tifffile.imwrite(tmp_path / "planes.tif", planes, photometric="rgb", planarconfig="separate", compression="zlib")
    for name in ("a.png", "little.tif", "big.tif", "planes.tif"):
        np.testing.assert_array_equal(read_image(tmp_path / name).pixels, RGB)
    (tmp_path / "b.png").write_bytes(png(2, 1, 16, 2, b"\0" + np.array([127, 128, 129] * 2, ">u2").tobytes()))
    assert read_image(tmp_path / "b.png").pixels.tolist() == [[[0, 0, 1]] * 2]  # rounded and not cut


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_cmyk_goes_through_its_profile(tmp_path, name):
    profile = cmyk_profile()
    path = save(tmp_path, Image.fromarray(RGB).convert("CMYK"), name, icc_profile=profile)
    image = read_image(path)
    expected = ImageCms.profileToProfile(
        pillow(path), ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"),
        outputMode="RGB")
    np.testing.assert_array_equal(image.pixels, np.asarray(expected))
    assert np.ptp(image.pixels.astype(int), axis=2).max() <= 1  # this profile knows only grey
    assert image.icc_profile is None
    assert not image.grey


@pytest.mark.parametrize("profile", [None, b"x" * 16 + b"CMYK" + b"x" * 200])
def test_cmyk_without_a_usable_profile(tmp_path, profile):
    image = Image.fromarray(RGB).convert("CMYK")
    decoded = read_image(save(tmp_path, image, "a.tif", **({"icc_profile": profile} if profile else {})))
    np.testing.assert_array_equal(decoded.pixels, np.asarray(image.convert("RGB")))
    assert decoded.icc_profile is None


UPRIGHT = {
    1: lambda x: x, 2: lambda x: x[:, ::-1], 3: lambda x: x[::-1, ::-1], 4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1), 6: lambda x: np.rot90(x, -1), 7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: np.rot90(x),
}


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path, name, orientation):
    options = {"lossless": True} if name == "a.webp" else {}
    plain = read_image(save(tmp_path, Image.fromarray(RGB), name, **options)).pixels
    image = read_image(save(tmp_path, Image.fromarray(RGB), name, exif=exif_of(orientation), **options))
    np.testing.assert_array_equal(image.pixels, UPRIGHT[orientation](plain))
    if name != "a.tif":  # whose tags lie elsewhere
        assert image.metadata.exif == exif_of(orientation).removeprefix(b"Exif\0\0")


def test_orientation_of_16_bit_palette_and_grey(tmp_path):
    exif = exif_of(6)
    for image in (Image.fromarray(RGB[..., 0].astype(np.uint16) * 257), Image.fromarray(RGB).quantize(20),
                  Image.fromarray(RGB[..., 0])):
        plain = read_image(save(tmp_path, image, "a.png")).pixels
        turned = read_image(save(tmp_path, image, "a.png", exif=exif)).pixels
        np.testing.assert_array_equal(turned, np.rot90(plain, -1))


def test_broken_exif_does_not_spoil_the_image(tmp_path):
    whole = exif_of(6)
    for name in ("a.jpg", "a.png", "a.webp"):
        for broken in (b"Exif\0\0nonsense", whole[:-40], whole[:20]):
            image = read_image(save(tmp_path, Image.fromarray(RGB), name, exif=broken))
            assert sorted(image.pixels.shape) == [3, 37, 41]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_icc_profile_is_kept_where_it_fits(tmp_path, name):
    colour, grey = Image.fromarray(RGB), Image.fromarray(RGB[..., 0])
    assert read_image(save(tmp_path, colour, name, icc_profile=SRGB)).icc_profile == SRGB
    assert read_image(save(tmp_path, colour, name, icc_profile=GREY_PROFILE)).icc_profile is None
    if name != "a.webp":
        assert read_image(save(tmp_path, grey, name, icc_profile=GREY_PROFILE)).icc_profile == GREY_PROFILE


def test_previews_of_a_phone_are_passed_over(tmp_path):
    image = Image.fromarray(RGB)
    path = save(tmp_path, image, "a.jpg", format="MPO", save_all=True, append_images=[image.resize((9, 9))])
    assert pillow(path).n_frames == 2
    assert read_image(path).pixels.shape == (41, 37, 3)
