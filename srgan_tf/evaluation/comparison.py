"""Several models on one image: what each makes of it, in how many seconds, and under which licence it may be used.

Results are uint8 [H,W,C] with the channels of the image, all of one size.
"""

import contextlib
import shlex
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from srgan_tf.config import FAITHFUL_MODEL, SHARP_MODEL, CompareConfig
from srgan_tf.config.compare import ALL, CROP, FULL, WHOLE, Box, parse_crop
from srgan_tf.errors import MENDABLE, ModelNotFoundError, UserError
from srgan_tf.hub import (
    ModelRef,
    absent_models,
    has_keras,
    licence_terms,
    present_models,
    resolve,
    shifts_colors,
    without_keras,
)
from srgan_tf.imaging import matlab_resize, premultiply, to_uint8, to_unit, unpremultiply
from srgan_tf.inference import Upscaler
from srgan_tf.text import printable

BICUBIC, INPUT, SCALE = "bicubic", "input", 4
TRIAL = 8  # side of the part that is upscaled first, so that no time has TensorFlow's tracing in it
Opening = Callable[[], contextlib.AbstractContextManager]


class Result(NamedTuple):
    """What one model made of the image.

    Attributes:
        name: of the model, for people.
        pixels: as said in this module's docstring.
        scale: the model's own.
        seconds: that the upscaling took, without opening the model.
        parameters: how many weights the model trained, or None if that is not known.
        licence: of the weights; empty: not known.
        flags: with which `upscale` makes this of the whole image.
        note: what was done to the result; empty: nothing.
    """

    name: str
    pixels: np.ndarray
    scale: int
    seconds: float
    parameters: int | None
    licence: str
    flags: str
    note: str = ""


class Comparison(NamedTuple):
    """All results, bicubic interpolation first, and why others are missing, by name.

    `path` has the names of those between the faithful and the sharp model that ship, by their sharpness, ends included.
    """

    scale: int
    results: list[Result]
    failures: dict[str, str]
    path: dict[float, str]


def find_models(names: Sequence[str], offline: bool = False) -> tuple[dict[str, ModelRef], dict[str, str]]:
    """Finds models and downloads those that have to be.

    Args:
        names: as in CompareConfig.
        offline: whether nothing may be downloaded.

    Returns:
        Each model by what the user called it, and why others could not be had.

    Raises:
        ModelNotFoundError: no model has this name: a mistake, which is said before the work.
    """
    wanted = dict.fromkeys(name for text in names for name in (present_models() if text == ALL else [text]))
    found, failures = {}, {}
    for name in wanted:
        try:
            if name != BICUBIC:
                found[name] = resolve(name, offline, to_run=True)
        except ModelNotFoundError:
            raise
        except MENDABLE as error:
            failures[name] = _fail(name, error)
    return found, failures


def left_out(names: Sequence[str]) -> str:
    """A line about the models that `all` does not stand for; empty where there are none."""
    if ALL in names and not has_keras():
        return without_keras()
    absent = [name for name in absent_models() if name not in names] if ALL in names else []
    return (f"{len(absent)} published models are not on this machine and are left out (upscale --list shows them; "
            "name one in --models to download it)" if absent else "")


def find_box(crop: str, height: int, width: int) -> Box:
    """The part of an image that --crop stands for, inside the image.

    Raises:
        UserError: it is not inside.
    """
    if crop == FULL or (not crop and height * width <= WHOLE):
        return Box(width, height, 0, 0)
    box = parse_crop(crop) if crop else Box(min(CROP, width), min(CROP, height))
    if box.left is None:
        box = box._replace(left=max(width - box.width, 0) // 2, top=max(height - box.height, 0) // 2)
    if box.left + box.width > width or box.top + box.height > height:
        raise UserError(f"--crop={crop} reaches beyond the image, which has {width}x{height} pixels")
    return box


def compare(pixels: np.ndarray, models: dict[str, ModelRef], config: CompareConfig,
            opening: Opening = contextlib.nullcontext) -> Comparison:
    """Runs every model on one image; one that fails is reported on standard error and left out.

    Args:
        pixels: the image, as `Upscaler` takes it.
        models: by what the user called them.
        config: how they run.
        opening: a context to open each in.

    Raises:
        UserError: no model could be run.
    """
    failures: dict[str, str] = {}
    labels = _labels(models)
    made = {}
    for text, model in models.items():
        run = _Run(labels[text], model, licence_terms(model.licence), f"--{_flag(model)}={shlex.quote(text)}",
                   shifts_colors(text))
        made[text] = _attempt(run, pixels, config, opening, failures)
    path = {}
    if made.get(FAITHFUL_MODEL) and made.get(SHARP_MODEL):
        path = _between(made, pixels, config, opening, failures)
    results = [result for result in made.values() if result]
    if models and not results:
        raise UserError("none of the models could be run")
    scale = _usual_scale(results)
    bicubic = _Run(BICUBIC, BICUBIC, "", f"--model={BICUBIC}" + (f" --scale={scale}" if scale != SCALE else ""))
    first = _upscale(bicubic, pixels, config, opening, scale)
    return Comparison(scale, [first, *(_to_scale(result, first.pixels, scale) for result in results)], failures, path)


class _Run(NamedTuple):
    """A model that is to be run, and what its result says about it."""

    name: str
    model: Any
    licence: str
    flags: str
    match_color: bool = False  # as upscale does with these flags


def _between(made: dict[str, Result | None], pixels: np.ndarray, config: CompareConfig, opening: Opening,
             failures: dict[str, str]) -> dict[float, str]:
    """Adds the results of upscale's --sharpness to `made`; returns the names of all by sharpness, ends included."""
    path = {0.0: made[FAITHFUL_MODEL].name}
    for sharpness in sorted(set(config.sharpness)):
        name = f"sharpness {sharpness:g}"
        run = _Run(name, lambda sharpness=sharpness: _generator(sharpness, config), made[FAITHFUL_MODEL].licence,
                   f"--sharpness={sharpness:g}", match_color=True)
        made[name] = _attempt(run, pixels, config, opening, failures)
        if made[name]:
            path[sharpness] = name
    return {**path, 1.0: made[SHARP_MODEL].name}


def _generator(sharpness: float, config: CompareConfig) -> Any:
    from srgan_tf.inference.strength import generator_between  # imports Keras

    return generator_between("sharpness", sharpness, config.runtime, config.precision)


def _attempt(run: _Run, pixels: np.ndarray, config: CompareConfig, opening: Opening,
             failures: dict[str, str]) -> Result | None:
    """The result, or None where there is none: then `failures` says why, and so does standard error."""
    try:
        return _upscale(run, pixels, config, opening)
    except MENDABLE as error:
        failures[run.name] = _fail(run.name, error)
    except Exception:  # the other models are compared
        traceback.print_exc()
        failures[run.name] = "an error in srgan_tf"
        print(f"failed: {printable(run.name)}: this is an error in srgan_tf: please report it with the lines above",
              file=sys.stderr)
    return None


def _upscale(run: _Run, pixels: np.ndarray, config: CompareConfig, opening: Opening, scale: int = SCALE) -> Result:
    with opening():
        model = run.model() if callable(run.model) else run.model
        upscaler = Upscaler(model, tile=config.tile, overlap=config.overlap, scale=scale, threads=config.threads,
                            runtime=config.runtime, precision=config.precision, trust_model=config.trust_model,
                            match_color=run.match_color)
    upscaler(pixels[:TRIAL, :TRIAL], dtype=np.uint8)
    with tqdm(desc=printable(run.name), unit="tile", leave=False, disable=None) as bar:
        start = time.perf_counter()
        upscaled = upscaler(pixels, lambda number, count: _show(bar, number, count), dtype=np.uint8)
        seconds = time.perf_counter() - start
    height, width = upscaled.shape[:2]
    tqdm.write(f"{printable(run.name)}: {pixels.shape[1]}x{pixels.shape[0]} -> {width}x{height} in {seconds:.2f} s")
    return Result(run.name, upscaled, upscaler.scale, seconds, upscaler.runtime.parameters, run.licence, run.flags)


def _show(bar: tqdm, number: int, count: int) -> None:
    bar.total = count
    bar.update(number - bar.n)


def _fail(name: str, error: Exception) -> str:
    """Says on standard error that a model failed; returns why."""
    reason = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.strerror else str(error)
    reason = printable(" ".join(reason.split()) or type(error).__name__)
    print(f"failed: {reason if name in reason else f'{printable(name)}: {reason}'}", file=sys.stderr)
    return reason


def _usual_scale(results: Iterable[Result]) -> int:
    """The scale that most results have; of several such the largest; SCALE where there are no results."""
    counts = Counter(result.scale for result in results)
    return max(counts, key=lambda scale: (counts[scale], scale), default=SCALE)


def _to_scale(result: Result, like: np.ndarray, scale: int) -> Result:
    """A result in the size of all, with a note that says so where it was resized."""
    if result.scale == scale:
        return result
    pixels = _resize(result.pixels, like.shape[:2])
    note = f"has scale {result.scale}; its result is resized by {scale / result.scale:g} (bicubic) to be compared"
    print(f"{printable(result.name)} {note}", file=sys.stderr)
    return result._replace(pixels=pixels, note=note)


def _resize(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """MATLAB's imresize of uint8 [H,W,C]; colour is premultiplied by alpha meanwhile."""
    if pixels.shape[2] % 2:
        return matlab_resize(pixels, output_size=size)
    unit = to_unit(pixels)
    parts = (matlab_resize(part, output_size=size).clip(0, 1) for part in (premultiply(unit), unit[..., -1:]))
    return to_uint8(unpremultiply(*parts))


def _flag(model: ModelRef) -> str:
    return "server" if model.kind == "remote" else "model"


def _labels(models: dict[str, ModelRef]) -> dict[str, str]:
    """What people read in place of what the user wrote: short, and each once."""
    names = Counter(model.name for model in models.values())
    return {text: model.name if model.name not in ("", BICUBIC, INPUT) and names[model.name] == 1
            else Path(text).as_posix() if "://" not in text else text for text, model in models.items()}
