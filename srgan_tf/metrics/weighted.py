"""LPIPS and DISTS out of the files of weights that the user names."""

import io
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.settings import lookup

Arrays = Mapping[str, np.ndarray]
Readers = Mapping[str, Callable[[bytes], Arrays]]


class Weighted:
    """LPIPS or DISTS, whose network is made when it is first needed."""

    def __init__(self, metric: str, arrays: Arrays):
        """Takes "lpips" or "dists", and its weights by name."""
        self.metric, self.arrays = metric, arrays

    @cached_property
    def function(self) -> Callable[..., float]:
        """The metric.

        Raises:
            UserError: weights are missing or of another shape.
        """
        from srgan_tf import metrics

        return {"lpips": metrics.make_lpips, "dists": metrics.make_dists}[self.metric](self.arrays)

    def __call__(self, sr: np.ndarray, hr: np.ndarray, *, crop: int) -> float:
        """As the metrics of METRICS.

        Raises:
            UserError: the images cannot be measured.
            MemoryError: there is no room for the feature maps.
        """
        try:
            return self.function(sr, hr, crop=crop)
        except (ValueError, MemoryError):
            raise
        except Exception as error:  # a backend's own kinds, as of TensorFlow where memory ends
            raise UserError(" ".join(str(error).split())[:200] or type(error).__name__) from error


def weighted_metric(metric: str, contents: Mapping[Path, bytes], readers: Readers) -> Weighted:
    """LPIPS or DISTS with the weights in all of these files.

    Args:
        metric: "lpips" or "dists".
        contents: the bytes of each file.
        readers: what reads the bytes of foreign weights, by the file's ending; .npz is read beside them.

    Raises:
        UserError: a file is of a kind that is not known, or damaged.
    """
    arrays: dict[str, np.ndarray] = {}
    for file, content in contents.items():
        arrays |= _read(file, content, {".npz": _read_npz, **readers}, f"--{metric}_weights")
    return Weighted(metric, arrays)


def _read(file: Path, content: bytes, readers: Readers, flag: str) -> Arrays:
    reader = lookup(readers, file.suffix, f"ending of a file of {flag}")
    try:
        return reader(content)
    except Exception as error:  # zipfile, numpy and safetensors raise whatever they met in a damaged file
        raise UserError(f"{flag}: {file}: {error}") from error


def _read_npz(content: bytes) -> Arrays:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)
