"""What moves among the inputs: clips and animated images, each with its checks and the way it is upscaled.

What upscales clips loads when there is one: an image need not wait for it.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from srgan_tf import lazy
from srgan_tf.errors import MENDABLE, UserError
from srgan_tf.inference.animations import check_animation, upscale_animation
from srgan_tf.inference.asked import Asked
from srgan_tf.inference.upscaler import Upscaler
from srgan_tf.video.animation_files import ANIMATION_FORMATS, is_animation, read_animation
from srgan_tf.video.encoders import CONTAINERS
from srgan_tf.video.probing import is_clip, probe

CLIP_ENDINGS = tuple(CONTAINERS)
MOVING_ENDINGS = (*ANIMATION_FORMATS, *CLIP_ENDINGS)
clips = lazy.module("srgan_tf.inference.clips")


def endings_of(source: Path, page: int) -> Sequence[str]:
    """The endings of what moves here can become; of a still image, or where one `page` of it is wanted, none."""
    if is_clip(source):
        return CLIP_ENDINGS
    return tuple(ANIMATION_FORMATS) if not page and is_animation(source) else ()


def ending_of(source: Path, endings: Sequence[str]) -> str:
    """That of them which it has where the user says nothing."""
    if source.suffix.lower() in endings:
        return source.suffix[1:]
    try:
        return clips.clip_ending(source) if is_clip(source) else "png"
    except MENDABLE:
        return "mp4"  # it fails when it is checked, and stops no other


def shape_of(source: Path) -> tuple[int, int]:
    """Rows and columns of its frames.

    Raises:
        UserError, OSError: as check_moving.
    """
    found = probe(source) if is_clip(source) else read_animation(source)
    return found.height, found.width


def check_moving(source: Path, target: Path, asked: Asked, scale: int) -> None:
    """Checks what can be checked before a model is loaded.

    Args:
        source: moves.
        target: of its result.
        asked: of it.
        scale: of the model; 0: not known yet.

    Raises:
        UserError: it cannot be read or written, or something is asked that cannot be had.
        OSError: from the file system.
    """
    _refuse(source, asked, scale)
    if is_clip(source):
        clips.check_clip(source, target, asked.files.clips, scale)
    else:
        check_animation(source, target, asked.max_megapixels, scale or 1)


def _refuse(source: Path, asked: Asked, scale: int) -> None:
    """Raises a UserError where something is asked that it cannot have."""
    size, encoding = asked.size, asked.encoding
    clip = is_clip(source)
    what = "clips" if clip else "animated images"
    refused = {
        "--width, --height and --max_side": (not clip and (size.width or size.height or size.max_side),
                                             f"{what} have the model's scale"),
        f"--scale={size.scale:g}": (not clip and size.scale and scale not in (0, size.scale),
                                    f"{what} have the model's scale, {scale}"),
        "--page": (clip and asked.files.page, "--start and --end say which part of them"),
        "--quality": (encoding.quality, "--crf is that of clips" if clip else "animated WebP is lossless"),
        "--lossless": (encoding.lossless and clip, "--codec=ffv1 in .mkv is lossless"),
        "--bit_depth": (encoding.bit_depth, "--pixel_format says that of clips" if clip else "they have 8 bits"),
    }
    for flag, (given, reason) in refused.items():
        if given:
            raise UserError(f"{source}: {flag} does not work for {what}: {reason}")


def upscale_moving(upscaler: Upscaler, source: Path, target: Path, asked: Asked, timings: Counter) -> int:
    """Upscales it, with a line for it; how many frames it has.

    Raises:
        UserError, OSError: as check_moving.
    """
    if is_clip(source):
        return clips.upscale_clip(upscaler, source, target, asked.files.clips, timings)
    return upscale_animation(upscaler, source, target, asked.max_megapixels, timings)
