"""The loop: data -> steps -> records, validation, checkpoints."""

import datetime
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import keras
import numpy as np

from srgan_tf.config import TrainConfig
from srgan_tf.data.mapping import check_mapped
from srgan_tf.imaging import write_image
from srgan_tf.metrics.presentation import PRESENTATIONS
from srgan_tf.models import save_model
from srgan_tf.training.checkpoints import Checkpoints
from srgan_tf.training.engine import Engine
from srgan_tf.training.logs import Ledger, Profiler, Progress, Records
from srgan_tf.training.strategies import agreement
from srgan_tf.training.validation import Validator
from srgan_tf.training.validation_metrics import Ranking, best_metric


class Run:
    """The steps of a run that are left, and what is due between them.

    On several machines every process does the same, so that all stay in step, but only the chief writes.
    """

    def __init__(self, config: TrainConfig, folder: Path, generator: keras.Model, checkpoints: Checkpoints,
                 validator: Validator, chief: bool = True):
        """Takes what a run has besides its step.

        Args:
            config: of the run.
            folder: where it writes.
            generator: what is validated and kept: the moving average.
            checkpoints: already restored.
            validator: of `generator`.
            chief: whether this process writes.
        """
        self.config, self.folder, self.generator, self.chief = config, folder, generator, chief
        self.checkpoints, self.validator = checkpoints, validator
        self.ranking = Ranking(best_metric(config))
        self.number = int(checkpoints.step.numpy())

    def take_steps(self, engine: Engine, data: Iterable) -> None:
        """Goes on to --steps.

        Args:
            engine: takes a block of steps.
            data: yields blocks (lr, hr) from the first step that is left.

        Raises:
            ValueError: a loss or a gradient is not finite.
            KeyboardInterrupt: after Ctrl-C or SIGTERM, when the state is saved.
        """
        config, stop_anywhere = self.config, agreement()
        self._ledger = Ledger(engine.names)
        with ExitStack() as stack:
            self._progress = stack.enter_context(
                closing(Progress(self.number, config.steps, config.batch_size, self.chief)))
            self._records = stack.enter_context(closing(Records(self.folder if self.chief else None, self.number)))
            profiler = stack.enter_context(closing(Profiler(self.folder, config.profile if self.chief else 0)))
            stopped = stack.enter_context(_stop_signals())
            batches = iter(data)
            while self.number < config.steps:
                before = self.number
                with self._progress.waiting():
                    lr, hr = next(batches)
                self.number = min(before + config.steps_per_call, config.steps)
                self._ledger.add(self.number, engine(lr, hr))
                profiler.count()
                # Looked at once: a signal that comes later in this round is for the next.
                stopping = stop_anywhere(bool(stopped))
                self._attend(before, stopping)
                if stopping:
                    self._progress.say(f"stopped at step {self.number}; a checkpoint was saved, and the same "
                                       "command resumes the run")
                    raise KeyboardInterrupt
            # A block of --steps_per_call, and a smaller one at the end.
            assert engine.traces <= min(2, config.steps_per_call), f"a step was traced {engine.traces} times"
        self._summarize()

    def keep(self, name: str) -> None:
        """Writes the generator to the run folder."""
        if self.chief:
            save_model(self.generator, self.folder / name)

    def _attend(self, before: int, stopping: bool) -> None:
        """Does what is due after the steps from `before` to now."""
        def due(every: int) -> bool:
            return self.number // every > before // every

        end = self.number == self.config.steps
        self._progress.advance(self.number)
        self.checkpoints.step.assign(self.number)
        if due(self.config.log_every) or end or stopping:
            self._record()
        if due(self.config.validate_every) or end:
            self._validate()
        if due(self.config.checkpoint_every) or end or stopping:
            self._save()

    def _record(self) -> None:
        values = {**self._ledger.means(), **self._progress.rates()}
        self._progress.show(values)
        self._records.scalars(self.number, values)

    def _validate(self) -> None:
        """Measures the generator and keeps it if it is the best so far."""
        self._ledger.settle()
        with self._progress.paused():
            found = self.validator()
            self._records.scalars(
                self.number, {f"validation/{name}": value for name, value in found.values.items()})
            self._records.image(self.number, "validation", found.sheet)
            score = np.float32(self.ranking.score(found.values))
            best = score > self.checkpoints.best.numpy()
            self._progress.say(f"step {self.number}: {self._compared(found.values)}{', best so far' if best else ''}")
            if best:
                self.checkpoints.best.assign(score)
                self.checkpoints.best_step.assign(self.number)
                self.keep("best.keras")
            if self.chief:
                write_image(self.folder / "validation.png", found.sheet)

    def _save(self) -> None:
        """Writes a checkpoint, unless something in it is not finite or what it was made from has been cut."""
        self._ledger.settle()
        check_mapped()
        with self._progress.paused():
            self.checkpoints.save()
            self.keep("last.keras")

    def _compared(self, values: Mapping[str, float]) -> str:
        """The metrics of a validation, beside what bicubic interpolation reaches."""
        return ", ".join(f"{PRESENTATIONS[name].show(values[name])} (bicubic {bicubic:{PRESENTATIONS[name].form}})"
                         if name in values else f"{PRESENTATIONS[name].name} cannot be measured"
                         for name, bicubic in self.validator.bicubic.items())

    def _summarize(self) -> None:
        score, shown = float(self.checkpoints.best.numpy()), self.ranking.shown
        bicubic = self.validator.bicubic[self.ranking.metric]
        best = (f"best {shown.show(self.ranking.value(score))} (bicubic {bicubic:{shown.form}}) at step "
                f"{int(self.checkpoints.best_step.numpy()):,}" if np.isfinite(score)
                else f"no best.keras: {shown.name} could not be measured")
        took = datetime.timedelta(seconds=round(self._progress.seconds()))
        self._progress.say(
            f"{self.config.steps:,} steps, the last {self._progress.taken():,} in {took}; {best}")


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
