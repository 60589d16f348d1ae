"""An evaluation from its configuration: which images, which methods, what is written."""

import contextlib
import dataclasses
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from functools import cached_property, lru_cache, partial
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from srgan_tf.config import EvaluateConfig
from srgan_tf.errors import MENDABLE, UserError
from srgan_tf.evaluation.benchmarks import Case, load_benchmark, load_finished, lr_note
from srgan_tf.evaluation.cache import Cache, digest_of, user_folder
from srgan_tf.evaluation.chosen_metrics import Metric, find_metrics
from srgan_tf.evaluation.measure import Measured, Scores, take
from srgan_tf.evaluation.methods import BICUBIC, Method, Opening, find_methods
from srgan_tf.evaluation.sheets import CROP, Row, busiest_crop, draw_sheet
from srgan_tf.evaluation.stored_benchmarks import (
    StoredCache,
    StoredCase,
    check_stores,
    load_pair,
    load_stored_benchmark,
    on_this_machine,
)
from srgan_tf.imaging import write_image
from srgan_tf.text import expand, printable
from srgan_tf.workers import in_store, run_pipeline

Results = dict[str, dict[str, Scores]]
_preparing = threading.Lock()


class Evaluation(NamedTuple):
    """What was measured.

    Attributes:
        methods: names of the models, bicubic not among them unless it is the only one.
        results: scores by benchmark, then by method, bicubic first.
        parameters: by method, where they are known.
        rows: the images to show, by benchmark.
    """

    methods: list[str]
    results: Results
    parameters: dict[str, int]
    rows: dict[str, list[Row]]


def evaluate(config: EvaluateConfig, output: Path, opening: Opening = contextlib.nullcontext) -> Evaluation:
    """Evaluates what the configuration names: models on benchmarks, or finished images.

    Args:
        config: of the evaluation.
        output: folder for sheets and images; exists.
        opening: a context to open models in.

    Raises:
        ValueError: something that is named cannot be used, or no image at all could be measured.
    """
    metrics = find_metrics(config)
    found = _finished(config, metrics) if config.sr_dir else _models(config, metrics, output, opening)
    scores = [scores for methods in found.results.values() for name, scores in methods.items() if name in found.methods]
    if not any(each.images for each in scores):
        reasons = [reason for each in scores for reason in each.failures.values()]
        raise UserError(f"no image could be measured: {reasons[0]}")
    return found


def _finished(config: EvaluateConfig, metrics: Mapping[str, Metric]) -> Evaluation:
    """Measures the images of --sr_dir."""
    sr_dir, hr_dir = expand(config.sr_dir), expand(config.hr_dir)
    scores = Scores()
    cases = load_finished(sr_dir, hr_dir, config.scale, config.sr_pattern)
    for case in tqdm(cases, "measuring", leave=False, disable=None):
        scores.measure(case.name, lambda case=case: _measured(case.load_finished(), metrics, config.scale))
    method = sr_dir.absolute().name
    return Evaluation([method], {_benchmark_name(hr_dir.resolve()): {method: scores}}, {}, {})


def _measured(pair: tuple[np.ndarray, np.ndarray], metrics: Mapping[str, Metric], crop: int) -> Measured:
    return take({name: partial(metric.measure, *pair, crop=crop) for name, metric in metrics.items()})


def _models(config: EvaluateConfig, metrics: Mapping[str, Metric], output: Path, opening: Opening) -> Evaluation:
    """Measures bicubic interpolation and every --model on every --benchmark; writes sheets and images."""
    check_stores(config)
    stored = [url for url in config.benchmark if in_store(url)]
    folders = [] if stored else [expand(folder) for folder in config.benchmark]
    benchmarks = {_benchmark_name(folder.resolve()): load_benchmark(folder, config.scale) for folder in folders}
    benchmarks |= {_benchmark_name(PurePosixPath(url)): load_stored_benchmark(config.beam, url, config.scale)
                   for url in stored}
    if len(benchmarks) < len(config.benchmark):
        raise UserError(f"two benchmarks have the same name: {', '.join(config.benchmark)}")
    for name, cases in benchmarks.items() if config.save_images else ():
        for stem, count in Counter(Path(case.name).stem for case in cases).items():
            if count > 1:
                raise UserError(f"--save_images: {count} images of {name} would be written to {stem}.png: rename "
                                "all but one")
    cache, methods = _cache(config), find_methods(config, opening)
    for note in filter(None, (method.model.note for method in methods.values())):
        print(f"note: {printable(note)}", file=sys.stderr)
    for method in methods.values():
        method.check(cache)
    for note in filter(None, (lr_note(folder, config.scale) for folder in folders)):
        print(f"note: {printable(note)}", file=sys.stderr)
    if config.beam:
        _measure_on_workers(config, [case for cases in benchmarks.values() for case in cases], methods)
    results, rows = {}, {}
    for name, cases in benchmarks.items():
        results[name], rows[name] = _benchmark(name, cases, methods, metrics, cache, config, output)
    names = [name for name in methods if name != BICUBIC] or [BICUBIC]
    return Evaluation(names, results, {name: method.parameters for name, method in methods.items()
                                       if method.parameters}, rows)


def _cache(config: EvaluateConfig) -> Cache:
    if in_store(config.cache):
        return StoredCache(config.cache, config.beam)
    return Cache(user_folder() if config.cache == "auto" else expand(config.cache) if config.cache else None)


def _measure_on_workers(config: EvaluateConfig, cases: list[Case | StoredCase], methods: Mapping[str, Method]) -> None:
    """Fills the cache by a Beam pipeline: what this process measures afterwards is there already."""
    there = config
    if folder := _cache(config).folder:
        there = dataclasses.replace(config, cache=str(folder.absolute()))
        cases = [case._replace(hr_path=case.hr_path.absolute(),
                               other_path=case.other_path and case.other_path.absolute()) for case in cases]
    items = [(case, name) for case in cases for name in methods]
    run_pipeline(config.beam, lambda beam, pipeline: pipeline | beam.Create(items) | beam.Reshuffle()
                 | beam.MapTuple(partial(_measure, there)))


def _measure(config: EvaluateConfig, case: Case | StoredCase, name: str) -> None:
    methods, metrics = _prepared(config)
    with contextlib.suppress(*MENDABLE), EvaluatedImage(case, _cache(config), config.beam) as image:
        image.figures(methods[name], metrics, config.scale)  # what is wrong this process meets again, and says


def _prepared(config: EvaluateConfig) -> tuple[dict[str, Method], dict[str, Metric]]:
    """Methods, whose models each worker opens once, and metrics."""
    with _preparing:
        return _prepare(config)


@lru_cache(maxsize=1)
def _prepare(config: EvaluateConfig) -> tuple[dict[str, Method], dict[str, Metric]]:
    methods = find_methods(config, contextlib.nullcontext)
    for method in methods.values():
        method.check(_cache(config))
        _ = method.upscaler  # opened by one thread
    return methods, find_metrics(config)


def _benchmark_name(folder: PurePath) -> str:
    """Set5 for Set5/ and for Set5/HR."""
    return folder.parent.name if folder.name == "HR" else folder.name


def _benchmark(name: str, cases: list[Case | StoredCase], methods: dict[str, Method], metrics: Mapping[str, Metric],
               cache: Cache, config: EvaluateConfig, output: Path) -> tuple[dict[str, Scores], list[Row]]:
    """Upscales and measures every image by each method; returns the scores and the rows of the sheet."""
    scores: dict[str, Scores] = {method: Scores() for method in methods}
    rows = []
    with tqdm(total=len(cases) * len(methods), desc=printable(name), unit="image", leave=False, disable=None) as bar:
        for case in cases:
            with EvaluatedImage(case, cache, config.beam) as image:
                for method in methods.values():
                    bar.set_postfix_str(printable(method.name))
                    scores[method.name].measure(
                        case.name, lambda image=image, method=method: image.figures(method, metrics, config.scale))
                    bar.update()
                if any(case.name in found.failures for found in scores.values()):
                    continue
                if len(rows) < config.sheet_rows:
                    rows.append(_row(image, methods, scores))
                if config.save_images:
                    _save(image, methods, output / name)
    if rows:
        write_image(output / f"{name}.png", draw_sheet(rows, config.scale))
    return scores, rows


class EvaluatedImage(contextlib.ExitStack):
    """An image of a benchmark, read, upscaled and measured as far as the cache has not kept it.

    Copies of what lies in a store are here for as long as the context lasts.
    """

    def __init__(self, case: Case | StoredCase, cache: Cache, beam: str):
        """Takes the image, the cache, and --beam, by which stores are read."""
        super().__init__()
        self.case, self.cache, self.beam, self.upscaled = case, cache, beam, {}

    @cached_property
    def files(self) -> Case:
        """The image on this machine."""
        return self.enter_context(on_this_machine(self.case, self.beam))

    @cached_property
    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """LR and HR."""
        return load_pair(self.case, self.files)

    @cached_property
    def digest(self) -> str:
        """Of its files."""
        files = self.files
        return digest_of(*(path.read_bytes() if path else b"" for path in (files.hr_path, files.other_path)))

    def upscaled_image(self, method: Method) -> np.ndarray:
        """What the method makes of its LR, uint8 [H,W,C]."""
        if method.name not in self.upscaled:
            key = self.cache.key(image=self.digest, **method.settings)
            pixels = self.cache.get_image(key) if method.digest else None
            if pixels is None:
                pixels = method.upscaler(self.pair[0])
                if method.digest:
                    self.cache.put_image(key, pixels)
            self.upscaled[method.name] = pixels
        return self.upscaled[method.name]

    def figures(self, method: Method, metrics: Mapping[str, Metric], crop: int) -> Measured:
        """The method's figures by metric."""
        key = self.cache.key(figures=self.digest, crop=crop, **method.settings)
        known = self.cache.get_values(key) if method.digest else {}
        missing = {name: metric for name, metric in metrics.items() if metric.key not in known}
        absent: dict[str, str] = {}
        if missing:
            found, absent = _measured((self.upscaled_image(method), self.pair[1]), missing, crop)
            known |= {metrics[name].key: value for name, value in found.items()}
            if method.digest:
                self.cache.put_values(key, known)
        return Measured({name: known[metric.key] for name, metric in metrics.items() if metric.key in known}, absent)


def _row(image: EvaluatedImage, methods: Mapping[str, Method], scores: Mapping[str, Scores]) -> Row:
    """What the sheet and the page show of an image: no more than they need, for rows are kept to the end."""
    name, (lr, hr) = image.case.name, image.pair
    captions = {method: _caption(found.images[name]) for method, found in scores.items()}
    images = {**{method.name: image.upscaled_image(method) for method in methods.values()}, "HR": hr}
    scale = image.case.scale
    top, left = busiest_crop(hr, images[BICUBIC], CROP, scale)
    shown = {method: pixels[top : top + CROP, left : left + CROP].copy() for method, pixels in images.items()}
    small = lr[top // scale :, left // scale :][: CROP // scale, : CROP // scale].copy()
    return Row(name, small, shown, {**captions, "HR": "PSNR / SSIM on Y"})


def _caption(figures: Mapping[str, float]) -> str:
    psnr, ssim = (format(figures[name], form) if name in figures else "-"
                  for name, form in (("psnr_y", ".2f"), ("ssim_y", ".4f")))
    return f"{psnr} dB / {ssim}"


def _save(image: EvaluatedImage, methods: Mapping[str, Method], folder: Path) -> None:
    """Writes the upscaled images: of one model to the folder, of several each to a folder of its own."""
    names = [name for name in methods if name != BICUBIC] or [BICUBIC]
    for name in names:
        target = folder / name.replace("/", "_") if len(names) > 1 else folder
        target.mkdir(parents=True, exist_ok=True)
        write_image(target / f"{Path(image.case.name).stem}.png", image.upscaled_image(methods[name]))
