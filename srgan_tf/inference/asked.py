"""What the flags of `upscale` ask of the results."""

import os
from pathlib import Path
from typing import NamedTuple

from srgan_tf.config import UpscaleConfig
from srgan_tf.imaging import Encoding
from srgan_tf.imaging.written_formats import BY_FORMAT
from srgan_tf.inference.file_options import FileOptions, file_options
from srgan_tf.inference.result_size import SizeAsked
from srgan_tf.text import expand

SUFFIX, SIZE_SUFFIX = "_x{scale}", "_{width}x{height}"


class Asked(NamedTuple):
    """What is asked of the results.

    Attributes:
        output, suffix, format, recursive, is_folder: as in `find_jobs`. In the suffix {width} and {height} stand for
            the size of the result; SUFFIX becomes SIZE_SUFFIX where a size in pixels is asked.
        size, encoding: of the results.
        overwrite: whether files that exist are replaced.
        max_megapixels: of images and results; larger ones are refused.
        files: how they are read and written.
    """

    output: Path
    suffix: str = ""
    format: str = ""
    recursive: bool = False
    size: SizeAsked = SizeAsked()
    encoding: Encoding = BY_FORMAT
    overwrite: bool = False
    max_megapixels: float = 400
    files: FileOptions = FileOptions()
    is_folder: bool = False

    @property
    def max_pixels(self) -> int:
        """The limit in pixels."""
        return round(self.max_megapixels * 1e6)


def asked_by(config: UpscaleConfig) -> Asked:
    """What the flags ask.

    Raises:
        UserError: as file_options.
    """
    return Asked(expand(config.output), config.suffix, config.format, config.recursive,
                 SizeAsked(config.scale, config.width, config.height, config.max_side),
                 Encoding(config.quality, config.lossless, config.bit_depth), config.overwrite, config.max_megapixels,
                 file_options(config), config.output.endswith(("/", os.sep)))
