"""Metrics over the pictures of a benchmark, averaged as the papers do: per picture, then over pictures."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from srgan_tf.metrics import METRICS


@dataclasses.dataclass
class Scores:
    """The metrics of each picture by its name, and of those that could not be measured the reason."""

    images: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    failures: dict[str, str] = dataclasses.field(default_factory=dict)

    def measure(self, name: str, load: Callable[[], tuple[np.ndarray, np.ndarray]], crop: int) -> None:
        """Measures one picture; one that cannot be read or compared is passed over and its reason kept.

        Args:
            name: of the picture.
            load: returns (enlargement, reference), uint8 [H,W,C] on 0..255.
            crop: pixels cut from each side.
        """
        try:
            sr, hr = load()
            self.images[name] = {metric: float(function(sr, hr, crop=crop)) for metric, function in METRICS.items()}
        except (ValueError, OSError, MemoryError) as error:
            self.failures[name] = str(error)

    def means(self) -> dict[str, float]:
        """The mean of each metric over the pictures; NaN where none could be measured."""
        columns = {name: [image[name] for image in self.images.values()] for name in METRICS}
        return {name: float(np.mean(values)) if values else math.nan for name, values in columns.items()}
