"""Picture files in, picture files out, within the graph."""

from collections.abc import Callable

import tensorflow as tf

from srgan_tf.exporting.limits import refuse_too_large, require

# Of PNG. 9 is zlib's smallest and slowest.
COMPRESSION = 3


def enlarge_files(image_bytes: tf.Tensor, enlarge: Callable[[tf.Tensor], tf.Tensor], scale: int,
                  max_megapixels: float) -> tf.Tensor:
    """Enlarges PNG, JPEG, GIF (first frame) and BMP files, one after the other, to PNG.

    Grey stays grey. Alpha is enlarged by the network too, and colour premultiplied by it, as the Upscaler does.
    16-bit PNG is cut to its high bytes, CMYK turned into RGB by libjpeg's plain formula; a profile and an orientation
    in the file's metadata are not looked at. BMP is taken with 24 bits a pixel.

    Args:
        image_bytes: string [N].
        enlarge: uint8 [n,H,W,3] -> uint8 [n,sH,sW,3].
        scale: of `enlarge`.
        max_megapixels: of an enlarged picture.

    Returns:
        png_bytes, string [N].

    Raises:
        tf.errors.InvalidArgumentError: when run on a file that is none of these, is damaged or too large.
    """
    def enlarge_file(content: tf.Tensor) -> tf.Tensor:
        size = picture_size(content)
        with tf.control_dependencies([refuse_too_large(size[0], size[1], scale, max_megapixels)]):
            picture = tf.io.decode_image(tf.identity(content), expand_animations=False)
        # A GIF's frame may be larger than its header says.
        check = refuse_too_large(tf.shape(picture)[0], tf.shape(picture)[1], scale, max_megapixels)
        with tf.control_dependencies([check]):
            return tf.io.encode_png(_enlarge_channels(tf.identity(picture), enlarge), COMPRESSION)

    return tf.map_fn(enlarge_file, image_bytes, parallel_iterations=1)


def picture_size(content: tf.Tensor) -> tf.Tensor:
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


def _enlarge_channels(picture: tf.Tensor, enlarge: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """uint8 [H,W,C] -> uint8 [sH,sW,C] for grey (1), grey and alpha (2), RGB (3) and RGBA (4)."""
    channels = tf.shape(picture)[2]
    has_alpha, grey = channels % 2 == 0, channels < 3
    alpha = picture[..., channels - 1 :]
    colour = tf.cond(grey, lambda: tf.tile(picture[..., :1], [1, 1, 3]), lambda: picture[..., :3])
    pictures = tf.cond(
        has_alpha,
        lambda: tf.stack([_premultiply(colour, alpha), tf.tile(alpha, [1, 1, 3])]),
        lambda: colour[None])
    enlarged = enlarge(tf.ensure_shape(pictures, [None, None, None, 3]))
    colour = tf.cond(grey, lambda: _mean(enlarged[0]), lambda: enlarged[0])
    return tf.cond(has_alpha, lambda: _join(colour, _mean(enlarged[-1])), lambda: colour)


def _mean(picture: tf.Tensor) -> tf.Tensor:
    """[H,W,3] -> [H,W,1], rounded half up as in the Upscaler: thirds are never halves."""
    wide = tf.cast(picture, tf.uint16)
    return tf.cast((wide[..., :1] + wide[..., 1:2] + wide[..., 2:] + 1) // 3, tf.uint8)


def _premultiply(colour: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    """As imaging.premultiply: [H,W,3] and [H,W,1] -> [H,W,3]."""
    product = tf.cast(colour, tf.uint16) * tf.cast(alpha, tf.uint16)
    return tf.cast((product + 127) // 255, tf.uint8)


def _join(colour: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    """As imaging.unpremultiply: [H,W,C] premultiplied and [H,W,1] -> [H,W,C+1]."""
    divisor = tf.maximum(tf.cast(alpha, tf.uint16), 1)
    straight = (tf.cast(colour, tf.uint16) * 255 + divisor // 2) // divisor  # at most 65,152
    straight = tf.where(alpha == 0, tf.zeros_like(straight), tf.minimum(straight, 255))
    return tf.concat([tf.cast(straight, tf.uint8), alpha], axis=-1)
