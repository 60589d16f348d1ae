"""Images and files that the tests of this folder share: scikit-image's photographs, and what Pillow cannot write."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms
from skimage import data

RGB = data.astronaut()[90:131, 180:217]  # odd sizes: [41,37,3]
CAMERA = data.camera()[:41, :37]
ALPHA = np.linspace(0, 255, 41 * 37).astype(np.uint8).reshape(41, 37)

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY_PROFILE = SRGB[:16] + b"GRAY" + SRGB[20:]  # only the header's colour space matters here


def save(folder: Path, image: Image.Image, name: str, **options) -> Path:
    """Saves with Pillow; returns the path."""
    image.save(folder / name, **options)
    return folder / name


def pillow(path: Path) -> Image.Image:
    """What Pillow itself reads."""
    with Image.open(path) as image:
        image.load()
    return image


def png(width: int, height: int, bits: int, colour_type: int, rows: bytes, **chunks: bytes) -> bytes:
    """A PNG by hand, for what Pillow does not write."""
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    extra = b"".join(chunk(name.encode(), content) for name, content in chunks.items())
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def cmyk_profile() -> bytes:
    """A CMYK profile (ICC.1:2001, lut8Type) that makes grey of any ink: L* = 100 (1 - K) (1 - (C + M + Y) / 3)."""
    corners = [bytes([round(255 * (1 - k) * (1 - (c + m + y) / 3)), 128, 128])
               for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    identity = struct.pack(">9i", *(65536 * (place % 4 == 0) for place in range(9)))
    table = (b"mft1\0\0\0\0\x04\x03\x02\0" + identity + bytes(range(256)) * 4 + b"".join(corners)
             + bytes(range(256)) * 3)
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(table))
    header = struct.pack(">I4sI4s4s4s12s4s", 144 + len(table), b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ",
                         struct.pack(">6H", 2000, 1, 1, 0, 0, 0), b"acsp")
    header = header.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)  # the D50 illuminant
    return header.ljust(128, b"\0") + tags + table


def exif_of(orientation: int) -> bytes:
    """An EXIF block with a tag in each directory, and two tags that change with the image."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Artist] = "A. Photographer"
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.ISOSpeedRatings: 400, ExifTags.Base.ExifImageWidth: 37}
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    return exif.tobytes()


def check_exif(exif: Image.Exif, width: int) -> None:
    """Asserts that it is `exif_of` for an upright image of this width."""
    assert exif[ExifTags.Base.Artist] == "A. Photographer"
    assert exif[ExifTags.Base.Orientation] == 1
    details = exif.get_ifd(ExifTags.IFD.Exif)
    assert details[ExifTags.Base.ISOSpeedRatings] == 400
    assert details[ExifTags.Base.ExifImageWidth] == width
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
