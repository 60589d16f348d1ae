"""Image files in, image files out, within the graph."""

from collections.abc import Callable

import tensorflow as tf

from srgan_tf.exporting.graph_tiling import to_levels
from srgan_tf.exporting.limits import refuse_too_large, require
from srgan_tf.inference.channels import REACH

# Of PNG. 9 is zlib's smallest and slowest.
COMPRESSION = 3


def upscale_files(image_bytes: tf.Tensor, upscale: Callable[[tf.Tensor], tf.Tensor],
                  upscale_float: Callable[[tf.Tensor], tf.Tensor], scale: int, max_megapixels: float) -> tf.Tensor:
    """Upscales PNG, JPEG, GIF (first frame) and BMP files, one after the other, to PNG.

    Grey stays grey. Alpha is upscaled by the network too, and colour premultiplied by it, as inference/channels.py
    does, in float32 until the one rounding.
    16-bit PNG is cut to its high bytes, CMYK turned into RGB by libjpeg's plain formula; a profile and an orientation
    in the file's metadata are not looked at. BMP is taken with 24 bits a pixel.

    Args:
        image_bytes: string [N].
        upscale: uint8 [n,H,W,3] -> uint8 [n,sH,sW,3].
        upscale_float: as `upscale`, but of float32 on 0..255, neither rounded nor clipped.
        scale: of both.
        max_megapixels: of an upscaled image.

    Returns:
        png_bytes, string [N].

    Raises:
        tf.errors.InvalidArgumentError: when run on a file that is none of these, is damaged or too large.
    """
    def upscale_file(content: tf.Tensor) -> tf.Tensor:
        size = image_size(content)
        with tf.control_dependencies([refuse_too_large(size[0], size[1], scale, max_megapixels)]):
            image = tf.io.decode_image(tf.identity(content), expand_animations=False)
        # A GIF's frame may be larger than its header says.
        check = refuse_too_large(tf.shape(image)[0], tf.shape(image)[1], scale, max_megapixels)
        with tf.control_dependencies([check]):
            image = tf.identity(image)
            upscaled = tf.cond(
                tf.shape(image)[2] == 3,
                lambda: upscale(tf.ensure_shape(image, [None, None, 3])[None])[0],
                lambda: _upscale_channels(image, upscale_float, scale))
            return tf.io.encode_png(upscaled, COMPRESSION)

    return tf.map_fn(upscale_file, image_bytes, parallel_iterations=1)


def image_size(content: tf.Tensor) -> tf.Tensor:
    """Height and width, int64 [2], of a PNG, JPEG, GIF or BMP from its first bytes, before anything is decoded."""
    padded = tf.strings.join([content, tf.constant(bytes(32))])
    head = tf.cast(tf.io.decode_raw(tf.strings.substr(padded, 0, 32), tf.uint8), tf.int64)

    def begins(with_bytes: bytes) -> tf.Tensor:
        return tf.reduce_all(head[: len(with_bytes)] == list(with_bytes))

    def number(start: int, length: int, big_endian: bool = False) -> tf.Tensor:
        places = [256**place for place in range(length)]
        return tf.reduce_sum(head[start : start + length] * (places[::-1] if big_endian else places))

    jpeg = begins(b"\xff\xd8\xff")
    bmp_height = number(22, 4)  # signed: negative from top to bottom
    kinds = [
        (begins(b"\x89PNG\r\n\x1a\n"), [number(20, 4, True), number(16, 4, True)]),
        (begins(b"GIF8"), [number(8, 2), number(6, 2)]),
        (begins(b"BM"), [tf.minimum(bmp_height, 2**32 - bmp_height), number(18, 4)]),
    ]
    known = tf.reduce_any([jpeg, *(found for found, _ in kinds)])
    message = "image_bytes must hold a PNG, JPEG, GIF or BMP file"
    # TensorFlow takes a palette's numbers for grey levels, and the unused byte of 32 bits for alpha.
    plain = ~begins(b"BM") | (number(28, 2) == 24)
    checks = [require(known, message), require(plain, "a BMP in image_bytes must have 24 bits a pixel")]
    with tf.control_dependencies(checks):
        size = tf.add_n([tf.where(found, tf.stack(sides), [0, 0]) for found, sides in kinds])
    return tf.cond(jpeg, lambda: tf.image.extract_jpeg_shape(content, tf.int64)[:2], lambda: size)


def _upscale_channels(pixels: tf.Tensor, upscale: Callable[[tf.Tensor], tf.Tensor], scale: int) -> tf.Tensor:
    """uint8 [H,W,C] -> uint8 [sH,sW,C] for grey (1), grey and alpha (2) and RGBA (4)."""
    channels = tf.shape(pixels)[2]
    values = tf.cast(pixels, tf.float32) / 255
    alpha = values[..., channels - 1 :]
    straight = tf.cond(channels < 3, lambda: tf.tile(values[..., :1], [1, 1, 3]), lambda: values[..., :3])
    images = tf.cond(
        channels == 1, lambda: straight[None], lambda: tf.stack([straight * alpha, tf.tile(alpha, [1, 1, 3])]))
    upscaled = upscale(255 * tf.ensure_shape(images, [None, None, None, 3])) / 255
    colour = tf.cond(channels < 3, lambda: _mean(upscaled[0]), lambda: upscaled[0])
    straight = straight[..., : tf.shape(colour)[2]]
    return to_levels(255 * tf.cond(
        channels == 1, lambda: colour, lambda: _join(colour, _mean(upscaled[-1]), straight, alpha, scale)))


def _mean(image: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(image, axis=-1, keepdims=True)


def _join(colour: tf.Tensor, upscaled: tf.Tensor, straight: tf.Tensor, alpha: tf.Tensor, scale: int) -> tf.Tensor:
    """Divides colour by the upscaled alpha and joins both, by the rules of inference/channels.py.

    Args:
        colour: [sH,sW,C], premultiplied.
        upscaled: alpha [sH,sW,1], as the network gives it.
        straight: LR colour [H,W,C], not premultiplied.
        alpha: LR alpha [H,W,1].
        scale: of the network.
    """
    upscaled = tf.clip_by_value(upscaled, 0, 1)
    upscaled = tf.where(_repeated(_greatest(alpha, 1) == 0, scale), 0.0, upscaled)
    upscaled = tf.where(_repeated(_least(alpha, 1) == 1, scale), 1.0, upscaled)
    # Those that no seen pixel is near have an alpha of 0.
    lowest = tf.minimum(_least(tf.where(alpha > 0, straight, 1e9), 2), 1)
    highest = tf.maximum(_greatest(tf.where(alpha > 0, straight, -1e9), 2), 0)
    opaque = _repeated(_least(alpha, REACH) == 1, scale)
    divided = colour / tf.where(upscaled > 0, upscaled, 1)
    limited = tf.clip_by_value(divided, _repeated(lowest, scale), _repeated(highest, scale))
    return tf.concat([tf.where(upscaled > 0, tf.where(opaque, divided, limited), 0.0), upscaled], axis=-1)


def _greatest(image: tf.Tensor, radius: int) -> tf.Tensor:
    """The greatest of (2 radius + 1)^2 pixels around each, [H,W,C]."""
    return tf.nn.max_pool2d(image[None], 2 * radius + 1, 1, "SAME")[0]


def _least(image: tf.Tensor, radius: int) -> tf.Tensor:
    return -_greatest(-image, radius)


def _repeated(image: tf.Tensor, scale: int) -> tf.Tensor:
    return tf.repeat(tf.repeat(image, scale, axis=0), scale, axis=1)
