"""`evaluate --clips`: models on clips, frame by frame and over time, as a table and a sheet of slices for each clip."""

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from srgan_tf.atomic import replacing
from srgan_tf.config import EvaluateConfig
from srgan_tf.data.clip_source import clips
from srgan_tf.errors import UserError
from srgan_tf.evaluation.cache import Cache
from srgan_tf.evaluation.chosen_metrics import find_metrics
from srgan_tf.evaluation.methods import Opening, find_methods
from srgan_tf.evaluation.time_slices import draw_slices
from srgan_tf.imaging import write_image
from srgan_tf.inference.frame_streams import upscale_frames
from srgan_tf.metrics.temporal import can_measure_flow, flicker, tlp, tof
from srgan_tf.text import printable

# Figures over time: title, how often they are in tables, and format.
OVER_TIME = {"tof": ("tOF x10", 10, ".3f"), "tlp": ("tLP x100", 100, ".3f"), "flicker": ("flicker", 1, ".3f")}
PER_FRAME = {"psnr_y": ("PSNR-Y, dB", 1, ".2f"), "ssim_y": ("SSIM-Y", 1, ".4f"), "lpips": ("LPIPS", 1, ".4f")}
COLUMNS = PER_FRAME | OVER_TIME
AVERAGE = "average"
Reduction = Callable[[np.ndarray], np.ndarray]
Figures = dict[str, float]
Results = dict[str, dict[str, Figures]]


def evaluate_clips(config: EvaluateConfig, output: Path, opening: Opening = contextlib.nullcontext) -> Results:
    """Measures bicubic interpolation and every --model on the clips, and writes clips.json, clips.md and the sheets.

    Args:
        config: of the evaluation.
        output: folder; exists.
        opening: a context to open models in.

    Returns:
        Figures by clip, then by method, then by name; the last clip is the average over all.

    Raises:
        UserError: a clip or a model cannot be used.
        OSError: from the file system.
    """
    measures, methods = _measures(config), find_methods(config, opening)
    for method in methods.values():
        method.check(Cache(None))
    results: Results = {}
    with opening():
        reduction = _reduction(config)
    for name, lr, hr in tqdm(list_clips(config, reduction), "clips", leave=False, disable=None):
        upscaled = {label: upscale_frames(method.upscaler, lr) for label, method in methods.items()}
        results[name] = {label: {figure: measure(images, hr) for figure, measure in measures.items()}
                         for label, images in upscaled.items()}
        captions = {label: _caption(figures) for label, figures in results[name].items()}
        sheet = draw_slices({**upscaled, "HR": hr}, captions)
        write_image(output / f"slices_{re.sub(r'[^A-Za-z0-9]+', '_', name).strip('_')}.png", sheet)
    results[AVERAGE] = {label: {figure: float(np.mean([clip[label][figure] for clip in results.values()]))
                                for figure in measures} for label in methods}
    with replacing(output / "clips.json") as temporary:
        temporary.write_text(json.dumps({"scale": config.scale, "reduction": config.reduction, "clips": results},
                                        indent=2) + "\n")
    with replacing(output / "clips.md") as temporary:
        temporary.write_text(clip_table(results))
    return results


def list_clips(config: EvaluateConfig, reduction: Reduction | None) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, LR and HR [T,H,W,3] of each clip; `reduction` makes the LR of the HR, unless the clip's own is taken."""
    names: set[str] = set()
    for path in config.clips:
        for name, load in clips(path, config.scale, "all").images:
            pair, short = load(), Path(name).name
            if pair.frames < 2:
                raise UserError(f"{name} has one frame: a clip has two at least")
            short = name if short in names else short
            names.add(short)
            lr, hr = (np.stack(np.split(images, pair.frames)) for images in (pair.lr, pair.hr))
            yield short, reduction(hr) if reduction else lr, hr


def _reduction(config: EvaluateConfig) -> Reduction | None:
    """What makes the LR of HR frames; None for the bicubic reduction, in which clips are read."""
    if config.reduction == "bicubic":
        return None
    from srgan_tf.data.degradation import open_degradation

    degrade = open_degradation(config.reduction, config.scale)

    def reduce(hr: np.ndarray) -> np.ndarray:
        frames = (np.asarray(degrade(frame[None].astype(np.float32) / 255, (0, 0))[0])[0] for frame in hr)
        return np.stack([(frame * 255 + 0.5).astype(np.uint8) for frame in frames])

    return reduce


def _measures(config: EvaluateConfig) -> dict[str, Callable]:
    """What is measured, by name, each called with images and references."""
    metrics = find_metrics(config)
    measures = {name: partial(_mean, metrics[name].measure, config.scale) for name in PER_FRAME if name in metrics}
    if can_measure_flow():
        measures["tof"] = partial(tof, crop=config.scale)
    if "lpips" in metrics:
        measures["tlp"] = partial(tlp, lpips=metrics["lpips"].measure, crop=config.scale)
    return measures | {"flicker": partial(flicker, crop=config.scale)}


def _mean(measure: Callable, crop: int, images: list[np.ndarray], references: np.ndarray) -> float:
    return float(np.mean([measure(*pair, crop=crop) for pair in zip(images, references, strict=True)]))


def clip_table(results: Results) -> str:
    """The figures in Markdown, the average over all clips first."""
    names = list(next(iter(results[AVERAGE].values())))
    lines = [f"| clip | method | {' | '.join(COLUMNS[name][0] for name in names)} |",
             f"|---|---|{'---:|' * len(names)}"]
    for clip in (AVERAGE, *(name for name in results if name != AVERAGE)):
        lines += [f"| {printable(clip)} | {printable(method)} | {' | '.join(_shown(figures).values())} |"
                  for method, figures in results[clip].items()]
    return "\n".join(lines) + "\n"


def _shown(figures: Mapping[str, float]) -> dict[str, str]:
    return {COLUMNS[name][0]: f"{value * COLUMNS[name][1]:{COLUMNS[name][2]}}" for name, value in figures.items()}


def _caption(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value}" for name, value in _shown(figures).items())
