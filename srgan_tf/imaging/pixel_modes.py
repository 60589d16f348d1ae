"""Pillow's modes and TIFF's samples -> RGB(A) of 8 or 16 bits."""

import contextlib
import io

import numpy as np
from PIL import Image

from srgan_tf import lazy
from srgan_tf.imaging.color import LEVELS, halve_depth, to_levels, to_unit, unpremultiply
from srgan_tf.imaging.tiff_samples import Samples
from srgan_tf.imaging.unreadable import RefusedError

ImageCms = lazy.module("PIL.ImageCms")

_GREY_MODES = ("1", "L", "LA")
_DEEP_GREY_MODES = ("I;16", "I;16L", "I;16B", "I;16N")
_COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "YCbCr", "CMYK", "LAB")
WIDE = ("I", "F")  # integers up to 65535 in PPM, 32 bits elsewhere; float
READABLE = (*_GREY_MODES, *_DEEP_GREY_MODES, *_COLOUR_MODES, *WIDE)

# TIFF's own tags (TIFF 6.0, section 8).
_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262
_WHITE_IS_ZERO, _CMYK = 0, 5
_CHANNELS = {0: 1, 1: 1, 2: 3, 5: 4}  # of PhotometricInterpretation, without extra samples
_PREMULTIPLIED, _STRAIGHT = 1, 2  # of ExtraSamples


def is_grey(image: Image.Image) -> bool:
    """Whether an image has no colours but greys. Raises RefusedError where its palette is missing."""
    if image.mode in ("P", "PA") and image.palette is None:
        raise RefusedError("damaged: its palette is missing")
    if image.mode in ("P", "PA"):  # GIF has no other grey than a palette of greys
        palette = np.reshape(image.getpalette("RGB"), (-1, 3))
        return bool((palette == palette[:, :1]).all())
    return image.mode in (*_GREY_MODES, *_DEEP_GREY_MODES, *WIDE)


def rgb(image: Image.Image) -> np.ndarray:
    """[H,W,3], or [H,W,4] if the image has transparency in any form; uint16 for grey of more than 8 bits."""
    if image.mode in _DEEP_GREY_MODES:
        return _from_deep_grey(image)
    if image.mode in WIDE:
        values = np.asarray(image)[..., None]
        if image.mode == "I":
            if values.min() < 0 or values.max() > 65535:
                raise RefusedError("pixels of 32 bits are not read; save it as 8-bit or 16-bit grey or RGB")
            values = values.astype(np.uint16)
        return _levels(values)[..., [0, 0, 0]]
    if image.mode == "CMYK":
        image = _from_cmyk(image, image.info.get("icc_profile"))
    if image.mode == "LAB":
        image = ImageCms.profileToProfile(
            image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB")
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


def from_deep_colour(pixels: np.ndarray, image: Image.Image) -> np.ndarray:
    """uint16 [H,W,2], [H,W,3] or [H,W,4] -> [H,W,3], or [H,W,4] where there is transparency."""
    if pixels.shape[2] == 2:
        return pixels[..., [0, 0, 0, 1]]
    if pixels.shape[2] == 3 and (key := image.info.get("transparency")) is not None:
        alpha = np.where((pixels == key).all(axis=2), 0, 65535).astype(np.uint16)
        return np.dstack([pixels, alpha])
    return pixels


def _from_cmyk(image: Image.Image, profile: bytes | None) -> Image.Image:
    """To sRGB through the image's own profile, or by Pillow's plain formula without a usable one."""
    if profile and profile[16:20] == b"CMYK":
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    return image.convert("RGB")


def from_samples(samples: Samples, profile: bytes | None) -> tuple[bool, np.ndarray]:
    """Whether the samples of a TIFF are grey, and uint8 or uint16 [H,W,3] or [H,W,4]; CMYK is of 8 bits.

    Raises:
        RefusedError: they are no colours that RGB can stand for.
    """
    count = _CHANNELS.get(samples.photometric)
    if count is None or samples.values.shape[2] < count:
        raise RefusedError(f"TIFF of photometric interpretation {samples.photometric} with "
                           f"{samples.values.shape[2]} samples of {samples.values.dtype} is not read")
    kind = samples.extra[0] if samples.extra and samples.values.shape[2] > count else 0
    values = _levels(samples.values[..., : count + (kind in (_PREMULTIPLIED, _STRAIGHT))])
    if samples.photometric == _WHITE_IS_ZERO:
        values[..., 0] = LEVELS[values.dtype] - values[..., 0]
    if kind == _PREMULTIPLIED:
        unit = to_unit(values)
        values = to_levels(unpremultiply(unit[..., :-1], unit[..., -1:]), values.dtype)
    if samples.photometric == _CMYK:
        values = halve_depth(values)
        ink = Image.fromarray(np.ascontiguousarray(values[..., :4]), "CMYK")
        return False, np.dstack([np.asarray(_from_cmyk(ink, profile)), values[..., 4:]])
    if count == 1:
        return True, values[..., [0, 0, 0, 1][: values.shape[2] + 2]]
    return False, values


def _levels(values: np.ndarray) -> np.ndarray:
    """uint8 and uint16 as they are; uint32 and float in 0..1 -> uint16."""
    if values.dtype in LEVELS:
        return values.copy()
    if values.dtype.kind == "u":
        return ((values.astype(np.uint64) + 32768) // 65537).astype(np.uint16)
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1):  # NaN too
        raise RefusedError(f"float pixels from {low:g} to {high:g}, where 0 to 1 is read: scale them first")
    return to_levels(values, np.uint16)
