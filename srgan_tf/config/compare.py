"""What `compare` is told."""

import dataclasses
import re
from typing import NamedTuple

from srgan_tf.config.choices import (
    COMPUTE_TYPES,
    FAITHFUL_MODEL,
    OFFLINE_HELP,
    OVERLAP,
    OVERLAP_HELP,
    RUNTIMES,
    SHARP_MODEL,
    TILE_HELP,
    TRUST_HELP,
    check_tile,
)
from srgan_tf.errors import UserError
from srgan_tf.settings import Settings, setting

ALL = "all"
FULL = "full"
# An image of up to WHOLE pixels is compared whole; of a larger one a square of CROP pixels a side at its centre.
WHOLE, CROP = 256 * 256, 192
_GEOMETRY = re.compile(r"(\d{1,9})x(\d{1,9})(?:\+(\d{1,9})\+(\d{1,9}))?", re.ASCII)


class Box(NamedTuple):
    """A part of an image, in its pixels; `left` and `top` are None for its centre."""

    width: int
    height: int
    left: int | None = None
    top: int | None = None


@dataclasses.dataclass(frozen=True)
class CompareConfig(Settings):
    """A comparison of models on one image."""

    models: tuple[str, ...] = setting(
        (ALL,), "Models, separated by commas: names (upscale --list shows them), .keras files, run folders, "
        "SavedModels, .tflite files, foreign weights, URLs of servers. all stands for those that ship and the "
        "published ones that are on this machine. Bicubic interpolation is always shown.", paths=True, group="Basics")
    crop: str = setting(
        "", "Part of the image to compare, in its pixels: WIDTHxHEIGHT+X+Y, with X and Y counted from the top left "
        "corner, or WIDTHxHEIGHT at the centre; full: the whole image. Empty: the whole of an image of up to "
        f"{WHOLE:,} pixels, else {CROP}x{CROP} at the centre.", group="Basics")
    sharpness: tuple[float, ...] = setting(
        (0.25, 0.5, 0.75), "Also show what upscale gives with --sharpness set to these values, if both "
        f"{FAITHFUL_MODEL} and {SHARP_MODEL} are compared; empty: nothing between the two.", group="Basics")
    output: str = setting(
        "compared", "Folder for NAME.html (the page) and NAME_sheet.png; or the page itself, as in page.html. Both "
        "files are replaced if they exist.", group="Basics")
    offline: bool = setting(False, OFFLINE_HELP, group="Basics")
    tile: int | None = setting(None, TILE_HELP, low=0, group="Hardware")
    overlap: int = setting(OVERLAP, OVERLAP_HELP, low=0, group="Hardware")
    runtime: str = setting(
        "tensorflow", "What runs a .keras file or a SavedModel; openvino needs pip install 'srgan_tf[openvino]'.",
        choices=RUNTIMES, group="Hardware")
    precision: str = setting(
        "", "Compute type of a .keras file, and of a SavedModel in OpenVINO; empty: float32, or what an export has.",
        choices=("", *COMPUTE_TYPES), group="Hardware")
    threads: int = setting(0, "Threads that a .tflite file or OpenVINO runs with; 0: one for each core.", low=0,
                           group="Hardware")
    max_megapixels: float = setting(
        1, "Refuse a crop of more megapixels: the page holds all results, each a multiple of it.", above=0)
    page: int = setting(
        0, "Number of the page of a TIFF, or of the frame of an animated image, to compare, counted from 1; 0: files "
        "with several are refused.",
        low=0)
    accept_truncated: bool = setting(False, "Use what there is of a JPEG or PNG that was cut off.")
    trust_model: bool = setting(False, TRUST_HELP)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_tile(self.tile, self.overlap)
        if not self.models:
            raise UserError("--models is empty: name models, or all")
        for sharpness in self.sharpness:
            if not 0 < sharpness < 1:
                raise UserError(f"--sharpness must lie between 0 ({FAITHFUL_MODEL}) and 1 ({SHARP_MODEL}), which are "
                                f"shown anyway; got {sharpness:g}")
        if self.crop not in ("", FULL):
            parse_crop(self.crop)


def parse_crop(text: str) -> Box:
    """Reads `WIDTHxHEIGHT+X+Y` or `WIDTHxHEIGHT`.

    Raises:
        UserError: it is something else, or holds no pixel.
    """
    found = _GEOMETRY.fullmatch(text)
    box = Box(*(number and int(number) for number in found.groups())) if found else None
    if box is None or not box.width or not box.height:
        raise UserError(f"--crop must be WIDTHxHEIGHT+X+Y or WIDTHxHEIGHT in pixels, as in 256x192+100+50, or {FULL}; "
                        f"got {text!r}")
    return box
