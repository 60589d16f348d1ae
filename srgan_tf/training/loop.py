"""The loop: data -> step -> records, validation, checkpoints."""

import math
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from srgan_tf.config import TrainConfig
from srgan_tf.data import Source, Store, build_store, crops, open_sources
from srgan_tf.imaging import write_picture
from srgan_tf.metrics import SSIM_WINDOW
from srgan_tf.models import save_model
from srgan_tf.training.assembly import build_step, describe
from srgan_tf.training.checkpoints import Checkpoints
from srgan_tf.training.records import Progress, Records
from srgan_tf.training.run_folder import open_run_folder
from srgan_tf.training.validation import Validator


def train(config: TrainConfig, flags_text: str) -> Path:
    """Trains, or goes on training, until --steps.

    Args:
        config: of the run.
        flags_text: the configuration as a flagfile, kept in the run folder.

    Returns:
        The run folder.

    Raises:
        ValueError: something in the configuration or the data is wrong, or a loss is not finite.
        OSError: a file cannot be read or written.
        KeyboardInterrupt: after Ctrl-C or SIGTERM, when the state is saved.
    """
    keras.utils.set_random_seed(config.seed)
    step = build_step(config)
    train_source, val_source = open_sources(config.dataset, config.val_dataset, config.scale)
    folder = open_run_folder(config, flags_text)
    print(f"{describe(step.generator)}: {step.generator.count_params():,} parameters; run folder {folder}")
    store = load_pictures(train_source, config.scale, config.patch_size)
    smallest = SSIM_WINDOW + 2 * config.scale
    validator = Validator(step.generator, load_pictures(val_source, config.scale, smallest), config.val_images)
    checkpoints = Checkpoints(folder / "checkpoints", step.trackables(), config.keep_checkpoints)
    for line in checkpoints.restore():
        print(f"{line}: going back to the one before")
    first_step = int(checkpoints.step)
    if first_step >= config.steps:
        print(f"the run is complete: {first_step} steps")
        save_model(step.generator, folder / "last.keras")
        return folder
    if first_step:
        print(f"resumed at step {first_step}")
    batches = crops(store, config.patch_size, config.batch_size, config.seed, first_step, config.steps)
    run_steps(config, folder, compile_step(step, config.jit_compile), step.generator, batches, checkpoints, validator)
    return folder


def load_pictures(source: Source, scale: int, smallest_hr: int = 1) -> Store:
    """Decodes a source with a progress bar and says what was left out."""
    with tqdm(total=source.count, desc=f"reading {source.name}", unit="picture", leave=False, disable=None) as bar:
        store = build_store(source, scale, smallest_hr, bar.update)
    print(f"{source.name}: {len(store.names)} pictures, {store.pixels.shape[0] / 2**20:.0f} MiB decoded")
    for name, reason in store.skipped[:10]:
        print(f"  skipped {reason}" if name in reason else f"  skipped {name}: {reason}")
    if len(store.skipped) > 10:
        print(f"  ... {len(store.skipped)} pictures skipped in all")
    return store


def compile_step(step: Callable, jit_compile: bool) -> Callable:
    """The step as one graph from uint8 batches to scalars."""

    @tf.function(jit_compile=jit_compile)
    def compiled(lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        return step(tf.cast(lr, tf.float32) / 255, tf.cast(hr, tf.float32) / 255)

    def run(lr: tf.Tensor, hr: tf.Tensor) -> dict[str, tf.Tensor]:
        try:
            return compiled(lr, hr)
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError("not enough memory for a step: lower --batch_size or --patch_size") from error

    return run


def run_steps(config: TrainConfig, folder: Path, step: Callable, generator: keras.Model, batches: tf.data.Dataset,
              checkpoints: Checkpoints, validator: Validator) -> None:
    """Takes the steps that are left, and what is due between them."""
    records = Records(folder)
    progress = Progress(int(checkpoints.step), config.steps, config.batch_size)
    try:
        with _stop_signals() as stopped:
            for number, (lr, hr) in enumerate(batches, int(checkpoints.step) + 1):
                values = step(lr, hr)
                progress.advance()
                # Looked at once: a signal that comes later in this round is for the next.
                stopping = bool(stopped)
                last = number == config.steps or stopping
                if number % config.log_every == 0 or number % config.checkpoint_every == 0 or last:
                    _log(number, values, progress, records)
                checkpoints.step.assign(number)
                if number % config.validate_every == 0 or number == config.steps:
                    _validate(number, folder, generator, checkpoints, validator, progress, records)
                if number % config.checkpoint_every == 0 or last:
                    checkpoints.save()
                    save_model(generator, folder / "last.keras")
                if stopping:
                    progress.say(f"stopped at step {number}, saved; the same command goes on from there")
                    raise KeyboardInterrupt
    finally:
        progress.close()
        records.close()


def _log(number: int, values: dict[str, tf.Tensor], progress: Progress, records: Records) -> None:
    """Records the losses; one that is not finite ends the run before it can reach a checkpoint."""
    numbers = {name: float(value) for name, value in values.items()}
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} is {value} at step {number}; the last checkpoint is intact. A lower "
                             "--learning_rate, or --precision=float32, may help")
    rate = progress.rate(number)
    progress.show(numbers["loss"], rate)
    records.scalars(number, {**numbers, "images_per_second": rate})


def _validate(number: int, folder: Path, generator: keras.Model, checkpoints: Checkpoints, validator: Validator,
              progress: Progress, records: Records) -> None:
    """Measures the generator and keeps it if it is the best so far."""
    found = validator()
    records.scalars(number, {"validation/psnr_y": found.psnr_y, "validation/ssim_y": found.ssim_y})
    records.picture(number, "validation", found.sheet)
    write_picture(folder / "validation.png", found.sheet)
    best = found.psnr_y > float(checkpoints.best)
    progress.say(f"step {number}: PSNR-Y {found.psnr_y:.2f} dB (bicubic {validator.bicubic_psnr_y:.2f}), "
                 f"SSIM-Y {found.ssim_y:.4f}{', best so far' if best else ''}")
    if best:
        checkpoints.best.assign(np.float32(found.psnr_y))
        save_model(generator, folder / "best.keras")


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collects Ctrl-C and SIGTERM in a list for the loop to look at, so that no step is cut in two."""
    stopped: list[int] = []
    before = {number: signal.signal(number, lambda received, frame: stopped.append(received))
              for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
