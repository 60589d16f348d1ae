"""BMP's run lengths (BI_RLE8 and BI_RLE4 of Windows' BITMAPINFOHEADER): Pillow's own decoder loses odd runs of RLE4."""

import io

from PIL import Image


def unpack(image: Image.Image) -> None:
    """Gives Pillow the pixels of an opened BMP instead of its runs; any other image stays as it is.

    Raises:
        ValueError: the file ends before its runs.
    """
    if image.format != "BMP" or not image.tile or image.tile[0].codec_name != "bmp_rle":
        return
    tile = image.tile[0]
    image.fp.seek(tile.offset)
    rows = _rows(image.fp.read(), image.size, four_bits=bool(tile.args[1]))
    image.fp = io.BytesIO(rows)
    image.tile = [tile._replace(codec_name="raw", offset=0, args=(image.mode, 0, tile.args[-1]))]


def _rows(runs: bytes, size: tuple[int, int], four_bits: bool) -> bytes:
    """Rows of indices, one byte each, in the file's order; what no run reaches is 0."""
    width, height = size
    pixels, x, y, place = bytearray(width * height), 0, 0, 0
    while y < height:
        if place + 2 > len(runs):
            raise ValueError(f"the file ends in row {y} of {height}")
        count, value = runs[place], runs[place + 1]
        place += 2
        if count:
            content = bytes((value >> 4, value & 15)) * ((count + 1) // 2) if four_bits else bytes((value,)) * count
        elif value == 0:  # end of row
            x, y = 0, y + 1
            continue
        elif value == 1:  # end of image
            break
        elif value == 2:  # on to another place
            x, y = x + (runs[place] if place < len(runs) else 0), y + (runs[place + 1] if place + 1 < len(runs) else 0)
            place += 2
            continue
        else:
            count, length = value, (value + 1) // 2 if four_bits else value
            content = runs[place : place + length]
            content = b"".join(bytes((one >> 4, one & 15)) for one in content) if four_bits else content
            place += length + length % 2
        content = content[: max(0, min(count, width - x))]
        pixels[y * width + x : y * width + x + len(content)] = content
        x += count
    return bytes(pixels)
