"""What files say beside their pixels: from each format to each, with EXIF left where it stands."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from imaging.samples import CAMERA, RGB, pillow, png, save
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from srgan_tf.imaging import DecodedImage, read_image, write_image

pytestmark = pytest.mark.filterwarnings("error")  # none of Pillow's may leak

XMP = (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:D'
       b'escription xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="1" tiff:ImageWidth="37"/></rdf:RDF>'
       b"</x:xmpmeta>")
IPTC = b"\x1c\x02\x78\x00\x05hello"  # a caption
THUMBNAIL = b"8BIM\x04\x0c\0\0\0\0\0\x04what"
PATHS = b"8BIM\x07\xd0\x04path\0\0\0\0\x03abc\0"
NOTE = b"MAKER\0" + bytes(range(200))


def maker_exif(order: str = "<", orientation: int = 6) -> tuple[bytes, int]:
    """An EXIF block with a maker's note and a thumbnail, and where the note is."""
    def directory(entries: list, following: int) -> bytes:
        return struct.pack(order + "H", len(entries)) + b"".join(
            struct.pack(order + "HHI", *entry[:3]) + struct.pack(order + entry[3], entry[4]).ljust(4, b"\0")
            for entry in entries) + struct.pack(order + "I", following)

    note_at, thumbnail_at = 200, 500
    first = directory([(274, 3, 1, "H", orientation), (305, 2, 3, "3s", b"v1\0"), (34665, 4, 1, "I", 80)], 460)
    details = directory([(0x927C, 7, len(NOTE), "I", note_at), (0xA002, 3, 1, "H", 37), (0xA003, 4, 1, "I", 41)], 0)
    second = directory([(513, 4, 1, "I", thumbnail_at), (514, 4, 1, "I", 100)], 0)
    block = bytearray(thumbnail_at + 100)
    block[:8] = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    for place, content in ((8, first), (80, details), (note_at, NOTE), (460, second), (thumbnail_at, b"t" * 100)):
        block[place : place + len(content)] = content
    return bytes(block), note_at


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("target", ["b.jpg", "b.png", "b.webp", "b.tif"])
def test_makers_notes_stay_in_their_place(tmp_path, order, target):
    block, place = maker_exif(order)
    source = save(tmp_path, Image.fromarray(RGB), "a.jpg", exif=b"Exif\0\0" + block)
    image = read_image(source)
    assert image.pixels.shape == (37, 41, 3)
    assert write_image(tmp_path / target, np.repeat(image.pixels, 2, axis=1), image, software="a model") == ()
    if target == "b.tif":
        written = (tmp_path / target).read_bytes()
    else:
        written = pillow(tmp_path / target).info["exif"].removeprefix(b"Exif\0\0")
        assert b"tttt" not in written  # the thumbnail of before
    assert written[place : place + len(NOTE)] == NOTE
    found = pillow(tmp_path / target).getexif()
    details = found.get_ifd(ExifTags.IFD.Exif)
    assert found[ExifTags.Base.Orientation] == 1
    assert found[ExifTags.Base.Software] == "v1; a model"
    assert details[ExifTags.Base.MakerNote] == NOTE
    assert (details[ExifTags.Base.ExifImageWidth], details[ExifTags.Base.ExifImageHeight]) == (82, 37)
    again = read_image(tmp_path / target)
    assert again.metadata.exif[place : place + len(NOTE)] == NOTE  # of a TIFF too, whose block is made anew


def test_a_broken_block_is_said(tmp_path):
    block, _ = maker_exif()
    for broken in (b"nonsense", block[:20], b"II*\0" + struct.pack("<I", 5000)):
        image = read_image(save(tmp_path, Image.fromarray(RGB), "a.png", exif=broken))
        lost = write_image(tmp_path / "b.png", image.pixels, image, software="a model")
        assert lost == ("its EXIF, which is broken",)
        assert pillow(tmp_path / "b.png").text == {"Software": "a model"}


def rich(folder: Path, name: str) -> DecodedImage:
    """An image that was read from a file with all that its format holds."""
    options: dict = {"dpi": (300, 200)}
    if name == "a.png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text("parameters", "a tree, Steps: 20")
        options["pnginfo"].add_itxt("Title", "Bäume", lang="de", tkey="Titel", zip=True)
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
        raw = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC
        text = f"\niptc\n{len(raw):8d}\n{raw.hex()}\n"
        options["pnginfo"].add_text("Raw profile type iptc", text, zip=True)
    elif name == "a.jpg":
        resources = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC + THUMBNAIL + PATHS
        extra = [(0xED, b"Photoshop 3.0\0" + resources), (0xE3, b"Meta\0\0"), (0xFE, b"second")]
        options |= {"xmp": XMP, "comment": b"hello", "extra": b"".join(
            struct.pack(">BBH", 255, marker, len(content) + 2) + content for marker, content in extra)}
    elif name == "a.webp":
        options |= {"xmp": XMP, "exif": maker_exif("<", 1)[0]}
    elif name == "a.tif":
        options["tiffinfo"] = {700: XMP, 33723: IPTC, 34377: PATHS, 270: "a title", 33550: (1.0, 2.0, 3.0)}
    return read_image(save(folder, Image.fromarray(RGB), name, **options))


LOST = {
    ("a.png", "b.jpg"): ("PNG texts (parameters, Title)",),
    ("a.png", "b.webp"): ("IPTC", "PNG texts (parameters, Title)"),
    ("a.png", "b.tif"): ("PNG texts (parameters, Title)",),
    ("a.png", "b.bmp"): ("XMP", "IPTC", "PNG texts (parameters, Title)"),
    ("a.jpg", "b.png"): ("JPEG segments APP3",),
    ("a.jpg", "b.webp"): ("IPTC", "Photoshop resources", "comments", "JPEG segments APP3"),
    ("a.jpg", "b.tif"): ("JPEG segments APP3",),
    ("a.webp", "b.bmp"): ("EXIF", "XMP"),
    **{("a.tif", f"b.{suffix}"): ("TIFF tags 33550",) for suffix in ("png", "jpg", "tif")},
    ("a.tif", "b.webp"): ("IPTC", "Photoshop resources", "TIFF tags 33550"),
}


@pytest.mark.parametrize("source", ["a.png", "a.jpg", "a.webp", "a.tif"])
@pytest.mark.parametrize("target", ["b.png", "b.jpg", "b.webp", "b.tif", "b.bmp"])
def test_from_file_to_file_or_said(tmp_path, source, target):
    image = rich(tmp_path, source)
    lost = write_image(tmp_path / target, np.repeat(image.pixels, 3, axis=1), image)
    again = read_image(tmp_path / target)
    if (source, target) in LOST:
        assert lost == LOST[source, target]
    elif target != "b.bmp":
        assert lost == ()
    if source != "a.webp":
        assert again.metadata.dpi == pytest.approx((300, 200), abs=0.02)
    if target != "b.bmp":
        assert again.metadata.xmp == XMP.replace(b'"37"', b'"111"')
    if source != "a.webp" and target not in ("b.bmp", "b.webp"):
        assert again.metadata.iptc == IPTC
        assert again.metadata.resources == (None if source == "a.png" else PATHS)
    if source == target.replace("b", "a"):
        assert again.metadata.texts == image.metadata.texts
        assert again.metadata.segments == image.metadata.segments
        assert again.metadata.comments == image.metadata.comments
    if source == "a.jpg" and target == "b.png":
        assert pillow(tmp_path / target).text["Comment"].encode() == image.metadata.comments[-1]
    if source == "a.tif" and target != "b.bmp":
        assert pillow(tmp_path / target).getexif()[ExifTags.Base.ImageDescription] == "a title"


def test_metadata_of_more_than_a_megabyte(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = struct.pack(">I", len(profile) + 1_200_000) + profile[4:] + bytes(1_200_000)
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", "<x>" + "history " * 150_000 + "</x>", zip=True)
    image = read_image(save(tmp_path, Image.fromarray(RGB), "a.png", icc_profile=profile, pnginfo=info))
    np.testing.assert_array_equal(image.pixels, RGB)
    assert image.icc_profile == profile
    assert len(image.metadata.xmp) == 7 + 8 * 150_000
    write_image(tmp_path / "b.png", RGB, image)
    assert read_image(tmp_path / "b.png").metadata.xmp == image.metadata.xmp
    assert write_image(tmp_path / "b.jpg", RGB, image) == ("XMP of more than 65,504 bytes",)


def test_chunks_after_the_pixels_are_read(tmp_path):
    whole = png(2, 1, 8, 0, b"\0\1\2")
    text = b"tEXtComment\0late"
    text = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    (tmp_path / "a.png").write_bytes(whole[:-12] + text + whole[-12:])
    image = read_image(tmp_path / "a.png")
    assert [chunk.content for chunk in image.metadata.texts] == [b"Comment\0late"]
    write_image(tmp_path / "b.jpg", CAMERA, image)
    assert pillow(tmp_path / "b.jpg").info["comment"] == b"late"


def sharp(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.0031308, 12.92 * encoded, 1.055 * encoded ** (1 / 2.4) - 0.055)


def shown(path: Path) -> np.ndarray:
    """What a colour-managed program shows, in sRGB."""
    image = pillow(path)
    if profile := image.info.get("icc_profile"):
        image = ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                                          ImageCms.createProfile("sRGB"), outputMode="RGB")
    return np.asarray(image.convert("RGB"))


ROWS = b"".join(b"\0" + row.tobytes() for row in RGB)
P3 = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
SRGB_CHRM = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


@pytest.mark.parametrize("chunks", [
    {"gAMA": struct.pack(">I", 100_000)}, {"cICP": bytes([1, 8, 0, 1])},
    {"gAMA": struct.pack(">I", 100_000), "cHRM": SRGB_CHRM}])
def test_a_png_of_linear_light_becomes_srgb(tmp_path, chunks):
    (tmp_path / "a.png").write_bytes(png(37, 41, 8, 2, ROWS, **chunks))
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.pixels, np.floor(sharp(RGB / 255) * 255 + 0.5))
    assert image.icc_profile is None


@pytest.mark.parametrize("chunks", [
    {}, {"gAMA": struct.pack(">I", 45_455), "cHRM": SRGB_CHRM}, {"gAMA": struct.pack(">I", 100_000), "sRGB": b"\0"},
    {"cICP": bytes([1, 13, 0, 1])}, {"gAMA": struct.pack(">I", 0)}])
def test_a_png_that_is_srgb_stays(tmp_path, chunks):
    (tmp_path / "a.png").write_bytes(png(37, 41, 8, 2, ROWS, **chunks))
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.pixels, RGB)
    assert image.icc_profile is None


@pytest.mark.parametrize("chunks", [{"cICP": bytes([12, 13, 0, 1])}, {"gAMA": struct.pack(">I", 45_455), "cHRM": P3}])
def test_wide_colours_of_a_png_become_a_profile(tmp_path, chunks):
    reds = np.array([[[234, 51, 35]] * 37], np.uint8)  # sRGB's red in Display P3
    (tmp_path / "a.png").write_bytes(png(37, 1, 8, 2, b"\0" + reds.tobytes(), **chunks))
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.pixels, reds)
    for name in ("b.png", "b.tif", "b.bmp"):
        assert write_image(tmp_path / name, image.pixels, image) == ()
        assert np.abs(shown(tmp_path / name).astype(int) - (255, 0, 0)).max() <= 3


def test_hdr_stays_as_it_is(tmp_path):
    (tmp_path / "a.png").write_bytes(png(37, 41, 8, 2, ROWS, cICP=bytes([9, 16, 0, 1])))
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.pixels, RGB)
    assert write_image(tmp_path / "b.png", RGB, image) == ()
    assert b"cICP\x09\x10\0\1" in (tmp_path / "b.png").read_bytes()
    assert write_image(tmp_path / "b.jpg", RGB, image) == ("its HDR colours (cICP)",)


def test_a_profile_that_the_format_cannot_hold_becomes_srgb(tmp_path):
    from srgan_tf.imaging.colour_profiles import primaries_profile

    wide = primaries_profile((0.3127, 0.3290), ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)))
    image = read_image(save(tmp_path, Image.fromarray(RGB), "a.png", icc_profile=wide))
    for name in ("b.bmp", "b.jpg", "b.webp", "b.tif"):
        write_image(tmp_path / name, image.pixels, image)
        difference = np.abs(shown(tmp_path / name).astype(int) - shown(tmp_path / "a.png"))
        assert difference.mean() < (3 if name == "b.jpg" else 1)
    assert np.abs(shown(tmp_path / "a.png").astype(int) - RGB).mean() > 5
    grey = read_image(save(tmp_path, Image.fromarray(CAMERA), "c.png", icc_profile=wide))
    assert grey.grey
    write_image(tmp_path / "d.png", grey.pixels, grey)
    assert pillow(tmp_path / "d.png").mode == "RGB"  # whose profile it is
    assert pillow(tmp_path / "d.png").info["icc_profile"] == wide
