"""Pixels told from the bytes of a file, held against Pillow's files, and against files that lie."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from srgan_tf.serving.image_headers import pixels_of

GREY = Image.fromarray(np.random.default_rng(0).integers(0, 256, (37, 53), np.uint8))


def file_of(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("options", [
    {"kind": "png"}, {"kind": "bmp"}, {"kind": "jpeg"}, {"kind": "jpeg", "progressive": True},
    {"kind": "jpeg", "exif": b"Exif\0\0" + b"\xff\xc0\0\x11\x08\xff\xff\xff\xff" * 9}])  # a frame within metadata
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_what_pillow_writes(options, mode):
    assert pixels_of(file_of(GREY.convert(mode), **options)) == 37 * 53


def test_every_frame_of_a_gif():
    frames = [GREY.point(lambda level, shift=shift: level ^ shift) for shift in range(5)]
    content = file_of(frames[0], "gif", save_all=True, append_images=frames[1:])
    assert pixels_of(content) == 6 * 37 * 53  # and the screen
    with pytest.raises(ValueError, match="frames"):
        pixels_of(b"GIF89a" + bytes(7) + (b"\x2c" + bytes(9) + b"\2\0") * 10_001)


def large_jpeg(scans: int = 1) -> bytes:
    """A few hundred bytes that claim 4900x4900."""
    content = file_of(GREY, "jpeg", progressive=True)
    place = content.index(b"\xff\xc2")
    content = content[: place + 5] + struct.pack(">HH", 4900, 4900) + content[place + 9 :]
    scan = content.index(b"\xff\xda")
    return content[:scan] + content[scan : scan + 12] * (scans - 1) + content[scan:]


def test_a_small_file_of_many_pixels():
    assert pixels_of(large_jpeg()) == 4900 * 4900
    assert pixels_of(b"\xff\xd8\xff\xff\xff\xe0\0\x02junk" + large_jpeg()[2:]) == 4900 * 4900  # as libjpeg does
    assert pixels_of(large_jpeg(48)) == 3 * 4900 * 4900
    with pytest.raises(ValueError, match=r"20[01][0-9] scans"):
        pixels_of(large_jpeg(2000))


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM",
                                     b"\xff\xd8\xff\xc0\0"])
def test_what_is_cut_off(content):
    assert pixels_of(content) == 0
