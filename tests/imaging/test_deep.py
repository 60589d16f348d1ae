"""16 bits a channel, read and written: every level, against tifffile and PNG files made by hand."""

import contextlib
import struct

import numpy as np
import pytest
import tifffile
from imaging.samples import CAMERA, GREY_PROFILE, SRGB, check_exif, exif_of, pillow, png, save
from PIL import Image

from srgan_tf.imaging import DecodedImage, read_image, write_image, written_type

pytestmark = pytest.mark.filterwarnings("error")  # none of Pillow's may leak

DEEP = np.random.default_rng(0).integers(0, 65536, (23, 19, 4)).astype(np.uint16)
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
EXPANDED = {1: [0, 0, 0], 2: [0, 0, 0, 1], 3: [0, 1, 2], 4: [0, 1, 2, 3]}


def by_hand(pixels: np.ndarray, **chunks: bytes) -> bytes:
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels.astype(">u2"))
    return png(width, height, 16, COLOUR_TYPES[channels], rows, **chunks)


def read(path) -> DecodedImage:
    image = read_image(path, keep_depth=True)
    assert image.pixels.dtype == np.uint16
    return image


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png(tmp_path, channels):
    pixels = DEEP[..., :channels]
    (tmp_path / "a.png").write_bytes(by_hand(pixels))
    image = read(tmp_path / "a.png")
    assert image.grey == (channels < 3)
    np.testing.assert_array_equal(image.pixels, pixels[..., EXPANDED[channels]])
    np.testing.assert_array_equal(image.channels, pixels)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").channels, np.floor(pixels / 257 + 0.5))


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"compression": "zlib"},
                                     {"compression": "zlib", "predictor": True, "byteorder": ">"}])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_tiff(tmp_path, channels, options):
    pixels, extra = DEEP[..., :channels], [] if channels % 2 else ["unassalpha"]
    written = pixels if channels > 1 else pixels[..., 0]
    tifffile.imwrite(tmp_path / "a.tif", written, photometric="rgb" if channels > 2 else "minisblack",
                     planarconfig="contig", extrasamples=extra, **options)
    image = read(tmp_path / "a.tif")
    assert image.grey == (channels < 3)
    np.testing.assert_array_equal(image.channels, pixels)


@pytest.mark.parametrize("channels", [2, 4])
def test_premultiplied_tiff(tmp_path, channels):
    straight = DEEP[..., :channels]
    product = straight.astype(float)
    product[..., :-1] *= product[..., -1:] / 65535
    tifffile.imwrite(tmp_path / "a.tif", np.floor(product + 0.5).astype(np.uint16), planarconfig="contig",
                     photometric="rgb" if channels > 2 else "minisblack", extrasamples=["assocalpha"])
    found = read(tmp_path / "a.tif").channels
    clear = straight[..., -1] > 2000
    assert np.abs(found.astype(int) - straight)[clear].max() <= 65535 / 2000 / 2 + 1


def test_a_transparent_colour_is_one_of_16_bits(tmp_path):
    pixels = DEEP[..., :3].copy()
    pixels[0, 1] = pixels[0, 0] ^ 1  # equal in its high bytes
    (tmp_path / "a.png").write_bytes(by_hand(pixels, tRNS=struct.pack(">HHH", *pixels[0, 0])))
    alpha = read(tmp_path / "a.png").alpha[..., 0]
    assert alpha[0, :2].tolist() == [0, 65535]
    assert (alpha == 0).sum() == 1


@pytest.mark.parametrize("orientation", [3, 6])
def test_orientation(tmp_path, orientation):
    (tmp_path / "a.png").write_bytes(by_hand(DEEP, eXIf=exif_of(orientation)[6:]))
    np.testing.assert_array_equal(read(tmp_path / "a.png").pixels, np.rot90(DEEP, {3: 2, 6: -1}[orientation]))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_round_trip(tmp_path, channels, suffix):
    pixels, profile = DEEP[..., :channels], GREY_PROFILE if channels < 3 else SRGB
    metadata = read_image(save(tmp_path, Image.fromarray(CAMERA), "b.png", exif=exif_of(1))).metadata
    like = DecodedImage(pixels[..., EXPANDED[channels]], channels < 3, profile, metadata)
    for given in (pixels, like.pixels):
        path = tmp_path / f"a{suffix}"
        write_image(path, given, like)
        decoded = read(path)
        np.testing.assert_array_equal(decoded.channels, pixels)
        assert decoded.grey == like.grey
        assert decoded.icc_profile == profile
        with Image.open(path) as image:
            check_exif(image.getexif(), pixels.shape[1])
        if suffix == ".tif":
            np.testing.assert_array_equal(tifffile.imread(path).reshape(pixels.shape), pixels)


def test_long_rows_and_smooth_images_are_filtered_right(tmp_path):
    """More bytes than are filtered at a time, rows that favour either neighbour, and a first row with none above."""
    y, x = np.mgrid[0:1100, 0:700].astype(np.uint16)
    pixels = np.dstack([x * 90, y * 57, x * 13 + y * 29])
    write_image(tmp_path / "a.png", pixels)
    np.testing.assert_array_equal(read(tmp_path / "a.png").pixels, pixels)
    assert (tmp_path / "a.png").stat().st_size < pixels.nbytes / 4
    write_image(tmp_path / "b.png", pixels[:1, :1])
    np.testing.assert_array_equal(read(tmp_path / "b.png").pixels, pixels[:1, :1])


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp"])
def test_formats_of_8_bits_round(tmp_path, suffix):
    flat = np.full((16, 16, 3), 129, np.uint16)
    write_image(tmp_path / f"a{suffix}", flat)
    assert (np.asarray(pillow(tmp_path / f"a{suffix}")) == 1).all()
    assert written_type(tmp_path / f"a{suffix}", np.uint16) == np.uint8


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_8_bits_stay_8_bits(tmp_path, suffix):
    write_image(tmp_path / f"a{suffix}", CAMERA)
    assert pillow(tmp_path / f"a{suffix}").mode == "L"
    assert read_image(tmp_path / f"a{suffix}", keep_depth=True).pixels.dtype == np.uint8
    assert [written_type(f"a{suffix}", kind) for kind in (np.uint8, np.uint16)] == [np.uint8, np.uint16]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_cut_off_and_damaged_files(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_image(path, DEEP)
    whole = path.read_bytes()
    for part in (0.1, 0.5, 0.95):
        path.write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(ValueError, match=r"truncated|damaged"):
            read(path)
    random = np.random.default_rng(0)
    for _ in range(60):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[random.integers(0, 400, 3)] = random.integers(0, 256, 3)
        path.write_bytes(damaged.tobytes())
        with contextlib.suppress(ValueError):
            assert read_image(path, max_pixels=10**6, keep_depth=True).pixels.shape[2] in (3, 4)
