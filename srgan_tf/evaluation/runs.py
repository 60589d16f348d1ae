"""An evaluation from its configuration: which pictures, which methods, what is written."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from srgan_tf.config import EvaluateConfig
from srgan_tf.evaluation.benchmarks import Case, load_benchmark, load_finished
from srgan_tf.evaluation.measure import Scores, measure
from srgan_tf.evaluation.sheets import Row, draw_sheet
from srgan_tf.imaging import write_picture
from srgan_tf.inference import Upscaler

BICUBIC = "bicubic"
Results = dict[str, dict[str, Scores]]


def evaluate_finished(config: EvaluateConfig) -> tuple[str, Results]:
    """Measures the pictures of --sr_dir; returns the method's name and the scores by benchmark and method."""
    sr_dir, hr_dir = Path(config.sr_dir).expanduser(), Path(config.hr_dir).expanduser()
    cases = load_finished(sr_dir, hr_dir, config.scale)
    pictures = [(case.name, case.load_finished) for case in tqdm(cases, "measuring", leave=False, disable=None)]
    return sr_dir.name, {_benchmark_name(hr_dir): {sr_dir.name: measure(pictures, config.scale)}}


def evaluate_model(config: EvaluateConfig, output: Path) -> tuple[str, Results]:
    """Measures --model, and bicubic interpolation beside it, on every --benchmark; writes sheets and pictures.

    Raises:
        ValueError: the model's scale is not --scale, or two benchmarks have one name.
    """
    folders = [Path(folder).expanduser() for folder in config.benchmark]
    benchmarks = {_benchmark_name(folder): load_benchmark(folder, config.scale) for folder in folders}
    if len(benchmarks) < len(folders):
        raise ValueError(f"two benchmarks have one name: {', '.join(map(str, folders))}")
    model = Upscaler(config.model, tile=config.tile, scale=config.scale)
    if model.scale != config.scale:
        raise ValueError(f"{config.model} enlarges {model.scale} times; --scale={config.scale}")
    method = config.model if config.model == BICUBIC else Path(config.model).name
    upscalers = {BICUBIC: Upscaler(BICUBIC, scale=config.scale), method: model}
    return method, {name: _evaluate_benchmark(name, cases, upscalers, config, output)
                    for name, cases in benchmarks.items()}


def _benchmark_name(folder: Path) -> str:
    """Set5 for Set5/ and for Set5/HR."""
    folder = folder.resolve()
    return folder.parent.name if folder.name == "HR" else folder.name


def _evaluate_benchmark(name: str, cases: list[Case], upscalers: dict[str, Upscaler], config: EvaluateConfig,
                        output: Path) -> dict[str, Scores]:
    """Enlarges and measures every picture once for each method."""
    scores = {method: Scores({}, {}) for method in upscalers}
    rows = []
    for case in tqdm(cases, name, unit="picture", leave=False, disable=None):
        enlarged: dict[str, np.ndarray] = {}
        for method, upscaler in upscalers.items():
            _measure_one(case, _keeping(case, upscaler, method, enlarged), scores[method])
        if len(enlarged) < len(upscalers):
            continue
        if len(rows) < config.sheet_rows:
            rows.append(_row(case, enlarged, scores))
        if config.save_images:
            folder = output / name
            folder.mkdir(exist_ok=True)
            write_picture(folder / f"{Path(case.name).stem}.png", enlarged[list(upscalers)[-1]])
    for method in scores:
        if not scores[method].images:
            raise ValueError(f"{name}: no picture could be measured: {next(iter(scores[method].failures.values()))}")
    if rows:
        write_picture(output / f"{name}.png", draw_sheet(rows, config.scale))
    return scores


def _keeping(case: Case, upscaler: Upscaler, method: str, enlarged: dict[str, np.ndarray]) -> Callable:
    """A function that loads the case and enlarges it, and leaves the result in `enlarged`."""

    def load() -> tuple[np.ndarray, np.ndarray]:
        lr, hr = case.load()
        enlarged[method] = upscaler(lr)
        return enlarged[method], hr

    return load


def _measure_one(case: Case, load: Callable, scores: Scores) -> None:
    try:
        one = measure([(case.name, load)], case.scale)
    except ValueError as error:
        scores.failures[case.name] = str(error).removeprefix("no picture could be measured: ")
    else:
        scores.images.update(one.images)


def _row(case: Case, enlarged: dict[str, np.ndarray], scores: dict[str, Scores]) -> Row:
    lr, hr = case.load()
    captions = {method: f"{found.images[case.name]['psnr_y']:.2f} dB / {found.images[case.name]['ssim_y']:.4f}"
                for method, found in scores.items()}
    return Row(case.name, lr, {**enlarged, "HR": hr}, {**captions, "HR": "PSNR / SSIM on Y"})
