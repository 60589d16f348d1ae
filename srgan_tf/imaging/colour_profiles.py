"""Colour spaces: ICC profiles kept or converted to sRGB, and what a PNG without a profile says of its colours.

The networks have seen sRGB's curve. So a PNG's other curve (gAMA, or cICP's transfer) is brought to that one, which
any reader then takes right; other primaries (cHRM, cICP) would lose colours on the way to sRGB, and become an ICC
profile with sRGB's curve, as an embedded profile is kept too. Only HDR (PQ, HLG) stays as it is, for sRGB cannot
hold it.
"""

import contextlib
import io
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from srgan_tf import lazy
from srgan_tf.imaging import png_chunks
from srgan_tf.imaging.color import LEVELS, halve_depth, to_levels, to_unit

ImageCms = lazy.module("PIL.ImageCms")

Curve = Callable[[np.ndarray], np.ndarray]  # encoded light in 0..1 -> linear light

# A gamma within 5% of 1/2.2 is sRGB's to libpng (PNG_GAMMA_THRESHOLD), and so to most programs.
_SRGB_GAMMA, _ENOUGH = 1 / 2.2, 0.05
_WHITE_D65 = (0.3127, 0.3290)
_WHITE_D50 = (0.9642, 1.0, 0.8249)  # XYZ; of ICC's connection space
_SRGB_PRIMARIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_NEAR = 0.005  # of chromaticities that are the same
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

# ITU-T H.273: white and primaries of what cICP numbers.
_NUMBERED_PRIMARIES = {
    4: ((0.310, 0.316), ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08))),
    5: (_WHITE_D65, ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06))),
    6: (_WHITE_D65, ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070))),
    7: (_WHITE_D65, ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070))),
    9: (_WHITE_D65, ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))),
    11: ((0.314, 0.351), ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))),
    12: (_WHITE_D65, ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))),
}
_HDR = (16, 18)  # PQ and HLG
_SRGB_TRANSFER = 13


class PngColours(NamedTuple):
    """What a PNG without an ICC profile says of its colours.

    Attributes:
        curve: to linear light, where it is not sRGB's.
        narrow: whether black and white are at 16 and 235 of 255.
        profile: an ICC profile of its primaries, where they are not sRGB's.
        cicp: the chunk, where the pixels are HDR.
    """

    curve: Curve | None = None
    narrow: bool = False
    profile: bytes | None = None
    cicp: bytes | None = None


def _bt709(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded < 0.081, encoded / 4.5, ((encoded + 0.099) / 1.099) ** (1 / 0.45))


_TRANSFERS: dict[int, Curve] = {
    1: _bt709, 6: _bt709, 14: _bt709, 15: _bt709, 4: lambda encoded: encoded**2.2, 5: lambda encoded: encoded**2.8,
    8: lambda encoded: encoded}


def fits(profile: bytes, grey: bool) -> bool:
    """Whether an ICC profile is one of grey, or of RGB, pixels (ICC.1, 7.2: the header's data colour space)."""
    return profile[16:20] == (b"GRAY" if grey else b"RGB ")


def png_colours(chunks: Sequence[png_chunks.Chunk]) -> PngColours:
    """What cICP says; else, without an sRGB chunk, what gAMA and cHRM say (PNG, section 4.3); nothing beside iCCP."""
    found = {chunk.name: chunk.content for chunk in reversed(chunks)}
    if (cicp := found.get(b"cICP", b"")) and len(cicp) == 4 and cicp[2] == 0:
        primaries, transfer, _, full = cicp
        if transfer in _HDR:
            return PngColours(cicp=cicp)
        if b"iCCP" not in found and transfer in (_SRGB_TRANSFER, *_TRANSFERS):
            numbered = _NUMBERED_PRIMARIES.get(primaries)
            return PngColours(_TRANSFERS.get(transfer), not full, numbered and primaries_profile(*numbered))
    if b"iCCP" in found or b"sRGB" in found or len(found.get(b"gAMA", b"")) != 4:
        return PngColours()
    gamma = int.from_bytes(found[b"gAMA"], "big") / 100_000
    curve = None if not gamma or abs(gamma / _SRGB_GAMMA - 1) < _ENOUGH else lambda encoded: encoded ** (1 / gamma)
    profile = None
    if len(chromaticities := found.get(b"cHRM", b"")) == 32:
        white, *points = np.reshape(struct.unpack(">8I", chromaticities), (4, 2)) / 100_000
        expected = (_WHITE_D65, *_SRGB_PRIMARIES)
        if np.abs(np.array([white, *points]) - expected).max() > _NEAR:
            with contextlib.suppress(ValueError, np.linalg.LinAlgError):  # numbers that are no colours
                profile = primaries_profile(tuple(white), tuple(map(tuple, points)))
    return PngColours(curve, profile=profile)


def straightened(pixels: np.ndarray, colours: PngColours) -> np.ndarray:
    """uint8 or uint16 [H,W,3] or [H,W,4] with sRGB's curve; alpha stays."""
    if not colours.curve and not colours.narrow:
        return pixels
    peak = LEVELS[pixels.dtype]
    encoded = to_unit(np.arange(peak + 1, dtype=pixels.dtype)).astype(np.float64)
    if colours.narrow:
        encoded = np.clip((encoded * 255 - 16) / 219, 0, 1)
    table = to_levels(_srgb_curve(colours.curve(encoded)) if colours.curve else encoded, pixels.dtype)
    pixels[..., :3] = table[pixels[..., :3]]
    return pixels


def _srgb_curve(linear: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)


def to_srgb(pixels: np.ndarray, profile: bytes) -> np.ndarray:
    """uint8 [H,W,1] to [H,W,4], colours of an ICC profile -> [H,W,3] or [H,W,4] in sRGB.

    Raises:
        ValueError: the profile cannot be used.
    """
    grey = pixels.shape[2] < 3
    colour = np.ascontiguousarray(pixels[..., 0] if grey else pixels[..., :3])
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = np.asarray(ImageCms.profileToProfile(
            Image.fromarray(colour), source, ImageCms.createProfile("sRGB"), outputMode="RGB"))
    except (ImageCms.PyCMSError, OSError) as error:
        raise ValueError(f"its colour profile cannot be used: {error}") from None
    return np.concatenate([converted, pixels[..., -1:]], axis=2) if pixels.shape[2] % 2 == 0 else converted


def fitted(pixels: np.ndarray, profile: bytes | None, holds: bool
           ) -> tuple[np.ndarray, bytes | None, tuple[str, ...]]:
    """Pixels and profile for a file; sRGB without one where the file's format cannot hold it.

    Grey with a profile of RGB becomes RGB, but for sRGB's, which says nothing new of grey.

    Args:
        pixels: uint8 or uint16, [H,W,1] to [H,W,4], as the format has them.
        profile: of these pixels.
        holds: whether the format holds profiles.

    Returns:
        pixels, profile, and what was lost, in words.
    """
    if not profile:
        return pixels, None, ()
    channels = pixels.shape[2]
    grey = channels < 3
    if grey and not fits(profile, True):
        if is_srgb(profile):
            return pixels, None, ()
        pixels, grey = pixels[..., [0, 0, 0, 1][: channels + 2]], False
    if holds and fits(profile, grey):
        return pixels, profile, ()
    source = pixels[..., [0, *[-1] * (channels % 2 == 0)]] if fits(profile, True) else pixels
    try:
        converted = to_srgb(halve_depth(source), profile)
    except ValueError as error:
        return pixels, None, (str(error),)
    return converted[..., ::3] if grey else converted, None, ()


def is_srgb(profile: bytes) -> bool:
    """Whether a profile calls itself sRGB."""
    with contextlib.suppress(ImageCms.PyCMSError, OSError):
        return "srgb" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).lower()
    return False


def primaries_profile(white: tuple[float, float], primaries: Sequence[tuple[float, float]]) -> bytes:
    """An ICC profile (ICC.1:2001, a matrix) with sRGB's curve.

    Args:
        white: x and y.
        primaries: x and y of red, green and blue.

    Raises:
        ValueError, numpy.linalg.LinAlgError: there are no such colours.
    """
    if any(not 0 <= x <= 1 or not 0 < y <= 1 for x, y in (white, *primaries)):
        raise ValueError(f"no colours: {white}, {primaries}")
    columns = np.array([_xyz(one) for one in primaries]).T
    matrix = columns * np.linalg.solve(columns, _xyz(white))
    cones = _BRADFORD @ np.array([_xyz(white), _WHITE_D50]).T
    matrix = np.linalg.inv(_BRADFORD) @ np.diag(cones[:, 1] / cones[:, 0]) @ _BRADFORD @ matrix
    if not np.isfinite(matrix).all() or np.abs(matrix).max() > 4:
        raise ValueError(f"no colours: {white}, {primaries}")
    name = b"Primaries of a PNG"
    curve = np.round(65535 * _TABLE).astype(">u2").tobytes()
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + bytes(1 + 78),
            b"cprt": b"text\0\0\0\0No copyright\0", b"wtpt": _xyz_tag(_WHITE_D50)}
    for place, colour in enumerate((b"r", b"g", b"b")):
        tags[colour + b"XYZ"] = _xyz_tag(matrix[:, place])
        tags[colour + b"TRC"] = b"curv\0\0\0\0" + struct.pack(">I", len(_TABLE)) + curve
    return _profile(tags)


def _xyz(point: tuple[float, float]) -> tuple[float, float, float]:
    x, y = point
    return x / y, 1.0, (1 - x - y) / y


def _xyz_tag(xyz: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * float(one)) for one in xyz))


def _profile(tags: dict[bytes, bytes]) -> bytes:
    """A display profile of RGB: header, table of tags (equal ones share their bytes) and their contents."""
    start, places, body = 132 + 12 * len(tags), {}, b""
    for content in tags.values():
        if content not in places:
            places[content] = start + len(body)
            body += content + bytes(-len(content) % 4)
    table = b"".join(name + struct.pack(">II", places[content], len(content)) for name, content in tags.items())
    header = struct.pack(">I4sI4s4s4s12s4s", start + len(body), b"", 0x02100000, b"mntr", b"RGB ", b"XYZ ",
                         struct.pack(">6H", 2000, 1, 1, 0, 0, 0), b"acsp")
    header = header.ljust(68, b"\0") + struct.pack(">3i", *(round(65536 * one) for one in _WHITE_D50))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _srgb_decoded(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


_TABLE = _srgb_decoded(np.linspace(0, 1, 1024))
