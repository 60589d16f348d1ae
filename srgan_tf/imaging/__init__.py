"""Images at the edges of the package: files, colour and MATLAB's resize, in numpy and Pillow alone.

An image is an array of height by width by channels, uint8 on 0..255 or uint16 on 0..65535: [H,W,3] RGB or [H,W,4] RGBA
with alpha that is not premultiplied; [H,W] or [H,W,1] grey and [H,W,2] grey with alpha where a function says so.
Floating point is in 0..1 and becomes integers by rounding half up, then clipping, never by truncation. Y is the
studio-range luma on 16..235 that the papers measure on.

Names load when they are first used, so that the parts that need no Pillow do not import it.
"""

from srgan_tf import lazy

_HOMES = {
    "Metadata": "metadata",
    "Encoding": "written_formats",
    "IMAGE_SUFFIXES": "image_files",
    "DecodedImage": "image_files",
    "WRITABLE_SUFFIXES": "written_formats",
    "crop_to_multiple": "resize",
    "list_images": "image_files",
    "matlab_resize": "resize",
    "premultiply": "color",
    "read_header": "image_files",
    "read_image": "image_files",
    "rgb_to_y": "color",
    "to_levels": "color",
    "to_uint8": "color",
    "to_unit": "color",
    "unpremultiply": "color",
    "write_image": "image_files",
    "written_type": "written_formats",
}
__all__ = [*_HOMES]
__getattr__, __dir__ = lazy.names(__name__, _HOMES)
