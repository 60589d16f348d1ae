"""The metrics of an evaluation: the package's own, and those of --metrics with the weights that they need."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from srgan_tf.config import EvaluateConfig
from srgan_tf.errors import UserError
from srgan_tf.evaluation.cache import digest_of
from srgan_tf.metrics import METRICS, niqe
from srgan_tf.settings import lookup
from srgan_tf.text import expand

Arrays = Mapping[str, np.ndarray]
Readers = Mapping[str, Callable[[bytes], Arrays]]


class Judge(NamedTuple):
    """A metric.

    Attributes:
        measure: `measure(sr, hr, crop=4)` of uint8 [H,W,C] gives a float.
        key: what its figures are kept under: its name, and the digest of its weights.
    """

    measure: Callable[..., float]
    key: str


class Weighted:
    """LPIPS or DISTS, whose network is made when it is first needed."""

    def __init__(self, metric: str, arrays: Arrays):
        self.metric, self.arrays = metric, arrays

    @cached_property
    def function(self) -> Callable[..., float]:
        """The metric."""
        from srgan_tf import metrics

        return {"lpips": metrics.make_lpips, "dists": metrics.make_dists}[self.metric](self.arrays)

    def __call__(self, sr: np.ndarray, hr: np.ndarray, *, crop: int) -> float:
        try:
            return self.function(sr, hr, crop=crop)
        except (ValueError, MemoryError):
            raise
        except Exception as error:  # a backend's own kinds, as of TensorFlow where memory ends
            raise UserError(" ".join(str(error).split())[:200] or type(error).__name__) from error


def find_judges(config: EvaluateConfig, readers: Readers) -> dict[str, Judge]:
    """Every metric by name.

    Args:
        config: of the evaluation.
        readers: what reads the bytes of a file of weights, by the file's ending.

    Raises:
        ValueError: a file of weights is of a kind that is not known, or damaged.
        OSError: it cannot be read.
    """
    judges = {name: Judge(measure, name) for name, measure in METRICS.items()}
    for name in dict.fromkeys(config.metrics):
        if name == "niqe":
            judges[name] = Judge(lambda sr, hr, crop: niqe(sr, crop=crop), name)
        else:
            files = [expand(file) for file in getattr(config, f"{name}_weights")]
            contents = [file.read_bytes() for file in files]
            arrays = {}
            for file, content in zip(files, contents, strict=True):
                arrays |= _read(file, content, readers, f"--{name}_weights")
            judges[name] = Judge(Weighted(name, arrays), f"{name}:{digest_of(*contents)}")
    for judge in judges.values():  # wrong weights are found before anything is measured
        if isinstance(judge.measure, Weighted):
            _ = judge.measure.function
    return judges


def _read(file: Path, content: bytes, readers: Readers, flag: str) -> Arrays:
    reader = lookup(readers, file.suffix, f"ending of a file of {flag}")
    try:
        return reader(content)
    except Exception as error:  # zipfile, numpy and safetensors raise whatever they met in a damaged file
        raise UserError(f"{flag}: {file}: {error}") from error
