"""Metrics over the pictures of a benchmark, averaged as the papers do: per picture, then over pictures."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from srgan_tf.metrics import METRICS


class Scores(NamedTuple):
    """The metrics of each picture by its name, and of the failed ones the reason."""

    images: dict[str, dict[str, float]]
    failures: dict[str, str]

    def means(self) -> dict[str, float]:
        """The mean of each metric over the pictures."""
        return {name: float(np.mean([image[name] for image in self.images.values()])) for name in METRICS}


def score(sr: np.ndarray, hr: np.ndarray, crop: int) -> dict[str, float]:
    """Every metric of one picture, uint8 [H,W,C] against uint8 [H,W,C], `crop` pixels cut from each side."""
    return {name: float(metric(sr, hr, crop)) for name, metric in METRICS.items()}


def measure(pictures: Iterable[tuple[str, Callable[[], tuple[np.ndarray, np.ndarray]]]], crop: int) -> Scores:
    """Measures pictures one by one; one that cannot be read or measured is passed over and reported.

    Args:
        pictures: (name, load) where `load()` returns (enlargement, reference).
        crop: pixels cut from each side.

    Raises:
        ValueError: none could be measured.
    """
    scores = Scores({}, {})
    for name, load in pictures:
        try:
            sr, hr = load()
            scores.images[name] = score(sr, hr, crop)
        except (ValueError, OSError) as error:
            scores.failures[name] = str(error)
    if not scores.images:
        raise ValueError(f"no picture could be measured: {next(iter(scores.failures.values()), 'there is none')}")
    return scores
