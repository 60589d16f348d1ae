"""What an image file says beside its pixels and their colours: read from any format, written to each that holds it."""

import contextlib
import dataclasses
import math
import re
import struct
from collections.abc import Sequence

from PIL import Image, PngImagePlugin

from srgan_tf.imaging import exif, image_resources, png_chunks

_PHOTOSHOP, _XMP, _XMP_MORE = b"Photoshop 3.0\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
# A JPEG's segments that the file's writer makes anew, or that belong to images behind the first.
_JPEG_OWN = (b"JFIF", b"JFXX", b"AVI1", exif.PREFIX, _XMP, b"ICC_PROFILE\0", b"MPF\0", _PHOTOSHOP, b"Adobe")
_CONTENT_CREDENTIALS = b"JP"  # JUMBF: signed for the pixels of before
_CREDENTIALS_LOST = "content credentials (C2PA), which are signed for the pixels of before"
_SEGMENT = 65_533  # most bytes of a JPEG segment's content


@dataclasses.dataclass(frozen=True)
class Metadata:
    """What is kept beside the pixels.

    Attributes:
        exif: the EXIF block as the file has it, without `exif.PREFIX`.
        xmp: the XMP packet.
        iptc: IPTC's records.
        resources: Photoshop's other image resources.
        comments: of JPEG and GIF.
        texts: PNG's texts, as its chunks.
        segments: a JPEG's other segments, as marker and content.
        dpi: pixels per inch, across and down.
        cicp: PNG's coding-independent code points where the pixels are still in them (PQ and HLG).
        lost: what the file has and nothing here keeps, in words.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    resources: bytes | None = None
    comments: tuple[bytes, ...] = ()
    texts: tuple[png_chunks.Chunk, ...] = ()
    segments: tuple[tuple[int, bytes], ...] = ()
    dpi: tuple[float, float] | None = None
    cicp: bytes | None = None
    lost: tuple[str, ...] = ()


# What each format can hold, and the most bytes of some.
HOLDS = {
    "PNG": frozenset({"exif", "xmp", "iptc", "resources", "comments", "texts", "dpi", "cicp"}),
    "JPEG": frozenset({"exif", "xmp", "iptc", "resources", "comments", "segments", "dpi"}),
    "WEBP": frozenset({"exif", "xmp", "dpi"}),
    "TIFF": frozenset({"exif", "xmp", "iptc", "resources", "comments", "dpi"}),
    "BMP": frozenset({"dpi"}),
}
_MOST = {"JPEG": {"exif": _SEGMENT - len(exif.PREFIX), "xmp": _SEGMENT - len(_XMP), "comments": _SEGMENT}}
_WORDS = {"exif": "EXIF", "xmp": "XMP", "iptc": "IPTC", "resources": "Photoshop resources", "comments": "comments",
          "dpi": "dots per inch", "cicp": "its HDR colours (cICP)"}


def collect(image: Image.Image, chunks: Sequence[png_chunks.Chunk] = ()) -> Metadata:
    """What Pillow's opened image has.

    Args:
        image: of any format but TIFF, whose tags `tiff_files` reads.
        chunks: of a PNG, whose texts and EXIF Pillow has not seen.
    """
    info = image.info
    found = {"exif": info.get("exif"), "xmp": info.get("xmp"), "dpi": _resolution(image)}
    if isinstance(comment := info.get("comment"), bytes):
        found["comments"] = (comment,)
    if image.format == "PNG":
        found |= _of_png(chunks)
    elif hasattr(image, "applist"):
        found |= _of_jpeg(image)
    if found["exif"]:
        found["exif"] = found["exif"].removeprefix(exif.PREFIX)
    if isinstance(found["xmp"], str):
        found["xmp"] = found["xmp"].encode()
    return Metadata(**{name: value or None if name in ("exif", "xmp") else value for name, value in found.items()})


def _resolution(image: Image.Image) -> tuple[float, float] | None:
    dpi = image.info.get("dpi")
    if not dpi or (hasattr(image, "applist") and image.info.get("jfif_unit") not in (1, 2)):
        dpi = exif.resolution(image.info.get("exif"))  # where a JPEG has none, Pillow says 72
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        across, down = map(float, dpi or ())
        if 0 < across < math.inf and 0 < down < math.inf:
            return across, down
    return None


def _of_jpeg(image: Image.Image) -> dict:
    segments, resources, comments, lost = [], b"", [], []
    for name, content in image.applist:
        if name == "COM":
            comments.append(content)
        elif content.startswith(_PHOTOSHOP):
            resources += content[len(_PHOTOSHOP):]
        elif name == "APP11" and content.startswith(_CONTENT_CREDENTIALS):
            lost.append(_CREDENTIALS_LOST)
        elif not content.startswith(_JPEG_OWN):
            segments.append((0xE0 + int(name.removeprefix("APP")), content))
    iptc, others = image_resources.split(resources)
    return {"segments": tuple(segments), "comments": tuple(comments), "iptc": iptc, "resources": others,
            "lost": tuple(dict.fromkeys(lost))}


def _of_png(chunks: Sequence[png_chunks.Chunk]) -> dict:
    found, texts = {}, []
    for chunk in chunks:
        if chunk.name == b"eXIf":
            found["exif"] = chunk.content
        elif chunk.name == b"caBX":
            found["lost"] = (_CREDENTIALS_LOST,)
        elif chunk.name in png_chunks.TEXTS:
            taken = {}
            with contextlib.suppress(ValueError):
                taken = _of_text(*png_chunks.text(chunk))
            found |= taken
            if not taken:
                texts.append(chunk)
    return found | {"texts": tuple(texts)}


def _of_text(keyword: bytes, content: bytes) -> dict:
    """What a PNG's text stands for if it is no text: XMP, or one of ImageMagick's "raw profiles"."""
    if png_chunks.is_xmp(keyword):
        return {"xmp": content}
    kind = keyword.removeprefix(b"Raw profile type ")
    if kind == keyword or kind not in (b"exif", b"APP1", b"xmp", b"iptc", b"8bim"):
        return {}
    raw = png_chunks.raw_profile(content)
    if raw.startswith(_XMP) or kind == b"xmp":
        return {"xmp": raw.removeprefix(_XMP)}
    if kind in (b"exif", b"APP1"):
        return {"exif": raw}
    iptc, others = image_resources.split(raw)
    return {"iptc": iptc, "resources": others} if iptc or others else {"iptc": raw}


def fitted(metadata: Metadata, size: tuple[int, int], software: str, format: str) -> tuple[Metadata, list[str]]:
    """The metadata of an image made from the one it was read with, as a format holds it; and what is lost, in words.

    Args:
        metadata: as read.
        size: width and height of the new image.
        software: what made it; empty: nothing is said.
        format: a key of HOLDS.
    """
    lost: list[str] = []
    metadata, changes = _adapted(metadata, size, software, format, lost), {}
    for name in ("exif", "xmp", "iptc", "resources", "comments", "segments", "texts", "dpi", "cicp"):
        value, most = getattr(metadata, name), _MOST.get(format, {}).get(name)
        too_long = most and value and max(map(len, value if name == "comments" else [value])) > most
        if value and (too_long or name not in HOLDS[format]):
            changes[name] = () if isinstance(value, tuple) and name != "dpi" else None
            lost.append(f"{_words(metadata, name)} of more than {most:,} bytes" if too_long else _words(metadata, name))
    return dataclasses.replace(metadata, **changes), lost


def _words(metadata: Metadata, name: str) -> str:
    """What a field is called in a message."""
    if name == "segments":
        return "JPEG segments " + ", ".join(sorted({f"APP{marker - 0xE0}" for marker, _ in metadata.segments}))
    if name == "texts":
        return f"PNG texts ({', '.join(dict.fromkeys(map(_keyword, metadata.texts)))})"
    return _WORDS[name]


def _keyword(chunk: png_chunks.Chunk) -> str:
    return chunk.content.partition(b"\0")[0].decode("latin-1")


def _adapted(metadata: Metadata, size: tuple[int, int], software: str, format: str, lost: list[str]) -> Metadata:
    """With sizes, orientation and software brought up to date, and comments and texts in the format's own place."""
    changes: dict = {}
    if metadata.xmp:
        changes["xmp"] = _adapted_xmp(metadata.xmp, size)
    if format == "PNG":
        texts = [png_chunks.make_text("Comment", comment.rstrip(b"\0").decode("utf-8", "replace"))
                 for comment in metadata.comments]
        changes["texts"] = _with_software((*metadata.texts, *texts), software)
        changes["comments"] = ()
    elif metadata.texts:
        found = {_keyword(chunk): chunk for chunk in metadata.texts}
        if format == "JPEG" and "Comment" in found:
            with contextlib.suppress(ValueError):
                _, comment = png_chunks.text(found["Comment"])
                changes["comments"] = (*metadata.comments, comment)
                changes["texts"] = tuple(chunk for chunk in metadata.texts if chunk is not found["Comment"])
    dpi = metadata.dpi if format == "WEBP" else None  # the others have a place of their own for it
    if "exif" in HOLDS[format] and (metadata.exif or dpi or (software and format != "PNG")):
        try:
            changes["exif"] = exif.rewritten(metadata.exif, size, software, dpi)
        except ValueError:
            lost.append("its EXIF, which is broken")
            changes["exif"] = exif.rewritten(None, size, software, dpi) if dpi or software else None
    return dataclasses.replace(metadata, **changes)


def _with_software(texts: Sequence[png_chunks.Chunk], software: str) -> tuple[png_chunks.Chunk, ...]:
    if not software:
        return tuple(texts)
    earlier, kept = "", []
    for chunk in texts:
        content = None
        if _keyword(chunk) == "Software":
            with contextlib.suppress(ValueError):
                _, content = png_chunks.text(chunk)
        if content is None:
            kept.append(chunk)
        else:
            earlier = content.decode("utf-8" if chunk.name == b"iTXt" else "latin-1", "replace")
    return (*kept, png_chunks.make_text("Software", exif.joined_software(earlier, software)))


def _adapted_xmp(xmp: bytes, size: tuple[int, int]) -> bytes:
    """XMP whose copies of EXIF's orientation and size agree with the pixels."""
    values = {b"tiff:Orientation": 1, b"tiff:ImageWidth": size[0], b"tiff:ImageLength": size[1],
              b"exif:PixelXDimension": size[0], b"exif:PixelYDimension": size[1]}
    for name, value in values.items():
        xmp = re.sub(rb"(\b" + name + rb"\s*(?:=\s*[\"']|>))\s*\d+\s*(?=[\"']|</)", rb"\g<1>%d" % value, xmp)
    return xmp


def xmp_orientation(xmp: bytes | None) -> int:
    """How an image lies as its XMP says, 1 to 8; 1 where it does not."""
    found = re.search(rb"\btiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])\s*[\"'<]", xmp or b"")
    return int(found[1]) if found else 1


def pillow_arguments(metadata: Metadata, format: str) -> dict:
    """What `fitted` gave, as arguments of Pillow's `save`."""
    arguments: dict = {}
    if metadata.dpi and format != "WEBP":
        arguments["dpi"] = metadata.dpi
    if metadata.exif:
        arguments["exif"] = exif.PREFIX + metadata.exif
    if format == "PNG":
        arguments["pnginfo"] = _png_arguments(metadata)
    elif format == "JPEG":
        arguments["extra"] = _jpeg_segments(metadata)
    elif metadata.xmp:
        arguments["xmp"] = metadata.xmp
    return {name: value for name, value in arguments.items() if value}


def _png_arguments(metadata: Metadata) -> PngImagePlugin.PngInfo | None:
    chunks = list(metadata.texts)
    if metadata.cicp:
        chunks.append(png_chunks.Chunk(b"cICP", metadata.cicp))
    if metadata.xmp:
        chunks.append(png_chunks.make_xmp(metadata.xmp))
    if metadata.iptc or metadata.resources:
        kind = "8bim" if metadata.resources else "iptc"
        chunks.append(png_chunks.make_raw_profile(kind, image_resources.joined(metadata.iptc, metadata.resources)))
    info = PngImagePlugin.PngInfo()
    for chunk in chunks:
        info.add(chunk.name, chunk.content)
    return info if chunks else None


def _jpeg_segments(metadata: Metadata) -> bytes:
    segments = [(0xE1, _XMP + metadata.xmp)] if metadata.xmp else []
    resources = image_resources.joined(metadata.iptc, metadata.resources)
    step = _SEGMENT - len(_PHOTOSHOP)
    segments += [(0xED, _PHOTOSHOP + resources[start : start + step]) for start in range(0, len(resources), step)]
    segments += [*metadata.segments, *((0xFE, comment) for comment in metadata.comments)]
    return b"".join(struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content for marker, content in segments)
