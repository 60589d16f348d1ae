"""The metrics of an evaluation: the package's own, and those of --metrics with the weights that they need."""

from collections.abc import Callable
from typing import NamedTuple

from srgan_tf.config import EvaluateConfig
from srgan_tf.evaluation.cache import digest_of
from srgan_tf.metrics import METRICS, niqe
from srgan_tf.metrics.weighted import Weighted, weighted_metric
from srgan_tf.text import expand


class Metric(NamedTuple):
    """A metric.

    Attributes:
        measure: `measure(sr, hr, crop=4)` of uint8 [H,W,C] gives a float.
        key: what its figures are kept under: its name, and the digest of its weights.
    """

    measure: Callable[..., float]
    key: str


def find_metrics(config: EvaluateConfig) -> dict[str, Metric]:
    """Every metric by name.

    Raises:
        ValueError: a file of weights is of a kind that is not known, or damaged.
        OSError: it cannot be read.
    """
    from srgan_tf.weights import READERS

    metrics = {name: Metric(measure, name) for name, measure in METRICS.items()}
    for name in dict.fromkeys(config.metrics):
        if name == "niqe":
            metrics[name] = Metric(lambda sr, hr, crop: niqe(sr, crop=crop), name)
        else:
            files = [expand(file) for file in getattr(config, f"{name}_weights")]
            contents = {file: file.read_bytes() for file in files}
            measure = weighted_metric(name, contents, READERS)
            metrics[name] = Metric(measure, f"{name}:{digest_of(*contents.values())}")
    for metric in metrics.values():  # wrong weights are found before anything is measured
        if isinstance(metric.measure, Weighted):
            _ = metric.measure.function
    return metrics
