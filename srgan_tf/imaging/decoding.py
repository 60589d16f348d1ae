"""Image files through Pillow: which are refused, how their pixels become RGB(A), and what is kept beside them."""

import contextlib
import dataclasses
import io
import re
import threading
import warnings
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageCms

from srgan_tf.imaging import (
    bmp_runs,
    colour_profiles,
    cut_jpeg,
    deep,
    exif,
    metadata,
    png_chunks,
    signatures,
    tiff_files,
)
from srgan_tf.imaging.color import halve_depth

_GREY_MODES = ("1", "L", "LA")
_DEEP_GREY_MODES = ("I;16", "I;16L", "I;16B", "I;16N")
_COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "YCbCr", "CMYK")

# TIFF's own tags (TIFF 6.0, section 8).
_SIDES = 256, 257  # width and height
_BITS_PER_SAMPLE, _COMPRESSION, _PHOTOMETRIC, _PLANAR_CONFIGURATION = 258, 259, 262, 284
_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _SUB_DIRECTORIES, _DNG_VERSION = 254, 255, 330, 50706
_REDUCED_OR_MASK = 1 | 4  # of _SUBFILE_TYPE

# Formats with further images behind the first that are no pages: previews, depth, a live photo's frames.
_FIRST_IS_THE_IMAGE = ("MPO", "HEIF")

_TURNS = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
          5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
          8: Image.Transpose.ROTATE_90}

_TURNED_BY_A_QUARTER = (5, 6, 7, 8)  # values of EXIF's orientation

# catch_warnings changes the whole process's filters: two threads must not interleave.
_warnings_lock = threading.Lock()


class RefusedError(Exception):
    """An image that Pillow opens and this package does not take; the text says why."""


class TooLargeError(RefusedError):
    """An image of more pixels than are wanted."""

    def __init__(self, width: int, height: int, most: int):
        super().__init__(f"too large: {width} x {height} pixels, where the limit is {most:,}")
        self.width, self.height = width, height


class Decoded(NamedTuple):
    """What a file holds.

    Attributes:
        pixels: uint8 or uint16, [H,W,3] or [H,W,4], upright.
        grey: whether the file was grey.
        icc_profile: of those pixels.
        metadata: what else the file says.
        notes: what was done that the user should know of, in words.
    """

    pixels: np.ndarray
    grey: bool
    icc_profile: bytes | None
    metadata: metadata.Metadata
    notes: tuple[str, ...] = ()


class Header(NamedTuple):
    """What is known of an image before it is decoded.

    Attributes:
        width, height: upright, in pixels.
        alpha: whether it has alpha, which may be opaque everywhere.
    """

    width: int
    height: int
    alpha: bool


class Wanted(NamedTuple):
    """What is asked of a file; as `image_files.read_image` has it."""

    max_pixels: int
    keep_depth: bool = False
    page: int = 0
    accept_truncated: bool = False


def header(file: BinaryIO, wanted: Wanted) -> Header:
    """Reads the header of one still image; raises what `decode` raises."""
    kind = signatures.kind_of(file)
    file, _ = _for_pillow(file, kind)
    file.seek(0)
    with _quietly():
        image = _open(file, kind, wanted)
        tags = getattr(image, "tag_v2", {})
        # Pillow may already have turned the size of a TIFF.
        width, height = (tags.get(tag, side) for tag, side in zip(_SIDES, image.size, strict=True))
        with contextlib.suppress(Exception):  # an image whose EXIF is broken is still an image
            # Not PngImageFile's own getexif, which decodes the pixels to look for EXIF behind them.
            turn = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
            if turn in _TURNED_BY_A_QUARTER and not _turns_itself(image):
                width, height = height, width
        return Header(width, height, image.has_transparency_data)


def decode(file: BinaryIO, wanted: Wanted) -> Decoded:
    """Decodes one still image.

    Args:
        file: at its start.
        wanted: which of its images, and how.

    Raises:
        RefusedError: an image that cannot be taken, with the reason.
        Exception: whatever Pillow raises on a damaged file; it has no common type.
    """
    kind = signatures.kind_of(file)
    file, chunks = _for_pillow(file, kind)
    notes: list[str] = []
    try:
        image, layout = _load(file, kind, wanted)
    except OSError:
        if kind != "JPEG":
            raise
        file = _mended(file, wanted, notes)
        image, layout = _load(file, kind, wanted)
    kept = tiff_files.collect(image, file) if kind == "TIFF" else metadata.collect(image, chunks)
    image = _upright(image, kept)
    if layout:
        low = image
        if layout.channels != "LA":
            low = _upright(_load(file, kind, wanted, low=True)[0], kept)
        grey, pixels = layout.channels == "LA", _from_deep_colour(deep.join(image, low, layout), image)
    else:
        grey, pixels = _is_grey(image), _rgb(image)
    profile = image.info.get("icc_profile")
    if kind == "PNG":
        pixels, profile, kept = _of_png(chunks, pixels, kept)
    if profile and not colour_profiles.fits(profile, grey) and not (grey and colour_profiles.fits(profile, False)):
        profile = None
    return Decoded(pixels if wanted.keep_depth else halve_depth(pixels), grey, profile, kept, tuple(notes))


def _for_pillow(file: BinaryIO, kind: str | None) -> tuple[BinaryIO, list[png_chunks.Chunk]]:
    """The file, without what Pillow would refuse a PNG for; and a PNG's chunks."""
    chunks = png_chunks.read(file) if kind == "PNG" else []
    return png_chunks.without(file) if any(map(png_chunks.is_beyond_pillow, chunks)) else file, chunks


def _of_png(chunks: list[png_chunks.Chunk], pixels: np.ndarray, kept: metadata.Metadata
            ) -> tuple[np.ndarray, bytes | None, metadata.Metadata]:
    """Pixels, profile and metadata of a PNG, by its own chunks."""
    colours = colour_profiles.png_colours(chunks)
    profile = colours.profile
    for chunk in chunks:
        if chunk.name == b"iCCP" and not profile:
            with contextlib.suppress(ValueError):  # an image whose profile is broken is still an image
                profile = png_chunks.profile(chunk)
    return colour_profiles.straightened(pixels, colours), profile, dataclasses.replace(kept, cicp=colours.cicp)


def _mended(file: BinaryIO, wanted: Wanted, notes: list[str]) -> BinaryIO:
    """A JPEG that ends early, with an end: as it is if nothing else is missing, else if it is wanted."""
    file.seek(0)
    with _quietly():
        content, row = cut_jpeg.mended(file.read())
    if row is not None:
        if not wanted.accept_truncated:
            raise RefusedError(f"the file ends early, in row {row}: --accept_truncated takes what is there")
        notes.append(f"the file ends early: from row {row} on it is grey or coarse")
    return io.BytesIO(content)


def _upright(image: Image.Image, kept: metadata.Metadata) -> Image.Image:
    """Turned as its EXIF says, or else its XMP; Pillow turns TIFF as it loads."""
    if image.format == "TIFF" or _turns_itself(image):
        return image
    turn = _TURNS.get(exif.orientation(kept.exif) if kept.exif else metadata.xmp_orientation(kept.xmp))
    if turn is None:
        return image
    turned = image.transpose(turn)
    turned.format = image.format  # Pillow forgets it, and with it what is special to each
    return turned


def _turns_itself(image: Image.Image) -> bool:
    """Whether the decoder turns an image whatever its EXIF says: JPEG XL's does, but for what was a JPEG."""
    return image.format == "JXL" and not image.jpeg


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without Pillow's warnings, and without its limit of pixels, for which this package has its own."""
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        most, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = most


def _load(file: BinaryIO, kind: str | None, wanted: Wanted, low: bool = False
          ) -> tuple[Image.Image, deep.Layout | None]:
    """Opens, refuses, decodes. Only the header is read under the lock of `_quietly`, so that threads can decode.

    Returns:
        The image, and its layout as `deep.layout` has it. Where there is one, the image holds the high bytes,
        or the low ones.
    """
    file.seek(0)
    with _quietly():
        image = _open(file, kind, wanted)
        layout = deep.layout(image)
        if layout:
            deep.unpack(image, layout, low)
        if image.format == "TIFF":
            image.load()  # warns of odd EXIF as it goes
    bmp_runs.unpack(image)
    _widen_transparency(image)
    image.load()
    return image, layout


def _open(file: BinaryIO, kind: str | None, wanted: Wanted) -> Image.Image:
    if kind in signatures.PLUGINS and not signatures.has_plugin(kind):
        raise RefusedError(f"{kind} is read with a plug-in of Pillow: pip install 'srgan_tf[formats]'")
    if kind not in (*signatures.READ, *signatures.PLUGINS):
        readable = ", ".join((*signatures.READ, *signatures.PLUGINS))
        raise RefusedError(f"{kind} is not read: convert it to PNG first" if kind else
                           f"not an image ({readable}), or damaged from its first bytes")
    try:
        image = Image.open(file, formats=(kind,))
    except Image.UnidentifiedImageError:
        raise RefusedError(f"{kind} of a kind that is not read, or damaged: {_why(file, kind)}") from None
    _refuse_size(image, wanted)
    _to_page(image, wanted.page)
    _refuse_size(image, wanted)
    _refuse_pixels(image)
    return image


def _why(file: BinaryIO, kind: str) -> str:
    """What the format's own reader says, which Pillow does not pass on."""
    file.seek(0)
    try:
        Image.OPEN[kind][0](file, "")
    except Exception as error:
        return re.sub(r"\s+", " ", str(error)) or type(error).__name__
    return "Pillow cannot identify it"


def _refuse_size(image: Image.Image, wanted: Wanted) -> None:
    width, height = image.size
    if width * height > wanted.max_pixels:
        raise TooLargeError(width, height, wanted.max_pixels)


def _to_page(image: Image.Image, page: int) -> None:
    """Turns to the one image of a file, or to the page that is wanted, from 1."""
    if image.format == "TIFF" and (_DNG_VERSION in image.tag_v2 or (
            image.tag_v2.get(_SUBFILE_TYPE, 0) & 1 and _SUB_DIRECTORIES in image.tag_v2)):
        raise RefusedError("a camera's raw image: develop it to TIFF, PNG or JPEG first")
    frames = getattr(image, "n_frames", 1)
    if not page and (frames == 1 or image.format in _FIRST_IS_THE_IMAGE):
        return
    pages = list(range(frames)) if image.format != "TIFF" else _tiff_pages(image, frames)
    if page > len(pages):
        raise RefusedError(f"there is no page {page}: the file has {len(pages)}")
    if not page and len(pages) > 1:
        what = f"{frames} pages" if image.format == "TIFF" else f"animated, {frames} frames"
        raise RefusedError(f"{what}, where one image was expected: --page=1 takes the first")
    image.seek(pages[max(page, 1) - 1])


def _tiff_pages(image: Image.Image, frames: int) -> list[int]:
    """The pages of a TIFF without its thumbnails and masks; all of them where there is nothing else."""
    pages = []
    for number in range(frames):
        image.seek(number)
        reduced = image.tag_v2.get(_SUBFILE_TYPE, 0) & _REDUCED_OR_MASK or image.tag_v2.get(_OLD_SUBFILE_TYPE) == 2
        pages += [] if reduced else [number]
    return pages or list(range(frames))


def _widen_transparency(image: Image.Image) -> None:
    """Pillow brings grey PNGs of 2 and 4 bits to 0..255, but not the grey level that is transparent in them."""
    if image.format == "PNG" and image.tile and isinstance(key := image.info.get("transparency"), int):
        image.info["transparency"] = key * {"L;2": 85, "L;4": 17}.get(image.tile[0].args, 1)


def _refuse_pixels(image: Image.Image) -> None:
    if image.mode not in (*_GREY_MODES, *_DEEP_GREY_MODES, *_COLOUR_MODES):
        raise RefusedError(f"pixels of mode {image.mode} are not supported; save it as 8-bit or 16-bit grey or RGB")
    tags = getattr(image, "tag_v2", {})
    separate = tags.get(_PLANAR_CONFIGURATION) == 2 and tags.get(_COMPRESSION) == 1
    if separate and max(tags.get(_BITS_PER_SAMPLE, (8,))) > 8:
        # Pillow 13 takes the bytes of such planes for pixels.
        raise RefusedError("uncompressed 16-bit TIFF in separate planes is not supported; save it interleaved")


def _is_grey(image: Image.Image) -> bool:
    if image.mode in ("P", "PA"):  # GIF has no other grey than a palette of greys
        palette = np.reshape(image.getpalette("RGB"), (-1, 3))
        return bool((palette == palette[:, :1]).all())
    return image.mode in (*_GREY_MODES, *_DEEP_GREY_MODES)


def _rgb(image: Image.Image) -> np.ndarray:
    """[H,W,3], or [H,W,4] if the image has transparency in any form; uint16 for grey of more than 8 bits."""
    if image.mode in _DEEP_GREY_MODES:
        return _from_deep_grey(image)
    if image.mode == "CMYK":
        image = _from_cmyk(image)
    return np.array(image.convert("RGBA" if image.has_transparency_data else "RGB"))


def _from_deep_grey(image: Image.Image) -> np.ndarray:
    values = np.asarray(image).astype(np.uint32)
    tags = getattr(image, "tag_v2", {})
    peak = (1 << tags.get(_BITS_PER_SAMPLE, (16,))[0]) - 1  # 12 bits are possible in TIFF
    if tags.get(_PHOTOMETRIC) == 0:
        values = peak - values  # white is zero; Pillow leaves that to us at 16 bits
    # peak is odd: there are no ties.
    channels = [((values * 65535 + peak // 2) // peak).astype(np.uint16)] * 3
    if (key := image.info.get("transparency")) is not None:
        channels.append(np.where(values == key, 0, 65535).astype(np.uint16))
    return np.stack(channels, axis=2)


def _from_deep_colour(pixels: np.ndarray, image: Image.Image) -> np.ndarray:
    """uint16 [H,W,2], [H,W,3] or [H,W,4] -> [H,W,3], or [H,W,4] where there is transparency."""
    if pixels.shape[2] == 2:
        return pixels[..., [0, 0, 0, 1]]
    if pixels.shape[2] == 3 and (key := image.info.get("transparency")) is not None:
        alpha = np.where((pixels == key).all(axis=2), 0, 65535).astype(np.uint16)
        return np.dstack([pixels, alpha])
    return pixels


def _from_cmyk(image: Image.Image) -> Image.Image:
    """To sRGB through the image's own profile, or by Pillow's plain formula without a usable one."""
    profile = image.info.get("icc_profile") or b""
    if profile[16:20] == b"CMYK":
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    return image.convert("RGB")
