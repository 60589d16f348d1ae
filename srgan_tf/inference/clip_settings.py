"""How clips are upscaled, as `upscale` is told; without what upscales them, which images need not wait for."""

from fractions import Fraction
from typing import Any, NamedTuple

from srgan_tf.errors import UserError
from srgan_tf.inference.color_matching import matches_color
from srgan_tf.inference.result_size import SizeAsked
from srgan_tf.video.encoders import Wish
from srgan_tf.video.probing import parse_time

# Settings that do not change a frame: a run may resume with others.
_SAME_FRAMES = {"accept_truncated", "format", "list", "max_megapixels", "offline", "output", "overwrite", "page",
                "recursive", "server_requests", "server_retries", "server_timeout", "server_token_file",
                "strip_metadata", "suffix", "threads", "timing", "trust_model"}


class ClipSettings(NamedTuple):
    """How clips are upscaled.

    Attributes:
        wish: what is said of the encoding.
        start, end: the stretch, in seconds; None: to the end.
        max_megapixels: of a frame of the result.
        strip_metadata: whether the clip's own tags and chapters are left out.
        size: of the frames.
        model: a ModelRef, or what else tells this model from others.
        how: what else the frames depend on, names and values.
    """

    wish: Wish = Wish()
    start: Fraction = Fraction(0)
    end: Fraction | None = None
    max_megapixels: float = 400
    strip_metadata: bool = False
    size: SizeAsked = SizeAsked()
    model: Any = ""
    how: tuple = ()


def clip_settings(config: Any, model: Any = "") -> ClipSettings:
    """What an UpscaleConfig says of clips, and the model that it names.

    Raises:
        UserError: a time is none, or the end comes before the start.
    """
    start = parse_time(config.start, "start") if config.start else Fraction(0)
    end = parse_time(config.end, "end") if config.end else None
    if end is not None and end <= start:
        raise UserError(f"--end must be later than --start={config.start or 0}; got {config.end}")
    how = {name: str(value) for name, value in vars(config).items() if name not in _SAME_FRAMES}
    how["match_color"] = str(matches_color(config))
    size = SizeAsked(config.scale, config.width, config.height, config.max_side)
    return ClipSettings(Wish(config.codec, config.crf, config.preset, config.pixel_format), start, end,
                        config.max_megapixels, config.strip_metadata, size, model, tuple(how.items()))
