"""Pictures at the edges of the package: files, colour and MATLAB's resize, in numpy and Pillow alone.

A picture is a uint8 array on 0..255, height by width by channels: [H,W,3] RGB or [H,W,4] RGBA with alpha that is not
premultiplied; [H,W] or [H,W,1] where a function says that it takes grey. Floating point becomes uint8 by rounding half
up, then clipping, never by truncation. Y is the studio-range luma on 16..235 that the papers measure on.

Names load when they are first used, so that the parts that need no Pillow do not import it.
"""

from srgan_tf import lazy

_HOMES = {
    "PICTURE_SUFFIXES": "files",
    "Picture": "files",
    "WRITABLE_SUFFIXES": "files",
    "crop_to_multiple": "resize",
    "list_pictures": "files",
    "matlab_resize": "resize",
    "premultiply": "color",
    "read_picture": "files",
    "rgb_to_y": "color",
    "to_uint8": "color",
    "unpremultiply": "color",
    "write_picture": "files",
}
__all__ = [*_HOMES]
__getattr__, __dir__ = lazy.names(__name__, _HOMES)
