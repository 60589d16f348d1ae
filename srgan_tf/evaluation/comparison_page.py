"""The page of a comparison: one HTML file that asks for nothing else, with a slider and a table of the results.

Images in it are lossless WebP with the profile of the image; of grey, which WebP does not know, in sRGB.
"""

import base64
import json
import os
import shlex
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from string import Template
from typing import NamedTuple

import numpy as np
from PIL import Image

from srgan_tf.config.compare import Box
from srgan_tf.evaluation.comparison import BICUBIC, INPUT, Comparison, Result
from srgan_tf.evaluation.comparison_sheet import over_white
from srgan_tf.evaluation.parts import part
from srgan_tf.imaging.color import halve_depth
from srgan_tf.imaging.colour_profiles import fitted

THUMBNAIL = 288  # greatest side of the image that shows where the crop is
TITLES = ("result", "parameters", "seconds", "whole image", "licence")


class Subject(NamedTuple):
    """What was upscaled.

    Attributes:
        path: of the file, as the user wrote it.
        pixels: uint8 or uint16 [H,W,C], the whole image.
        box: the part that was upscaled.
        icc_profile: of the pixels; None: sRGB.
        flags: with which `upscale` reads the file alike, each after a space.
    """

    path: str
    pixels: np.ndarray
    box: Box
    icc_profile: bytes | None = None
    flags: str = ""

    @property
    def crop(self) -> np.ndarray:
        """The part that was upscaled."""
        box = self.box
        return self.pixels[box.top : box.top + box.height, box.left : box.left + box.width]

    @property
    def times(self) -> float:
        """How many times as many pixels as the part the image has."""
        height, width = self.pixels.shape[:2]
        return height * width / (self.box.height * self.box.width)


def draw_comparison_page(subject: Subject, comparison: Comparison) -> str:
    """The page as text."""
    results = comparison.results
    views = [{"name": INPUT, "caption": "pixels repeated", "command": "", "pixelated": True,
              "image": _data_uri(halve_depth(subject.crop), subject.icc_profile)},
             *(_view(result, subject) for result in results)]
    names = [view["name"] for view in views]
    path = [{"sharpness": f"{sharpness:g}", "view": names.index(name)} for sharpness, name in comparison.path.items()]
    height, width = results[0].pixels.shape[:2]
    document = {"views": views, "width": width, "height": height, "left": 1, "right": min(2, len(results)),
                "path": path}
    return Template(part("comparison.html")).substitute(
        look=part("page.css"), slider=part("slider.html"), slider_look=part("slider.css"),
        slider_script=part("slider.js"), title=escape(f"{Path(subject.path).name}, upscaled by {comparison.scale}"),
        facts=escape(facts(subject, comparison)), where=_where(subject), strength=_strength(comparison),
        table=_table(results, subject.times), how=escape(_how(subject)), notes=_notes(comparison),
        views=json.dumps(document).replace("<", "\\u003c"))


def facts(subject: Subject, comparison: Comparison) -> str:
    """What was upscaled, and to which size."""
    (height, width), box = subject.pixels.shape[:2], subject.box
    larger, part = comparison.results[0].pixels.shape, f"{box.width}x{box.height} pixels"
    place = f" at +{box.left}+{box.top} of {width}x{height}" if subject.times > 1 else ""
    return f"{part}{place}, upscaled to {larger[1]}x{larger[0]}."


def _how(subject: Subject) -> str:
    cores = f"on {os.cpu_count()} processor cores, without opening the model"
    if subject.times == 1:
        return f"Seconds: {cores}."
    return f"Seconds: of this part {cores}; for the whole image, in proportion to its pixels."


def caption(result: Result) -> str:
    """Parameters, seconds and licence in a line."""
    parameters = f"{result.parameters:,} parameters" if result.parameters else ""
    return ", ".join(filter(None, (parameters, f"{_rounded(result.seconds)} s", result.licence)))


def _rounded(seconds: float) -> str:
    return f"{seconds:.2f}" if seconds >= 0.1 else f"{seconds:.3f}"


def _view(result: Result, subject: Subject) -> dict[str, object]:
    return {"name": result.name, "caption": caption(result), "pixelated": False,
            "command": f"python -m srgan_tf.upscale {shlex.quote(subject.path)} {result.flags}{subject.flags}",
            "image": _data_uri(result.pixels, subject.icc_profile)}


def _data_uri(pixels: np.ndarray, icc_profile: bytes | None) -> str:
    """uint8 [H,W,C] -> a lossless WebP in a data URI."""
    channels = pixels.shape[2]
    file = BytesIO()
    colour = pixels[..., [0, 0, 0, 1][: channels + 2]] if channels < 3 else pixels
    colour, icc_profile, _ = fitted(colour, icc_profile, holds=True)
    Image.fromarray(np.ascontiguousarray(colour)).save(
        file, "WEBP", lossless=True, method=2, quality=30, icc_profile=icc_profile or b"")
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def _table(results: Sequence[Result], times: float) -> str:
    """A row for the input and one for each result, in the order of the views."""
    titles = [title for title in TITLES if times > 1 or title != "whole image"]
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    rows = [[INPUT, *("" for _ in titles[1:])]]
    for result in results:
        whole = [_duration(result.seconds * times)] if times > 1 else []
        rows.append([result.name, f"{result.parameters:,}" if result.parameters else "", _rounded(result.seconds),
                     *whole, result.licence or ("not needed" if result.name == BICUBIC else "not known")])
    body = "".join(f'<tr><th scope="row"><button type="button">{escape(name)}</button></th>'
                   f'{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>' for name, *cells in rows)
    return f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"


def _duration(seconds: float) -> str:
    """About how long, for people."""
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _strength(comparison: Comparison) -> str:
    """The control that walks from the faithful model to the sharp one; empty where there is nothing between."""
    if len(comparison.path) < 3:
        return ""
    faithful, *_, sharp = comparison.path.values()
    return (f'<label class="strength"><span>Sharpness: <output id="sharpness"></output></span>'
            f'<input type="range" id="strength" min="0" max="{len(comparison.path) - 1}" step="1" value="0">'
            f"<div><span>{escape(faithful)}, faithful</span><span>{escape(sharp)}, invents texture</span></div>"
            "</label>")


def _notes(comparison: Comparison) -> str:
    lines = [f"{result.name} {result.note}." for result in comparison.results if result.note]
    lines += [f"Failed: {name}: {reason}" for name, reason in comparison.failures.items()]
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _where(subject: Subject) -> str:
    """A small view of the whole image with the crop marked in it; empty where the crop is the whole."""
    height, width = subject.pixels.shape[:2]
    box = subject.box
    if (box.height, box.width) == (height, width):
        return ""
    image = Image.fromarray(over_white(halve_depth(subject.pixels)))
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    place = (f"left:{box.left / width:.2%};top:{box.top / height:.2%};"
             f"width:{box.width / width:.2%};height:{box.height / height:.2%}")
    return (f'<div class="where"><img src="{_data_uri(np.asarray(image), subject.icc_profile)}" '
            f'alt="The whole image; the crop is marked"><i style="{place}"></i></div>')
