"""The metrics of an evaluation: the package's own, and those of --metrics with the weights that they need."""

from collections.abc import Callable
from typing import NamedTuple

from srgan_tf.config import EvaluateConfig
from srgan_tf.evaluation.cache import digest_of
from srgan_tf.metrics import METRICS, niqe
from srgan_tf.metrics.weighted import Weighted, weighted_metric
from srgan_tf.text import expand


class Judge(NamedTuple):
    """A metric.

    Attributes:
        measure: `measure(sr, hr, crop=4)` of uint8 [H,W,C] gives a float.
        key: what its figures are kept under: its name, and the digest of its weights.
    """

    measure: Callable[..., float]
    key: str


def find_judges(config: EvaluateConfig) -> dict[str, Judge]:
    """Every metric by name.

    Raises:
        ValueError: a file of weights is of a kind that is not known, or damaged.
        OSError: it cannot be read.
    """
    from srgan_tf.weights import READERS

    judges = {name: Judge(measure, name) for name, measure in METRICS.items()}
    for name in dict.fromkeys(config.metrics):
        if name == "niqe":
            judges[name] = Judge(lambda sr, hr, crop: niqe(sr, crop=crop), name)
        else:
            files = [expand(file) for file in getattr(config, f"{name}_weights")]
            contents = {file: file.read_bytes() for file in files}
            metric = weighted_metric(name, contents, READERS)
            judges[name] = Judge(metric, f"{name}:{digest_of(*contents.values())}")
    for judge in judges.values():  # wrong weights are found before anything is measured
        if isinstance(judge.measure, Weighted):
            _ = judge.measure.function
    return judges
