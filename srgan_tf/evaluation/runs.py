"""An evaluation from its configuration: which pictures, which methods, what is written."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from srgan_tf.config import RUN_MODELS, EvaluateConfig
from srgan_tf.evaluation.benchmarks import Case, load_benchmark, load_finished
from srgan_tf.evaluation.measure import Scores
from srgan_tf.evaluation.sheets import Row, draw_sheet
from srgan_tf.imaging import write_picture
from srgan_tf.inference import Upscaler

BICUBIC = "bicubic"
Results = dict[str, dict[str, Scores]]


def evaluate(config: EvaluateConfig, output: Path) -> tuple[str, Results]:
    """Evaluates what the configuration names: a model on benchmarks, or finished pictures.

    Args:
        config: of the evaluation.
        output: folder for sheets and pictures; exists.

    Returns:
        The method's name, and the scores by benchmark and method.

    Raises:
        ValueError: something that is named cannot be used, or no picture at all could be measured.
    """
    method, results = evaluate_finished(config) if config.sr_dir else evaluate_model(config, output)
    scores = [methods[method] for methods in results.values()]
    if not any(found.images for found in scores):
        reasons = [reason for found in scores for reason in found.failures.values()]
        raise ValueError(f"no picture could be measured: {reasons[0]}")
    return method, results


def evaluate_finished(config: EvaluateConfig) -> tuple[str, Results]:
    """Measures the pictures of --sr_dir; returns the method's name and the scores by benchmark and method."""
    sr_dir, hr_dir = Path(config.sr_dir).expanduser(), Path(config.hr_dir).expanduser()
    scores = Scores()
    for case in tqdm(load_finished(sr_dir, hr_dir, config.scale), "measuring", leave=False, disable=None):
        scores.measure(case.name, case.load_finished, config.scale)
    method = sr_dir.absolute().name
    return method, {_benchmark_name(hr_dir): {method: scores}}


def evaluate_model(config: EvaluateConfig, output: Path) -> tuple[str, Results]:
    """Measures --model, and bicubic interpolation beside it, on every --benchmark; writes sheets and pictures.

    Raises:
        ValueError: the model's scale is not --scale, or two benchmarks have one name.
    """
    folders = [Path(folder).expanduser() for folder in config.benchmark]
    benchmarks = {_benchmark_name(folder): load_benchmark(folder, config.scale) for folder in folders}
    if len(benchmarks) < len(folders):
        raise ValueError(f"two benchmarks have one name: {', '.join(map(str, folders))}")
    model = Upscaler(config.model, tile=config.tile, scale=config.scale, threads=config.threads,
                     runtime=config.runtime, precision=config.precision)
    if model.scale != config.scale:
        raise ValueError(f"{config.model} enlarges {model.scale} times; --scale={config.scale}")
    method = BICUBIC if config.model == BICUBIC else _method_name(Path(config.model))
    upscalers = {BICUBIC: Upscaler(BICUBIC, scale=config.scale), method: model}
    return method, {name: _evaluate_benchmark(name, cases, upscalers, config, output)
                    for name, cases in benchmarks.items()}


def _method_name(model: Path) -> str:
    """What tables call a model: its file's name, or its run's; never the name of another row or cell."""
    name = model.absolute().parent.name if model.name in RUN_MODELS else model.absolute().name
    return f"{name} (model)" if name in (BICUBIC, "LR", "HR") else name


def _benchmark_name(folder: Path) -> str:
    """Set5 for Set5/ and for Set5/HR."""
    folder = folder.resolve()
    return folder.parent.name if folder.name == "HR" else folder.name


def _evaluate_benchmark(name: str, cases: list[Case], upscalers: dict[str, Upscaler], config: EvaluateConfig,
                        output: Path) -> dict[str, Scores]:
    """Enlarges and measures every picture by each method, the model last."""
    scores = {method: Scores() for method in upscalers}
    rows = []
    for case in tqdm(cases, name, unit="picture", leave=False, disable=None):
        load, pictures = cache(case.load), {}
        for method, upscaler in upscalers.items():
            scores[method].measure(case.name, partial(_enlarge, load, method, upscaler, pictures), config.scale)
        if any(case.name in found.failures for found in scores.values()):
            continue
        if len(rows) < config.sheet_rows:
            rows.append(_row(case.name, *load(), pictures, scores))
        if config.save_images:
            (output / name).mkdir(exist_ok=True)
            write_picture(output / name / f"{Path(case.name).stem}.png", pictures[method])
    if rows:
        write_picture(output / f"{name}.png", draw_sheet(rows, config.scale))
    return scores


def _enlarge(load: Callable, method: str, upscaler: Upscaler, pictures: dict[str, np.ndarray]) -> tuple:
    """Loads a case and enlarges it; the result is also left in `pictures`, for the sheet."""
    lr, hr = load()
    pictures[method] = upscaler(lr)
    return pictures[method], hr


def _row(name: str, lr: np.ndarray, hr: np.ndarray, pictures: dict[str, np.ndarray],
         scores: dict[str, Scores]) -> Row:
    captions = {method: f"{found.images[name]['psnr_y']:.2f} dB / {found.images[name]['ssim_y']:.4f}"
                for method, found in scores.items()}
    return Row(name, lr, {**pictures, "HR": hr}, {**captions, "HR": "PSNR / SSIM on Y"})
