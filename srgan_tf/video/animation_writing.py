"""Animated GIF and PNG, written as their frames come: Pillow's own writers hold all frames until the last one is made.

Pillow compresses. Of each frame the rectangle is written that differs from the frame before, and a frame that equals
the one before lengthens its delay.
"""

import io
import itertools
import struct
import zlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import GifImagePlugin, Image, ImageChops

from srgan_tf.imaging.deep import png_chunks_of, write_png_chunk
from srgan_tf.imaging.png_chunks import SIGNATURE

_OPAQUE_FROM = 128  # alpha in GIF, which has none between
_HIDDEN = 255  # the number that stands for transparency in a GIF's frames
_KEEP, _CLEAR = 1, 2  # what becomes of a GIF's frame when the next one is shown
_WORD = (1 << 16) - 1
# The longest delays, in milliseconds: GIF counts hundredths of a second, PNG has a fraction of two numbers.
GIF_DELAY, PNG_DELAY = 10 * _WORD, 1000 * _WORD
MOST_REPEATS = _WORD  # of GIF and WebP; for who watches, without end

Box = tuple[int, int, int, int]  # left, upper, right, lower


class _Distinct(NamedTuple):
    """A frame that differs from the one before: where, and for how many milliseconds it is shown."""

    image: Any
    box: Box
    delay: float


def write_gif(file: BinaryIO, frames: Iterator[np.ndarray], delays: Sequence[float], repeats: int,
              transparent: bool) -> None:
    """Writes an animated GIF.

    Args:
        file: to write to.
        frames: uint8 [H,W,3] or [H,W,4], one for each delay.
        delays: milliseconds, GIF_DELAY at most.
        repeats: how often it is played, about MOST_REPEATS times at most; 0: without end.
        transparent: whether a pixel of a frame is not opaque.
    """
    loop = {} if repeats == 1 else {"loop": min(max(repeats - 1, 0), MOST_REPEATS)}
    for number, (image, box, delay) in enumerate(_distinct(map(_palette_image, frames), delays, GIF_DELAY)):
        options = {"duration": delay, "disposal": _CLEAR if transparent else _KEEP}
        if "transparency" in image.info:
            options["transparency"] = _HIDDEN
        if not number:
            file.writelines(GifImagePlugin.getheader(image, info=options | loop)[0])
        else:
            options["include_color_table"] = True
            box = _visible(image) if transparent else box  # cleared before, so that all has to come again
        file.writelines(GifImagePlugin.getdata(image.crop(box), box[:2], **options))
    file.write(b";")


def write_png(file: BinaryIO, frames: Iterator[np.ndarray], delays: Sequence[float], repeats: int, poster: bool,
              icc_profile: bytes | None) -> None:
    """Writes an animated PNG.

    Args:
        file: to write to, and to seek in.
        frames: uint8 [H,W,3] or [H,W,4], one for each delay, after the poster.
        delays: milliseconds, PNG_DELAY at most.
        repeats: how often it is played; 0: without end.
        poster: whether the first frame is only for readers that know no animation.
        icc_profile: of the colours, if any.
    """
    images = map(rgba_image, frames)
    first = next(images)
    file.write(SIGNATURE)
    write_png_chunk(file, b"IHDR", struct.pack(">IIBBBBB", *first.size, 8, 6, 0, 0, 0))
    if icc_profile:
        write_png_chunk(file, b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc_profile))
    place = file.tell()
    write_png_chunk(file, b"acTL", bytes(8))
    if poster:
        for content in _compressed(first):
            write_png_chunk(file, b"IDAT", content)
    else:
        images = itertools.chain((first,), images)
    count, numbers = 0, itertools.count()
    for image, box, delay in _distinct(images, delays, PNG_DELAY):
        size, time = (box[2] - box[0], box[3] - box[1]), _png_time(delay)
        write_png_chunk(file, b"fcTL", struct.pack(">5I2H2B", next(numbers), *size, *box[:2], time.numerator,
                                                   time.denominator, 0, 0))
        for content in _compressed(image.crop(box)):
            if count or poster:
                write_png_chunk(file, b"fdAT", struct.pack(">I", next(numbers)) + content)
            else:
                write_png_chunk(file, b"IDAT", content)
        count += 1
    write_png_chunk(file, b"IEND", b"")
    file.seek(place)
    write_png_chunk(file, b"acTL", struct.pack(">II", count, repeats))


def _distinct(images: Iterator[Any], delays: Sequence[float], longest: int) -> Iterator[_Distinct]:
    before = None
    for delay, image in zip(delays, images, strict=True):
        if before is None:
            before = _Distinct(image, (0, 0, *image.size), delay)
            continue
        box = _differs(before.image, image)
        if box or before.delay + delay > longest:
            yield before
            before = _Distinct(image, box or (0, 0, 1, 1), delay)
        else:
            before = before._replace(delay=before.delay + delay)
    yield before


def _differs(before: Any, image: Any) -> Box | None:
    if before.getpalette() != image.getpalette():  # None in RGBA
        # Copies, for Pillow marks the palette of what it converts.
        before, image = before.copy().convert("RGBA"), image.copy().convert("RGBA")
    return ImageChops.difference(before, image).getbbox(alpha_only=False)


def _visible(image: Any) -> Box:
    """What of a GIF's frame is not transparent; a pixel where all is."""
    if "transparency" not in image.info:
        return (0, 0, *image.size)
    return ImageChops.difference(image, Image.new("P", image.size, _HIDDEN)).getbbox() or (0, 0, 1, 1)


def rgba_image(pixels: np.ndarray) -> Any:
    """A frame for Pillow, uint8 [H,W,3] or [H,W,4]."""
    return Image.fromarray(np.ascontiguousarray(pixels)).convert("RGBA")


def _palette_image(pixels: np.ndarray) -> Any:
    """A frame of at most 256 colours of its own, of which the last is transparency; without dither, which flickers."""
    if pixels.shape[2] == 3:
        return Image.fromarray(np.ascontiguousarray(pixels)).quantize(256, dither=Image.Dither.NONE)
    hidden = pixels[..., 3] < _OPAQUE_FROM
    colour = np.where(hidden[..., None], 0, pixels[..., :3])
    frame = Image.fromarray(np.ascontiguousarray(colour)).quantize(255, dither=Image.Dither.NONE)
    palette = frame.getpalette("RGB") or []
    indices = np.where(hidden, _HIDDEN, np.asarray(frame)).astype(np.uint8)
    made = Image.fromarray(indices).convert("P")
    made.putpalette(palette + [0] * (768 - len(palette)))
    made.info["transparency"] = _HIDDEN
    return made


def _compressed(image: Any) -> Iterator[bytes]:
    """The contents of the IDAT chunks of an image."""
    sample = io.BytesIO()
    image.save(sample, "PNG")
    return (content for name, content in png_chunks_of(sample.getvalue()) if name == b"IDAT")


def _png_time(delay: float) -> Fraction:
    """Milliseconds as seconds of two 16-bit numbers."""
    exact = Fraction(delay / 1000)
    return exact.limit_denominator(min(_WORD, int(_WORD / max(exact, 1))))
