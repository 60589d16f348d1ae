"""Files that Pillow does not read, or not right: TIFF's other numbers, BMP's runs and bit fields; pages; cut files."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
from imaging.samples import ALPHA, CAMERA, RGB, exif_of, png, save
from PIL import Image, ImageCms

from srgan_tf.imaging import read_header, read_image, signatures
from srgan_tf.imaging.signatures import has_plugin, kind

pytestmark = pytest.mark.filterwarnings("error")  # none of Pillow's may leak

UNIT = (RGB / 255).astype(np.float32)
DEEP = RGB.astype(np.uint16) * 257


def test_float_tiff(tmp_path):
    path = tmp_path / "a.tif"
    for kind_, options in (("f4", {}), ("f4", {"compression": "zlib", "byteorder": ">"}), ("f8", {"rowsperstrip": 7}),
                           ("f2", {"tile": (16, 32)})):
        tifffile.imwrite(path, UNIT.astype(kind_), photometric="rgb", **options)
        image = read_image(path, keep_depth=True)
        assert image.pixels.dtype == np.uint16
        assert np.abs(image.pixels.astype(int) - DEEP).max() <= (20 if kind_ == "f2" else 0)
        assert read_header(path)[:2] == (37, 41)
        np.testing.assert_array_equal(read_image(path).pixels, RGB)
    grey = read_image(save(tmp_path, Image.fromarray(UNIT[..., 0]), "b.tif", compression="tiff_lzw"))
    assert grey.grey
    np.testing.assert_array_equal(grey.pixels[..., 0], RGB[..., 0])


def by_hand(values: np.ndarray, tags: dict[int, tuple]) -> bytes:
    """A TIFF of one strip, little endian."""
    content = values.tobytes()
    tags = {256: (37,), 257: (41,), 277: (values.shape[-1],), 278: (41,), 279: (len(content),), 273: (8,), **tags}
    entries, tail, start = b"", b"", 8 + len(content) + len(content) % 2
    for tag in sorted(tags):
        numbers = struct.pack(f"<{len(tags[tag])}I", *tags[tag])
        if len(numbers) > 4:
            tail += numbers
            numbers = struct.pack("<I", start + 2 + 12 * len(tags) + 4 + len(tail) - len(numbers))
        entries += struct.pack("<HHI", tag, 4, len(tags[tag])) + numbers
    return (b"II*\0" + struct.pack("<I", start) + content + bytes(len(content) % 2) + struct.pack("<H", len(tags))
            + entries + bytes(4) + tail)


def test_float_differences(tmp_path):
    planes = np.ascontiguousarray(UNIT.astype(">f4")).view(np.uint8).reshape(41, 37 * 3, 4).transpose(0, 2, 1)
    planes = planes.reshape(41, -1, 3)
    differences = np.diff(planes, axis=1, prepend=np.zeros((41, 1, 3), np.uint8))
    (tmp_path / "a.tif").write_bytes(by_hand(differences, {
        258: (32,) * 3, 259: (1,), 262: (2,), 277: (3,), 317: (3,), 339: (3,) * 3}))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", keep_depth=True).pixels, DEEP)


def test_32_bit_tiff(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", RGB.astype(np.uint32) * (2**32 // 255), photometric="rgb")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, RGB)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"compression": "zlib", "predictor": 2}])
def test_16_bit_tiff_in_planes(tmp_path, options):
    planes = np.ascontiguousarray(np.moveaxis(DEEP, 2, 0)) + 1
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate", **options)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", keep_depth=True).pixels, DEEP + 1)


@pytest.mark.parametrize("depth", [8, 16])
def test_cmyk_with_alpha(tmp_path, depth):
    ink = np.dstack([np.asarray(Image.fromarray(RGB).convert("CMYK")), ALPHA])
    values = ink if depth == 8 else ink.astype("<u2") * 257
    (tmp_path / "a.tif").write_bytes(by_hand(values, {
        258: (depth,) * 5, 259: (1,), 262: (5,), 338: (2,)}))
    image = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, np.dstack([RGB, ALPHA]))


def test_lab_tiff(tmp_path):
    lab = ImageCms.profileToProfile(Image.fromarray(RGB), ImageCms.createProfile("sRGB"),
                                    ImageCms.createProfile("LAB"), outputMode="LAB")
    image = read_image(save(tmp_path, lab, "a.tif"))
    assert np.abs(image.pixels.astype(int) - RGB).max() <= 8  # 8 bits of Lab are coarse
    assert np.abs(image.pixels.astype(int) - RGB).mean() < 1


def test_ppm(tmp_path):
    np.testing.assert_array_equal(read_image(save(tmp_path, Image.fromarray(RGB), "a.ppm")).pixels, RGB)
    (tmp_path / "b.pgm").write_bytes(b"P5 37 41 65535\n" + DEEP[..., 0].astype(">u2").tobytes())
    image = read_image(tmp_path / "b.pgm", keep_depth=True)
    assert image.grey
    np.testing.assert_array_equal(image.pixels[..., 0], DEEP[..., 0])


def bmp(width: int, height: int, bits: int, compression: int, pixels: bytes, palette: bytes = b"", header: bytes = b""
        ) -> bytes:
    size = 40 + len(header)
    start = 14 + size + len(palette)
    return (struct.pack("<2sIHHI", b"BM", start + len(pixels), 0, 0, start)
            + struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, len(pixels), 0, 0, 0, 0)
            + header + palette + pixels)


def test_bmp_of_four_bit_runs(tmp_path):
    palette = np.zeros((16, 4), np.uint8)
    palette[:, :3] = np.arange(16)[:, None] * 17
    # Row 0: five pixels as they are, and three of one run; row 1: two are passed over, a run of alternating pixels.
    runs = bytes([0, 5, 0x12, 0x34, 0x50, 0, 3, 0x77, 0, 0, 0, 2, 2, 0, 6, 0xAB, 0, 1])
    (tmp_path / "a.bmp").write_bytes(bmp(8, 2, 4, 2, runs, palette.tobytes()))
    expected = np.array([[0, 0, 10, 11, 10, 11, 10, 11], [1, 2, 3, 4, 5, 7, 7, 7]]) * 17
    np.testing.assert_array_equal(read_image(tmp_path / "a.bmp").pixels[..., 1], expected)
    (tmp_path / "a.bmp").write_bytes(bmp(8, 2, 4, 2, runs[:8], palette.tobytes()))
    with pytest.raises(ValueError, match=r"a\.bmp: .*ends in row 0 of 2"):
        read_image(tmp_path / "a.bmp")


@pytest.mark.parametrize(("bits", "masks", "peaks"), [
    (16, (0xF00, 0xF0, 0xF, 0xF000), (15, 15, 15, 15)), (32, (0x3FF, 0xFFC00, 0x3FF00000, 0), (1023, 1023, 1023, 0)),
    (16, (0xF800, 0x7E0, 0x1F, 0), (31, 63, 31, 0))])
def test_bmp_of_bit_fields(tmp_path, bits, masks, peaks):
    values, levels = np.zeros((41, 37), np.uint32), []
    for channel, mask, peak in zip(np.dsplit(np.dstack([RGB, ALPHA]), 4), masks, peaks, strict=True):
        if peak:
            level = (channel[..., 0].astype(np.uint32) * peak + 127) // 255
            values |= level * (mask & -mask)
            levels.append((level * 255 + peak // 2) // peak)
    rows = np.zeros((41, 38 if bits == 16 else 37), f"<u{bits // 8}")
    rows[:, :37] = values[::-1]
    (tmp_path / "a.bmp").write_bytes(bmp(37, 41, bits, 3, rows.tobytes(), header=struct.pack("<4I", *masks)))
    np.testing.assert_array_equal(read_image(tmp_path / "a.bmp").pixels, np.dstack(levels))
    assert read_header(tmp_path / "a.bmp") == (37, 41, peaks[3] > 0)


def test_the_content_decides(tmp_path):
    path = save(tmp_path, Image.fromarray(RGB), "a.png", format="AVIF", quality=100, subsampling="4:4:4")
    assert np.abs(read_image(path).pixels.astype(int) - RGB).mean() < 2
    heads = {b"\0\0\0\x18ftypheic\0\0\0\0mif1heic": "HEIF", b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif": "AVIF",
             b"\xff\x0a\xff": "JXL", b"8BPS\0\1": "Photoshop", b"hello": None, b"P5 3 4": "PPM", b"Perhaps": None,
             b"\0\0\0\x18ftypisom\0\0\0\0mp42": "video", b"RIFF\0\0\0\0WAVEfmt ": None}
    assert {head: kind(head) for head in heads} == heads


@pytest.mark.parametrize(("name", "module", "options"), [
    ("a.heic", "pillow_heif", {"quality": 100, "chroma": 444}), ("a.jxl", "pillow_jxl", {"lossless": True})])
def test_plugins(tmp_path, name, module, options):
    pytest.importorskip(module)
    suffix = name[2:].upper().replace("HEIC", "HEIF")
    assert has_plugin(suffix)
    path = save(tmp_path, Image.fromarray(RGB), name, exif=exif_of(6), **options)
    path = path.rename(tmp_path / "b.png")  # the content decides
    image = read_image(path)
    header = read_header(path)
    assert image.pixels.shape[:2] == (header.height, header.width)
    assert sorted(image.pixels.shape) == [3, 37, 41]
    assert image.metadata.exif


def test_plugins_that_are_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(signatures, "has_plugin", lambda kind: False)
    (tmp_path / "a.png").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(ValueError, match=r"HEIF is read with a plug-in of Pillow: pip install 'srgan_tf\[formats\]'"):
        read_image(tmp_path / "a.png")


def test_pages_without_thumbnails(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(RGB, photometric="rgb")
        writer.write(RGB[::4, ::4], photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, RGB)
    with pytest.raises(ValueError, match="there is no page 2: the file has 1"):
        read_image(tmp_path / "a.tif", page=2)
    frames = [Image.fromarray(CAMERA), Image.fromarray(CAMERA[::-1])]
    path = save(tmp_path, frames[0], "b.png", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_image(path, page=2).pixels[..., 0], CAMERA[::-1])
    with pytest.raises(ValueError, match="animated, 2 frames, where one image was expected: --page=1"):
        read_image(path)


def test_a_jpeg_without_its_end(tmp_path):
    for options in ({}, {"progressive": True}, {"subsampling": 0, "restart_marker_rows": 1}):
        path = save(tmp_path, Image.fromarray(RGB), "a.jpg", **options)
        whole, expected = path.read_bytes(), read_image(path).pixels
        path.write_bytes(whole[:-2])
        image = read_image(path)
        np.testing.assert_array_equal(image.pixels, expected)
        assert image.notes == ()
        path.write_bytes(whole[: len(whole) - 60])
        with pytest.raises(ValueError, match="ends early, in row"):
            read_image(path)
        image = read_image(path, accept_truncated=True)
        (note,) = image.notes
        row = int(note.split(" row ")[1].split()[0])
        assert note.startswith("the file ends early")
        if "progressive" not in options:
            assert 0 < row < 41
            np.testing.assert_array_equal(image.pixels[:row], expected[:row])
    scans = [place for place in range(len(whole)) if whole[place : place + 2] == b"\xff\xda"]
    assert len(scans) == 1
    path = save(tmp_path, Image.fromarray(RGB), "a.jpg", progressive=True)
    whole = path.read_bytes()
    scans = [place for place in range(len(whole)) if whole[place : place + 2] == b"\xff\xda"]
    path.write_bytes(whole[: scans[-1]])  # each scan is whole, and the last one is not there
    with pytest.raises(ValueError, match="ends early"):
        read_image(path)


@pytest.mark.parametrize("image", [
    Image.fromarray(RGB), Image.fromarray(DEEP[..., 0]), Image.fromarray(RGB).quantize(9)])
def test_a_png_without_its_end(tmp_path, image):
    path = save(tmp_path, image, "a.png")
    whole, expected = path.read_bytes(), read_image(path).pixels
    wrong = bytearray(whole)
    wrong[whole.index(b"IEND") - 5] ^= 1  # the checksum of the pixels
    for content in (whole[:-12], whole[:-14], bytes(wrong)):
        path.write_bytes(content)
        np.testing.assert_array_equal(read_image(path).pixels, expected)
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(ValueError, match="ends early, in row"):
        read_image(path)
    cut = read_image(path, accept_truncated=True)
    row = int(cut.notes[0].split(" row ")[1].split()[0])
    assert 0 < row < 41
    np.testing.assert_array_equal(cut.pixels[:row], expected[:row])


def test_an_interlaced_png_without_its_end(tmp_path):
    rows = b""
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    for left, top, across, down in passes:
        rows += b"".join(b"\0" + row.tobytes() for row in RGB[top::down, left::across])
    whole = png(37, 41, 8, 2, rows)
    header = whole[12:28] + b"\1"
    whole = whole[:12] + header + struct.pack(">I", zlib.crc32(header)) + whole[33:]
    path = tmp_path / "a.png"
    path.write_bytes(whole)
    np.testing.assert_array_equal(read_image(path).pixels, RGB)
    path.write_bytes(whole[: len(whole) // 2])
    cut = read_image(path, accept_truncated=True)
    np.testing.assert_array_equal(cut.pixels[::8, ::8], RGB[::8, ::8])
    assert cut.notes == ("the file ends early: from row 0 on it is black, or in part",)
