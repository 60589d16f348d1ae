"""Whether LR images belong to their HR images, by what both look like at 16x16 pixels.

Any reduction, blur, noise or compression leaves the correlation of such small images near 1; that of two photographs
is anywhere below.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from srgan_tf.data.pairs import Pair

SIDE = 16
_ALIKE, _UNLIKE = 0.98, 0.5  # correlations: no doubt about the pair; no pair, whatever else there is
_NEARER = 4  # times: another HR image differs so much less


class Looks(NamedTuple):
    """Pairs that somebody else made, each HR and LR as a unit vector [256]; zeros where there is nothing to see."""

    names: list[str]
    lr: list[np.ndarray]
    hr: list[np.ndarray]

    @classmethod
    def none(cls) -> "Looks":
        """Of no pair yet."""
        return cls([], [], [])

    def add(self, name: str, pair: Pair) -> None:
        """Takes one more pair."""
        self.names.append(name)
        self.lr.append(_look(pair.lr))
        self.hr.append(_look(pair.hr))

    def doubtful(self, files: Mapping[str, Sequence[Path]]) -> list[str]:
        """A line for each LR image that does not look like its HR image.

        Args:
            files: (HR, LR) of each pair by its name.
        """
        if not self.names:
            return []
        lr, hr = np.stack(self.lr), np.stack(self.hr)
        own, seen = (lr * hr).sum(1), lr.any(1) & hr.any(1)
        lines = []
        for index in np.flatnonzero(seen & (own < _ALIKE)):
            likeness = hr @ lr[index]
            other = int(likeness.argmax())
            (hr_path, lr_path), line = files[self.names[index]], ""
            if (1 - likeness[other]) * _NEARER < 1 - own[index]:
                line = f", but like {files[self.names[other]][0]}"
            if line or own[index] < _UNLIKE:
                lines.append(f"{lr_path} does not look like {hr_path}{line}")
        return lines


def _look(image: np.ndarray) -> np.ndarray:
    """Means of green over 16x16 areas, less their mean, at length 1."""
    green = image[..., 1]
    if min(green.shape) < SIDE:
        return np.zeros(SIDE * SIDE, np.float32)
    rows, columns = (np.linspace(0, length, SIDE + 1).astype(int) for length in green.shape)
    sums = np.add.reduceat(np.add.reduceat(green, rows[:-1], 0, np.uint64), columns[:-1], 1)
    means = (sums / np.outer(np.diff(rows), np.diff(columns))).ravel()
    means -= means.mean()
    return (means / np.linalg.norm(means) if means.std() > 1 else 0 * means).astype(np.float32)
