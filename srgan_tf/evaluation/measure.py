"""Figures of the images of a benchmark, averaged as the papers do: per image, then over images."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from srgan_tf.errors import MENDABLE, UserError


class Measured(NamedTuple):
    """The metrics of one image by name, and of those that cannot be taken of it the reason."""

    figures: dict[str, float]
    absent: dict[str, str]


def take(metrics: Mapping[str, Callable[[], float]]) -> Measured:
    """Takes each metric of one image by itself, so that one which cannot be taken leaves the others."""
    figures, absent = {}, {}
    for name, metric in metrics.items():
        try:
            value = float(metric())
            if math.isnan(value):
                raise UserError("it is not a number")
            figures[name] = value
        except (ValueError, MemoryError) as error:
            absent[name] = str(error) or type(error).__name__
    return Measured(figures, absent)


@dataclasses.dataclass
class Scores:
    """The figures of one method on one benchmark.

    Attributes:
        images: the metrics of each image by its name; one that cannot be taken of it is absent.
        failures: why an image could not be read, upscaled or measured at all.
        absent: by metric and image, why the metric could not be taken of an image that has others.
    """

    images: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    failures: dict[str, str] = dataclasses.field(default_factory=dict)
    absent: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)

    def measure(self, name: str, measured: Callable[[], Measured]) -> None:
        """Measures one image; one that cannot be read or measured is passed over and its reason kept.

        Args:
            name: of the image.
            measured: returns its metrics.
        """
        try:
            found = measured()
        except MENDABLE as error:
            self.failures[name] = str(error) or type(error).__name__
            return
        if not found.figures:
            self.failures[name] = f"no metric can be taken of it: {next(iter(found.absent.values()))}"
            return
        self.images[name] = found.figures
        for metric, reason in found.absent.items():
            self.absent.setdefault(metric, {})[name] = reason

    def counts(self) -> dict[str, int]:
        """How many images each metric could be taken of."""
        names = dict.fromkeys(name for image in self.images.values() for name in image)
        return {name: sum(name in image for image in self.images.values()) for name in names}

    def means(self) -> dict[str, float]:
        """The average of each metric over the images that have it; empty where none could be measured."""
        return {name: float(np.mean([image[name] for image in self.images.values() if name in image]))
                for name in self.counts()}

    def mean(self, metric: str) -> float:
        """The average of one metric, or NaN."""
        return self.means().get(metric, math.nan)
