"""Figures of the pictures of a benchmark, averaged as the papers do: per picture, then over pictures."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass
class Scores:
    """The metrics of each picture by its name, and of those that could not be measured the reason."""

    images: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    failures: dict[str, str] = dataclasses.field(default_factory=dict)

    def measure(self, name: str, figures: Callable[[], dict[str, float]]) -> None:
        """Measures one picture; one that cannot be read or measured is passed over and its reason kept.

        Args:
            name: of the picture.
            figures: returns its metrics by name.
        """
        try:
            self.images[name] = figures()
        except (ValueError, OSError, MemoryError) as error:
            self.failures[name] = str(error) or type(error).__name__

    def means(self) -> dict[str, float]:
        """The mean of each metric over the pictures; empty where none could be measured."""
        names = next(iter(self.images.values()), {})
        return {name: float(np.mean([image[name] for image in self.images.values()])) for name in names}

    def mean(self, metric: str) -> float:
        """The mean of one metric, or NaN."""
        return self.means().get(metric, math.nan)
