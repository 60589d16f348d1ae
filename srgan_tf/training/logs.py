"""What a run leaves to look at: TensorBoard events, the same scalars as JSON lines, a progress line."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from srgan_tf.atomic import replacing
from srgan_tf.errors import UserError
from srgan_tf.text import printable


class Records:
    """Writes scalars and images of a run to RUN/tensorboard and RUN/metrics.jsonl."""

    def __init__(self, folder: Path | None, first_step: int):
        """Opens the files; without a folder nothing is written.

        Lines of steps after `first_step`, which are about to be taken again, are dropped from the JSON lines.
        """
        path = folder / "metrics.jsonl" if folder else Path(os.devnull)
        if path.is_file():
            _keep_until(path, first_step)
        self._writer = (
            tf.summary.create_file_writer(str(folder / "tensorboard")) if folder else tf.summary.create_noop_writer())
        self._lines = path.open("a", encoding="utf-8")

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Records numbers by name."""
        with self._writer.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self._lines.write(json.dumps({"step": step, **values}) + "\n")
        self._lines.flush()
        self._writer.flush()

    def image(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Records an image, uint8 [H,W,3]."""
        with self._writer.as_default(step):
            tf.summary.image(name, pixels[None])

    def close(self) -> None:
        """Ends the files."""
        self._writer.close()
        self._lines.close()


def _keep_until(path: Path, step: int) -> None:
    """Rewrites JSON lines without those of later steps and without one that a killed process left half written.

    Whatever else is no record is named, and the file is kept as it was beside the new one.
    """
    kept, odd = [], []
    content = path.read_bytes()
    lines = content.split(b"\n")
    for number, line in enumerate(lines, 1):
        if (found := _step_of(line)) is not None:
            kept += [line + b"\n"] if found <= step else []
        elif line.strip() and number < len(lines):
            odd.append(number)
    if odd:
        copy = path.with_name("metrics.damaged.jsonl")
        with replacing(copy) as temporary:
            temporary.write_bytes(content)
        print(f"{printable(path)}: {len(odd)} lines are no records of a run, the first is line {odd[0]}; they are left "
              f"out, and the file as it was is kept in {printable(copy)}")
    with replacing(path) as temporary:
        temporary.write_bytes(b"".join(kept))


def _step_of(line: bytes) -> int | None:
    """The step of a record; None if the line is none."""
    with contextlib.suppress(ValueError, RecursionError):
        record = json.loads(line.decode("utf-8"))
        if isinstance(record, dict) and type(record.get("step")) is int:
            return record["step"]
    return None


class Ledger:
    """The scalars of the steps since the last record; one that is not finite ends the run.

    Each call's scalars are looked at when the next call is under way, so that the device need not wait for it.
    """

    def __init__(self, names: list[str]):
        """Takes the list that the engine fills with the scalars' names."""
        self._names, self._pending, self._rows = names, None, []

    def add(self, last_step: int, scalars: tf.Tensor) -> None:
        """Takes the scalars [K,S] of the K steps up to `last_step`, and looks at those before.

        Raises:
            ValueError: one of those before is not finite; the message names it and its step.
        """
        self.settle()
        self._pending = last_step, scalars

    def settle(self) -> None:
        """Looks at what has not been looked at.

        Raises:
            ValueError: a scalar is not finite; the message names it and its step.
        """
        if self._pending is None:
            return
        (last_step, scalars), self._pending = self._pending, None
        rows = scalars.numpy()
        for row, column in np.argwhere(~np.isfinite(rows)):
            raise UserError(f"{self._names[column]} is {rows[row, column]} at step {last_step - len(rows) + row + 1}; "
                            "the last checkpoint is intact. A lower --learning_rate, --clip_norm or "
                            "--precision=float32 may help, in a new --run_dir (with --init_from=THIS_RUN)")
        self._rows.append(rows)

    def means(self) -> dict[str, float]:
        """The mean of each scalar since this was last asked, by name."""
        self.settle()
        rows, self._rows = np.concatenate(self._rows), []
        return dict(zip(self._names, rows.mean(0, dtype=np.float64).tolist(), strict=True))


class Progress:
    """The line that says how far a run is, and the clock."""

    def __init__(self, first_step: int, steps: int, batch_size: int, visible: bool = True):
        """Starts the clock.

        Args:
            first_step: steps already taken.
            steps: in all.
            batch_size: crops in a step.
            visible: whether this process shows anything.
        """
        self._visible, self._batch_size = visible, batch_size
        self._first_step, self._step, self._start = first_step, first_step, time.perf_counter()
        self._restart()
        # Where nobody watches, a line now and then is enough.
        self._bar = tqdm(total=steps, initial=first_step, unit="step", dynamic_ncols=True, smoothing=0.05,
                         mininterval=0.5 if sys.stderr.isatty() else 30, disable=not visible)

    def advance(self, step: int) -> None:
        """Goes on to a step."""
        self._bar.update(step - self._step)
        self._step = step

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Counts the time inside as waiting for data."""
        start = time.perf_counter()
        yield
        self._waited += time.perf_counter() - start

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leaves the time inside out of the rates."""
        start = time.perf_counter()
        yield
        self._away += time.perf_counter() - start

    def rates(self) -> dict[str, float]:
        """Images per second, and the share of the time spent on waiting for data, since this was last asked."""
        elapsed = max(time.perf_counter() - self._since - self._away, 1e-9)
        rates = {"images_per_second": (self._step - self._since_step) * self._batch_size / elapsed,
                 "input_wait": min(1.0, self._waited / elapsed)}
        self._restart()
        return rates

    def taken(self) -> int:
        """Steps taken by this process."""
        return self._step - self._first_step

    def seconds(self) -> float:
        """Time since the beginning."""
        return time.perf_counter() - self._start

    def show(self, values: Mapping[str, float]) -> None:
        """Puts the loss and the images per second on the line."""
        self._bar.set_postfix_str(
            f"loss {values['loss']:.4g}, {values['images_per_second']:.1f} images/s", refresh=False)

    def say(self, text: str) -> None:
        """Prints a line above."""
        if self._visible:
            self._bar.write(text)

    def close(self) -> None:
        """Ends the line."""
        self._bar.close()

    def _restart(self) -> None:
        self._since, self._since_step, self._waited, self._away = time.perf_counter(), self._step, 0.0, 0.0


class Profiler:
    """Traces a few calls for TensorBoard, to RUN/tensorboard/plugins/profile."""

    AFTER = 5  # calls: the first ones compile and fill the pipeline

    def __init__(self, folder: Path, calls: int):
        """Prepares to trace a number of calls; 0: none."""
        self._folder, self._calls, self._done, self._tracing = folder, calls, 0, False

    def count(self) -> None:
        """Counts a call, and begins or ends the trace when it is time."""
        self._done += 1
        if self._calls and self._done == self.AFTER:
            tf.profiler.experimental.start(str(self._folder / "tensorboard"))
            self._tracing = True
        elif self._done == self.AFTER + self._calls:
            self.close()

    def close(self) -> None:
        """Ends the trace."""
        if self._tracing:
            tf.profiler.experimental.stop()
            self._tracing = False
