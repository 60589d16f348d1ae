"""How files are read and written, as `upscale` is told."""

from pathlib import Path
from typing import Any, NamedTuple

from srgan_tf import __version__
from srgan_tf.inference.clip_settings import ClipSettings, clip_settings


class FileOptions(NamedTuple):
    """How files are read, and what is written beside the pixels.

    Attributes:
        page: of a TIFF or an animated image, from 1; 0: the only one.
        accept_truncated: whether a JPEG or PNG that is cut is taken as far as it goes.
        strip_metadata: whether nothing is kept but the colour profile.
        software: what the metadata say that made the image; empty: nothing.
        clips: how clips are upscaled.
    """

    page: int = 0
    accept_truncated: bool = False
    strip_metadata: bool = False
    software: str = ""
    clips: ClipSettings = ClipSettings()


def file_options(config: Any, model: Any = "") -> FileOptions:
    """What an UpscaleConfig says of files, and the model that it names.

    Raises:
        UserError: as clip_settings.
    """
    return FileOptions(config.page, config.accept_truncated, config.strip_metadata, _software(config),
                       clip_settings(config, model))


def _software(config: Any) -> str:
    """What the metadata say that made the image: a model's name, and not where on this machine it lies."""
    name = Path(config.model).name
    model = name + "".join(f" at {strength} {value:g}" for strength, value in config.strengths().items())
    return f"srgan_tf {__version__}" + (f" ({model})" if model else "")
