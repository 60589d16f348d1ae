"""The files of a comparison: the image that is read, the page and the sheet that are written."""

import errno
import os
import sys
from pathlib import Path
from typing import NamedTuple

from srgan_tf.atomic import check_name, check_writable, replacing
from srgan_tf.config import CompareConfig
from srgan_tf.errors import UserError
from srgan_tf.evaluation.comparison import INPUT, Comparison, find_box
from srgan_tf.evaluation.comparison_page import Subject, caption, draw_comparison_page, facts
from srgan_tf.evaluation.comparison_sheet import draw_comparison
from srgan_tf.imaging import WRITABLE_SUFFIXES, DecodedImage, read_image, write_image
from srgan_tf.imaging.color import halve_depth
from srgan_tf.text import expand, printable

ENDINGS = (".html", ".htm")


class Targets(NamedTuple):
    """The files to write."""

    page: Path
    sheet: Path


def find_targets(output: Path, source: Path) -> Targets:
    """The page and the sheet for an --output.

    Raises:
        UserError: the output has another ending, or the sheet would overwrite the image.
        OSError: they could not be written.
    """
    named = output.suffix.lower() in ENDINGS and not output.is_dir()
    if not named and not output.is_dir() and (output.is_file() or output.suffix.lower() in WRITABLE_SUFFIXES):
        raise UserError(f"--output must be a folder, or a file that ends in .html; got {output}")
    page = output if named else output / f"{source.stem}.html"
    targets = Targets(page, page.with_name(f"{page.stem}_sheet.png"))
    if targets.sheet.exists() and targets.sheet.samefile(source):
        raise UserError(f"{source} would be overwritten by the sheet: choose another --output")
    check_writable(page.parent)
    for target in targets:
        check_name(target)
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    return targets


def read_subject(text: str, config: CompareConfig) -> Subject:
    """The image, and the part of it that --crop stands for.

    Raises:
        UserError: it cannot be read, is too large or too small.
        OSError: from the file system.
    """
    path = Path(text) if Path(text).exists() else expand(text)
    if path.is_dir():
        raise UserError(f"{text} is a folder: name one image to compare models on")
    image = read_image(path, keep_depth=True, page=config.page, accept_truncated=config.accept_truncated)
    for note in image.notes:
        print(f"{printable(text)}: {printable(note)}", file=sys.stderr)
    pixels = image.channels
    height, width = pixels.shape[:2]
    box = find_box(config.crop, height, width)
    megapixels = box.height * box.width / 1e6
    if megapixels > config.max_megapixels:
        raise UserError(f"a crop of {box.width}x{box.height} has {megapixels:.1f} megapixels; the limit is "
                        f"--max_megapixels={config.max_megapixels:g}: choose a smaller --crop or a higher limit")
    page = f" --page={config.page}" if config.page else ""
    return Subject(text, pixels, box, image.icc_profile, page + " --accept_truncated" * config.accept_truncated)


def write_comparison(targets: Targets, subject: Subject, comparison: Comparison) -> None:
    """Writes the page and the sheet, each whole or not at all."""
    targets.page.parent.mkdir(parents=True, exist_ok=True)
    with replacing(targets.page) as temporary:
        temporary.write_text(draw_comparison_page(subject, comparison), encoding="utf-8")
    results, scale = comparison.results, comparison.scale
    repeated = halve_depth(subject.crop).repeat(scale, axis=0).repeat(scale, axis=1)
    views = {INPUT: repeated, **{result.name: result.pixels for result in results}}
    captions = {INPUT: "pixels repeated", **{result.name: caption(result) for result in results}}
    title = f"{Path(subject.path).name}: {facts(subject, comparison)}"
    sheet = draw_comparison(title, views, captions)
    write_image(targets.sheet, sheet, like=DecodedImage(sheet, icc_profile=subject.icc_profile))
