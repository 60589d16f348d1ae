"""Image files through Pillow: which are refused, how their pixels become RGB(A), and what is kept beside them."""

import contextlib
import dataclasses
import io
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import ExifTags, Image

from srgan_tf.imaging import (
    bmp_pixels,
    colour_profiles,
    cut_jpeg,
    cut_png,
    deep,
    exif,
    metadata,
    pixel_modes,
    png_chunks,
    signatures,
    tiff_files,
    tiff_samples,
)
from srgan_tf.imaging.color import halve_depth
from srgan_tf.imaging.pages import to_page
from srgan_tf.imaging.unreadable import BeyondPillowError, RefusedError

# TIFF's own tags (TIFF 6.0, section 8).
_SIDES = 256, 257  # width and height
_BITS_PER_SAMPLE, _PLANAR_CONFIGURATION = 258, 284

# What makes an image upright, by EXIF's orientation.
_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda x: x[:, ::-1], 3: lambda x: x[::-1, ::-1], 4: lambda x: x[::-1], 5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1), 7: lambda x: x[::-1, ::-1].swapaxes(0, 1), 8: lambda x: np.rot90(x)}
_TURNED_BY_A_QUARTER = (5, 6, 7, 8)

# What gives a cut file an end, and what is then in the place of the pixels that are not there.
_MENDERS = {"JPEG": (cut_jpeg.mended, "grey or coarse"), "PNG": (cut_png.mended, "black, or in part")}

# catch_warnings changes the whole process's filters: two threads must not interleave.
_warnings_lock = threading.Lock()


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
        try:
            image = _open(file, kind, wanted)
        except BeyondPillowError as error:
            return Header(*_samples_size(file, error), alpha=False)
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
    except BeyondPillowError as error:
        return _from_samples(file, error, wanted)
    except (OSError, SyntaxError):
        if kind not in _MENDERS:
            raise
        file = _mended(file, kind, wanted, notes)
        image, layout = _load(file, kind, wanted)
    kept = tiff_files.collect(file, image) if kind == "TIFF" else metadata.collect(image, chunks)
    if layout:
        low = image if layout.channels == "LA" else _load(file, kind, wanted, low=True)[0]
        grey = layout.channels == "LA"
        pixels = pixel_modes.from_deep_colour(deep.join(image, low, layout), image)
    else:
        grey, pixels = pixel_modes.is_grey(image), pixel_modes.rgb(image)
    profile = image.info.get("icc_profile")
    if kind == "PNG":
        pixels, profile, kept = _of_png(chunks, pixels, kept)
    # Pillow turns TIFF as it loads.
    turn = 1 if kind == "TIFF" or _turns_itself(image) else _orientation(kept)
    return _decoded(pixels, grey, profile, kept, turn, wanted)._replace(notes=tuple(notes))


def _decoded(pixels: np.ndarray, grey: bool, profile: bytes | None, kept: metadata.Metadata, turn: int, wanted: Wanted
             ) -> Decoded:
    """Upright, of the depth that is wanted, and with a profile of RGB or of grey alone."""
    if turn in _TURNS:
        pixels = np.ascontiguousarray(_TURNS[turn](pixels))
    if profile and not colour_profiles.fits(profile, grey) and not (grey and colour_profiles.fits(profile, False)):
        profile = None
    return Decoded(pixels if wanted.keep_depth else halve_depth(pixels), grey, profile, kept)


def _orientation(kept: metadata.Metadata) -> int:
    return exif.orientation(kept.exif) if kept.exif else metadata.xmp_orientation(kept.xmp)


def _samples_size(file: BinaryIO, error: BeyondPillowError) -> tuple[int, int]:
    """Upright width and height."""
    try:
        width, height = tiff_samples.size(file, error.start)
    except ValueError:
        raise RefusedError(str(error)) from None
    turned = _orientation(tiff_files.collect(file, start=error.start)) in _TURNED_BY_A_QUARTER
    return (height, width) if turned else (width, height)


def _from_samples(file: BinaryIO, error: BeyondPillowError, wanted: Wanted) -> Decoded:
    """A TIFF that Pillow does not read."""
    width, height = _samples_size(file, error)
    _refuse_size(width, height, wanted)
    try:
        samples = tiff_samples.read(file, error.start)
    except ValueError as reason:
        raise RefusedError(f"{error}: {reason}") from None
    profile = tiff_files.profile(file, error.start)
    grey, pixels = pixel_modes.from_samples(samples, profile)
    kept = tiff_files.collect(file, start=error.start)
    return _decoded(pixels, grey, profile, kept, _orientation(kept), wanted)


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


def _mended(file: BinaryIO, kind: str, wanted: Wanted, notes: list[str]) -> BinaryIO:
    """A file that ends early, with an end: as it is if nothing else is missing, else if it is wanted."""
    mend, rest = _MENDERS[kind]
    file.seek(0)
    with _quietly():
        content, row = mend(file.read())
    if row is not None:
        if not wanted.accept_truncated:
            raise RefusedError(f"the file ends early, in row {row}: upscale --accept_truncated takes what is there")
        notes.append(f"the file ends early: from row {row} on it is {rest}")
    return io.BytesIO(content)


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
    bmp_pixels.unpack_runs(image)
    _widen_transparency(image)
    image.load()
    return image, layout


def _open(file: BinaryIO, kind: str | None, wanted: Wanted) -> Image.Image:
    if kind in signatures.PLUGINS and not signatures.has_plugin(kind):
        raise RefusedError(f"{kind} is read with a plug-in of Pillow: pip install 'srgan_tf[formats]'")
    if kind not in (*signatures.READ, *signatures.PLUGINS):
        readable = ", ".join((*signatures.READ, *signatures.PLUGINS))
        raise RefusedError(f"{kind} is not read: convert it to PNG first" if kind else
                           f"not an image in a known format ({readable}), or its first bytes are damaged")
    if kind == "BMP" and (fields := bmp_pixels.bit_fields(file)):
        _refuse_size(fields.width, fields.height, wanted)
        return bmp_pixels.read_fields(file, fields)
    file.seek(0)
    try:
        image = Image.open(file, formats=(kind,))
    except Image.UnidentifiedImageError:
        why = f"{kind} of a kind that is not read, or damaged: {_why(file, kind)}"
        if kind == "TIFF" and wanted.page < 2 and (start := tiff_files.first_directory(file)):
            raise BeyondPillowError(start, why) from None
        raise RefusedError(why) from None
    _refuse_size(*image.size, wanted)
    to_page(image, wanted.page)
    _refuse_size(*image.size, wanted)
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


def _refuse_size(width: int, height: int, wanted: Wanted) -> None:
    if width * height > wanted.max_pixels:
        raise RefusedError(f"too large: {width} x {height} pixels, where the limit is {wanted.max_pixels:,}")


def _widen_transparency(image: Image.Image) -> None:
    """Pillow brings grey PNGs of 2 and 4 bits to 0..255, but not the grey level that is transparent in them."""
    if image.format == "PNG" and image.tile and isinstance(key := image.info.get("transparency"), int):
        image.info["transparency"] = key * {"L;2": 85, "L;4": 17}.get(image.tile[0].args, 1)


def _refuse_pixels(image: Image.Image) -> None:
    tags = getattr(image, "tag_v2", {})
    separate = tags.get(_PLANAR_CONFIGURATION) == 2 and max(tags.get(_BITS_PER_SAMPLE, (8,))) > 8
    if separate or image.mode not in pixel_modes.READABLE or (tags and image.mode in pixel_modes.WIDE):
        reason = f"pixels of mode {image.mode} are not read; save it as 8-bit or 16-bit grey or RGB"
        if tags and tags._offset:
            # Of planes Pillow has the high bytes alone, or takes bytes for pixels.
            raise BeyondPillowError(tags._offset, reason)
        raise RefusedError(reason)
