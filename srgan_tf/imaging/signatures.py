"""Which kind a file is, by its first bytes and not by its name; and the plug-ins of Pillow that read more kinds."""

import functools
import importlib
from typing import BinaryIO, NamedTuple

from PIL import Image

HEAD = 32  # bytes that tell a kind
READ = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm", ".pbm",
            ".pnm", ".avif", ".heic", ".heif", ".jxl")
# Of images that are not read and that no first bytes tell, or others than those of _BEGINNINGS.
OTHER_SUFFIXES = (".tga", ".dib", ".dcx", ".pcd", ".wmf", ".emf", ".psb", ".kra", ".hdr", ".raw", ".nef", ".arw",
                  ".dng")


class Plugin(NamedTuple):
    """A package that teaches Pillow a format: its module, and the function of it that has to be called, if any."""

    module: str
    register: str = ""


PLUGINS = {"HEIF": Plugin("pillow_heif", "register_heif_opener"), "JXL": Plugin("pillow_jxl")}

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"heif")
_AVIF_BRANDS = (b"avif", b"avis")
# Kinds by the bytes they begin with; the longer ones first where one begins another.
_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF87a": "GIF", b"GIF89a": "GIF", b"BM": "BMP",
    b"II*\0\x10\0\0\0CR": "Canon raw", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"II+\0": "TIFF", b"MM\0+": "TIFF",
    b"\xff\x0a": "JXL", b"\0\0\0\x0cJXL \r\n\x87\n": "JXL",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000", b"\xff\xd8": "JPEG",
    b"8BPS": "Photoshop", b"%!PS": "PostScript", b"\xc5\xd0\xd3\xc6": "PostScript", b"%PDF": "PDF",
    b"v/1\x01": "OpenEXR", b"#?RADIANCE": "Radiance HDR", b"#?RGBE": "Radiance HDR", b"DDS ": "DirectDraw surface",
    b"\0\0\1\0": "icon", b"PF\n": "PFM of colours", b"icns": "Apple icon", b"II\xbc\1": "JPEG XR", b"qoif": "QOI",
    b"gimp xcf": "GIMP", b"<svg": "SVG", b"BPG\xfb": "BPG", b"FLIF": "FLIF", b"farbfeld": "farbfeld",
    b"IIRO": "Olympus raw", b"IIRS": "Olympus raw", b"IIU\0": "Panasonic raw", b"FUJIFILMCCD-RAW": "Fujifilm raw",
    b"FOVb": "Sigma raw", b"\0MRM": "Minolta raw", b"\x8aMNG\r\n\x1a\n": "MNG", b"\x8bJNG\r\n\x1a\n": "JNG",
    b"SIMPLE  =": "FITS", b"P7": "PAM", b"\x59\xa6\x6a\x95": "Sun raster", b"\x01\xda": "SGI image",
    b"\x0a\x05\x01": "PCX", b"\x0a\x03\x01": "PCX", b"/* XPM */": "XPM", b"#define ": "XBM", b"RIFF": "RIFF",
}


def kind(head: bytes) -> str | None:
    """The kind that a file's first HEAD bytes tell: one of READ, a key of PLUGINS, another format in words, or None."""
    if head[4:8] == b"ftyp":
        return _brand(head)
    if head[:4] == b"\0\0\2\0" and head[4:6] != b"\0\0":  # TGA begins so too, and its palette is of no entries
        return "cursor"
    if head[:4] == b"RIFF":
        return "WEBP" if head[8:12] == b"WEBP" else None
    if head[:1] == b"P" and head[1:2] in b"123456f" and head[2:3].isspace():
        return "PPM"
    return next((name for start, name in _BEGINNINGS.items() if head.startswith(start)), None)


def _brand(head: bytes) -> str | None:
    """Of ISO's base media files: by their first brand, or the compatible ones after it (mif1 says neither codec)."""
    brands = [head[8:12], *(head[place : place + 4] for place in range(16, len(head), 4))]
    if brands[0] == b"crx ":
        return "Canon raw"
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return "AVIF"
        if brand in _HEIF_BRANDS and brand not in (b"mif1", b"msf1"):
            return "HEIF"
    return "HEIF" if brands[0] in _HEIF_BRANDS else "video"


def kind_of(file: BinaryIO) -> str | None:
    """`kind` of an opened file, whose place is at its beginning afterwards."""
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0)
    return kind(head)


@functools.cache
def has_plugin(name: str) -> bool:
    """Whether the package that reads a kind is installed; Pillow knows it from then on."""
    try:
        module = importlib.import_module(PLUGINS[name].module)
    except ImportError:
        return False
    if PLUGINS[name].register:
        getattr(module, PLUGINS[name].register)()
    return name in Image.OPEN
