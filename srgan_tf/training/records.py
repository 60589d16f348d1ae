"""What a run leaves to look at: TensorBoard events, the same scalars as JSON lines, a progress line."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm


class Records:
    """Writes scalars and pictures of a run to RUN/tensorboard and RUN/metrics.jsonl."""

    def __init__(self, folder: Path):
        self._writer = tf.summary.create_file_writer(str(folder / "tensorboard"))
        self._lines = (folder / "metrics.jsonl").open("a", encoding="utf-8")

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Records numbers by name."""
        with self._writer.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self._lines.write(json.dumps({"step": step, **values}) + "\n")
        self._lines.flush()
        self._writer.flush()

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Records a picture, uint8 [H,W,3]."""
        with self._writer.as_default(step):
            tf.summary.image(name, pixels[None])

    def close(self) -> None:
        """Ends the files."""
        self._writer.close()
        self._lines.close()


class Progress:
    """The line that says how far a run is: loss, images/s and time left."""

    def __init__(self, first_step: int, steps: int, batch_size: int):
        self._batch_size = batch_size
        self._last, self._time = first_step, time.perf_counter()
        # Where nobody watches, a line now and then is enough.
        self._bar = tqdm(total=steps, initial=first_step, unit="step", dynamic_ncols=True, smoothing=0.05,
                         mininterval=0.5 if sys.stderr.isatty() else 30)

    def advance(self) -> None:
        """Counts a step."""
        self._bar.update()

    def rate(self, step: int) -> float:
        """Images per second since this was last asked."""
        now = time.perf_counter()
        rate = (step - self._last) * self._batch_size / max(now - self._time, 1e-9)
        self._last, self._time = step, now
        return rate

    def show(self, loss: float, rate: float) -> None:
        """Puts the loss and the images per second on the line."""
        self._bar.set_postfix_str(f"loss {loss:.4g}, {rate:.1f} images/s", refresh=False)

    def say(self, text: str) -> None:
        """Prints a line above."""
        self._bar.write(text)

    def close(self) -> None:
        """Ends the line."""
        self._bar.close()
