"""Image files through Pillow: which are refused, how their pixels become RGB(A), and what is kept beside them."""

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps

from srgan_tf.imaging import deep
from srgan_tf.imaging.color import halve_depth

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")

_GREY_MODES = ("1", "L", "LA")
_DEEP_GREY_MODES = ("I;16", "I;16L", "I;16B", "I;16N")
_COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "YCbCr", "CMYK")

# TIFF's own tags (TIFF 6.0, section 8).
_SIDES = 256, 257  # width and height
_BITS_PER_SAMPLE, _COMPRESSION, _PHOTOMETRIC, _PLANAR_CONFIGURATION = 258, 259, 262, 284

# Of a TIFF's tags, those that describe the image; the others describe the file's layout.
_DESCRIPTIVE_TAGS = frozenset({
    ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.Software,
    ExifTags.Base.DateTime, ExifTags.Base.Artist, ExifTags.Base.Copyright, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo,
})

_TURNED_BY_A_QUARTER = (5, 6, 7, 8)  # values of EXIF's orientation

# catch_warnings changes the whole process's filters: two threads must not interleave.
_warnings_lock = threading.Lock()


class RefusedError(Exception):
    """An image that Pillow opens and this package does not take; the text says why."""


class Header(NamedTuple):
    """What is known of an image before it is decoded.

    Attributes:
        width, height: upright, in pixels.
        alpha: whether it has alpha, which may be opaque everywhere.
    """

    width: int
    height: int
    alpha: bool


def header(file: BinaryIO, max_pixels: int) -> Header:
    """Reads the header of one still image; raises what `decode` raises."""
    file.seek(0)
    with _quietly():
        image = _open(file, max_pixels)
        tags = getattr(image, "tag_v2", {})
        # Pillow may already have turned the size of a TIFF.
        width, height = (tags.get(tag, side) for tag, side in zip(_SIDES, image.size, strict=True))
        with contextlib.suppress(Exception):  # an image whose EXIF is broken is still an image
            # Not PngImageFile's own getexif, which decodes the pixels to look for EXIF behind them.
            if Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1) in _TURNED_BY_A_QUARTER:
                width, height = height, width
        return Header(width, height, image.has_transparency_data)


def decode(file: BinaryIO, max_pixels: int, keep_depth: bool) -> tuple[np.ndarray, bool, bytes | None, bytes | None]:
    """Decodes one still image.

    Args:
        file: at its start.
        max_pixels: as in `image_files.read_image`.
        keep_depth: whether more than 8 bits become uint16; else all become uint8.

    Returns:
        pixels (uint8 or uint16, [H,W,3] or [H,W,4], upright), grey, icc_profile and exif, as
        `image_files.DecodedImage` describes them.

    Raises:
        RefusedError: an image that cannot be taken, with the reason.
        Exception: whatever Pillow raises on a damaged file; it has no common type.
    """
    image, layout = _load(file, max_pixels)
    exif = _turn_upright(image)
    if layout:
        low = image
        if layout.channels != "LA":
            low, _ = _load(file, max_pixels, low=True)
            _turn_upright(low)
        grey, pixels = layout.channels == "LA", _from_deep_colour(deep.join(image, low, layout), image)
    else:
        grey, pixels = _is_grey(image), _rgb(image)
    profile = image.info.get("icc_profile")
    if not (profile and profile_fits(profile, grey)):
        profile = None
    return pixels if keep_depth else halve_depth(pixels), grey, profile, exif


def _turn_upright(image: Image.Image) -> bytes | None:
    """Turns an image as its EXIF says, and returns what is kept of that."""
    with _quietly():
        exif = _exif_block(image)
    # Their copies in `info` would be parsed again, and fail where the block above was given up.
    image.info.pop("exif", None)
    image.info.pop("Raw profile type exif", None)
    ImageOps.exif_transpose(image, in_place=True)
    return exif


def profile_fits(profile: bytes, grey: bool) -> bool:
    """Whether an ICC profile is one of grey, or of RGB, pixels (ICC.1, 7.2: the header's data colour space)."""
    return profile[16:20] == (b"GRAY" if grey else b"RGB ")


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _load(file: BinaryIO, max_pixels: int, low: bool = False) -> tuple[Image.Image, deep.Layout | None]:
    """Opens, refuses, decodes. Only the header is read under the lock of `_quietly`, so that threads can decode.

    Returns:
        The image, and its layout as `deep.layout` has it. Where there is one, the image holds the high bytes,
        or the low ones.
    """
    file.seek(0)
    with _quietly():
        image = _open(file, max_pixels)
        layout = deep.layout(image)
        if layout:
            deep.unpack(image, layout, low)
        if image.format == "TIFF":
            image.load()  # warns of odd EXIF as it goes
    _widen_transparency(image)
    image.load()
    return image, layout


def _open(file: BinaryIO, max_pixels: int) -> Image.Image:
    try:
        image = Image.open(file, formats=FORMATS)
    except Image.UnidentifiedImageError:
        raise RefusedError(f"not an image ({', '.join(FORMATS)}), or damaged from its first bytes") from None
    except Image.DecompressionBombError as error:
        raise RefusedError(f"too large: {error}") from None
    width, height = image.size
    if width * height > max_pixels:
        raise RefusedError(f"too large: {width} x {height} pixels, where the limit is {max_pixels:,}")
    # Phones append previews to a JPEG, and Pillow calls it MPO: the first frame is the image.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1:
        raise RefusedError(f"animated or of many pages: {frames} frames, where one was expected")
    _refuse_pixels(image)
    return image


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


def _exif_block(image: Image.Image) -> bytes | None:
    """The EXIF block without what the pixels will no longer agree with: orientation, size and thumbnail."""
    try:
        exif = Image.Exif()
        exif.load(image.getexif().tobytes())  # a copy: the image's own is still to turn it upright
        exif.pop(ExifTags.Base.Orientation, None)
        if ExifTags.IFD.Exif in exif:
            for tag in (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight):
                exif.get_ifd(ExifTags.IFD.Exif).pop(tag, None)
        if image.format == "TIFF":
            for tag in set(exif) - _DESCRIPTIVE_TAGS:
                del exif[tag]
        return exif.tobytes() if len(exif) else None
    except Exception:
        return None  # an image whose EXIF is broken is still an image


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
