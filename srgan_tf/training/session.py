"""A run from its configuration to its end: what is built, read and restored before the loop turns."""

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import keras
import tensorflow as tf
from tqdm import tqdm

from srgan_tf.config import TrainConfig
from srgan_tf.data import Source, Store, build_store, open_synthesis
from srgan_tf.data.synthesis import Synthesis
from srgan_tf.errors import UserError
from srgan_tf.hub import load_model
from srgan_tf.metrics import SSIM_WINDOW
from srgan_tf.text import counted, printable
from srgan_tf.training.assembly import build_average, build_step, describe
from srgan_tf.training.checkpoints import FOLDER, Checkpoints
from srgan_tf.training.clip_validation import ClipValidator
from srgan_tf.training.ema import Average
from srgan_tf.training.engine import Engine, blocks
from srgan_tf.training.loop import Run
from srgan_tf.training.run_data import Opened, open_run_data
from srgan_tf.training.run_folder import keep_flags, open_run_folder
from srgan_tf.training.steps import PixelStep, variables
from srgan_tf.training.strategies import is_chief, open_strategy
from srgan_tf.training.validation import Validator
from srgan_tf.training.validation_metrics import Metric, Ranking, best_metric, open_metrics


def train(config: TrainConfig, flags_text: str) -> Path:
    """Trains, or continues training, until --steps.

    Args:
        config: of the run.
        flags_text: the configuration as a flagfile, kept in the run folder.

    Returns:
        The run folder.

    Raises:
        ValueError: something in the configuration or the data is wrong, or a loss is not finite.
        OSError: a file cannot be read or written, or another machine of the job is gone.
        KeyboardInterrupt: after Ctrl-C or SIGTERM, when the state is saved.
    """
    strategy = open_strategy(config.strategy, config.batch_size)
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    try:
        with strategy.scope():
            return _train(config, flags_text, is_chief(strategy))
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
        reason = error.message.splitlines()[0].rpartition("}} ")[2]
        raise ConnectionError("another worker has stopped; the last checkpoint is intact. Start all workers again to "
                              f"continue ({reason[:120]})") from error


def _train(config: TrainConfig, flags_text: str, chief: bool) -> Path:
    synthesis, metrics = open_synthesis(config), open_metrics(config)
    step = build_step(config)
    average = build_average(config, step.generator)
    with open_run_folder(config, flags_text, chief) as folder:
        generator = average.generator
        print(f"{describe(generator)}: {generator.count_params():,} parameters; {_devices()}; "
              f"run folder {printable(folder)}")
        data = open_run_data(config, folder, chief)
        if chief:
            keep_flags(folder, flags_text)
        _take_steps(config, folder, step, average, data, synthesis, metrics, chief)
    return folder


def _take_steps(config: TrainConfig, folder: Path, step: PixelStep, average: Average, data: Opened,
                synthesis: Synthesis | None, metrics: Mapping[str, Metric], chief: bool) -> None:
    """Reads the images, restores what there is, and takes the steps that are left."""
    generator = average.generator
    store = load_images("training", data.train, config.scale, config.patch_size)
    if step.reads_lessons and not store.is_taught:
        raise UserError(f"--dataset={config.dataset} holds no images of a teacher, which --losses={config.losses} "
                        "compares with: prepare the records with --teacher, or give train --teacher=MODEL")
    smallest = SSIM_WINDOW + 2 * config.scale
    if store.moving:
        clips = load_images("validation", data.validation, config.scale, config.patch_size)
        measure = partial(ClipValidator, store=clips, config=config, metrics=metrics)
    else:  # validation images that are named are taken with their own LR
        stills = load_images("validation", data.validation, config.scale, smallest, config.val_images)
        measure = partial(Validator, store=stills, most=config.val_images, metrics=metrics,
                          synthesis=None if config.val_dataset else synthesis)
    checkpoints = Checkpoints(folder / FOLDER, {**step.trackables(), "average": variables(generator)},
                              config.keep_checkpoints, chief)
    for line in checkpoints.restore():
        print(f"{printable(line)}: going back to the one before")
    if data.validation_changed:
        _measure_best_again(folder, checkpoints, measure, Ranking(best_metric(config)))
    run = Run(config, folder, generator, checkpoints, measure(generator), chief)
    first_step = int(checkpoints.step.numpy())
    if first_step >= config.steps:
        print(f"the run is complete: {counted(first_step, 'step')}")
        run.keep("last.keras")
        return
    if first_step:
        print(f"resumed at step {first_step}")
    run.take_steps(Engine(step, average, config.jit_compile),
                   blocks(config, store, first_step, synthesis, step.reads_lessons))


def _measure_best_again(folder: Path, checkpoints: Checkpoints, measure: Callable[[keras.Model], Validator],
                        ranking: Ranking) -> None:
    """Measures best.keras, for its score on other images is no measure for those to come."""
    path, before, score = folder / "best.keras", float(checkpoints.best.numpy()), float("-inf")
    # In a thread of its own, where no strategy is in scope: variables made in one would wait for the other machines.
    if path.is_file():
        with ThreadPoolExecutor(1) as outside:
            score = ranking.score(outside.submit(lambda: measure(load_model(path))()).result().values)
    checkpoints.best.assign(score)
    now, then = (ranking.shown.show(ranking.value(each)) if math.isfinite(each) else "not known"
                 for each in (score, before))
    print(f"the validation images have changed: {printable(path)} has {now} on them; before: {then}")


def load_images(use: str, source: Source, scale: int, smallest_hr: int = 1, most: int | None = None) -> Store:
    """Decodes a source with a progress bar and says what was left out."""
    name = printable(source.name)
    with tqdm(total=source.count, desc=f"reading {name}", unit="image", leave=False, disable=None) as bar:
        store = build_store(source, scale, smallest_hr, bar.update, most)
    print(f"{use} on {name}: {counted(len(store.names), 'image')}, {store.pixels.shape[0] / 2**20:.0f} MiB decoded")
    for name, reason in store.skipped[:10]:
        print(f"  skipped {printable(reason if name in reason else f'{name}: {reason}')}")
    if len(store.skipped) > 10:
        print(f"  ... {len(store.skipped)} images skipped in total")
    for line in store.doubtful:
        print(f"  warning: {printable(line)}")
    return store


def _devices() -> str:
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    kind = next((kind for kind in ("TPU", "GPU") if tf.config.list_logical_devices(kind)), "CPU")
    return kind if replicas == 1 else f"{replicas} replicas on {kind}s"
