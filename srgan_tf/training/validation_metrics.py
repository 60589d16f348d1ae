"""Which metrics a run validates, and which of two validations is the better one."""

import math
from collections.abc import Callable, Mapping

from srgan_tf.config import TrainConfig
from srgan_tf.metrics import METRICS, niqe
from srgan_tf.metrics.presentation import PRESENTATIONS, Presentation
from srgan_tf.metrics.weighted import weighted_metric
from srgan_tf.text import expand

Metric = Callable[..., float]


def open_metrics(config: TrainConfig) -> dict[str, Metric]:
    """PSNR and SSIM on Y, the metric of --best_by, and those whose weights are given.

    Returns:
        By name, what is called as `metric(sr, hr, crop=4)` with uint8 [H,W,C].

    Raises:
        UserError: a file of weights is of a kind that is not known, damaged or incomplete.
        OSError: it cannot be read.
    """
    from srgan_tf.weights import READERS

    given = [name for name in ("lpips", "dists") if getattr(config, f"{name}_weights")]
    metrics: dict[str, Metric] = {}
    for name in dict.fromkeys(("psnr_y", "ssim_y", best_metric(config), *given)):
        if name in METRICS:
            metrics[name] = METRICS[name]
        elif name == "niqe":
            metrics[name] = lambda sr, hr, crop: niqe(sr, crop=crop)
        else:
            files = [expand(file) for file in getattr(config, f"{name}_weights")]
            metric = weighted_metric(name, {file: file.read_bytes() for file in files}, READERS)
            _ = metric.function  # wrong weights are found before the first step
            metrics[name] = metric
    return metrics


def best_metric(config: TrainConfig) -> str:
    """The metric that chooses best.keras."""
    return config.best_by or "psnr_y"


class Ranking:
    """Validations by one metric, on a scale on which greater is better."""

    def __init__(self, metric: str):
        """Takes the name of the metric."""
        self.metric = metric
        self.shown: Presentation = PRESENTATIONS[metric]

    def score(self, values: Mapping[str, float]) -> float:
        """How good a validation is; minus infinity where the metric is absent."""
        value = values.get(self.metric)
        return -math.inf if value is None else self._turned(value)

    def value(self, score: float) -> float:
        """The metric of a validation with this score."""
        return self._turned(score)

    def _turned(self, value: float) -> float:
        return value if self.shown.rising else -value
