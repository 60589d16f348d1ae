"""How good the generator is now, on images that it does not train on."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import keras
import numpy as np

from srgan_tf.data import Store
from srgan_tf.data.synthesis import Synthesis, degraded
from srgan_tf.errors import UserError
from srgan_tf.imaging import matlab_resize
from srgan_tf.inference import upscale_tiled
from srgan_tf.metrics.presentation import PRESENTATIONS
from srgan_tf.runtimes import open_runtime
from srgan_tf.training.validation_metrics import Metric

SHEET_IMAGES, SHEET_SIDE = 4, 192


class Validation(NamedTuple):
    """Means over the validation images by metric, with `scale` pixels cropped, and the sheet [H,W,3] to look at.

    A metric that could not be taken of each image that it is averaged over is absent.
    """

    values: dict[str, float]
    sheet: np.ndarray


class Validator:
    """Upscales the same validation images each time.

    Attributes:
        bicubic: what bicubic interpolation reaches on them, by metric.
    """

    def __init__(self, generator: keras.Model, store: Store, most: int, metrics: Mapping[str, Metric],
                 synthesis: Synthesis | None = None):
        """Takes the images.

        Args:
            generator: what is measured.
            store: of the validation images.
            most: how many are taken.
            metrics: by name, as `open_metrics` gives them.
            synthesis: makes LR; None: LR is the stored one.

        Raises:
            UserError: a metric can be taken of none of the images.
        """
        self._runtime, self._scale = open_runtime(generator), store.scale
        self._pairs = [store.pair(index) for index in range(min(most, len(store.names)))]
        if synthesis:
            self._pairs = [degraded(synthesis, pair, number) for number, pair in enumerate(self._pairs)]
        self._bicubic = [matlab_resize(pair.lr, store.scale) for pair in self._pairs]
        self._metrics, self._places, self.bicubic = metrics, {}, {}
        for name in metrics:
            scores, reasons = self._scores(name, self._bicubic, range(len(self._pairs)))
            if not scores:
                raise UserError(f"{PRESENTATIONS[name].name} can be measured on none of the {len(self._pairs)} "
                                f"validation images: {reasons[0]}. Name others with --val_dataset")
            self._places[name], self.bicubic[name] = list(scores), float(np.mean(list(scores.values())))

    def __call__(self) -> Validation:
        """Measures the generator as it is."""
        upscaled = [upscale_tiled(self._runtime, pair.lr) for pair in self._pairs]
        values = {}
        for name, places in self._places.items():
            scores, reasons = self._scores(name, upscaled, places)
            if not reasons:  # an average over other images could not be compared
                values[name] = float(np.mean(list(scores.values())))
        return Validation(values, self._sheet(upscaled))

    def _scores(self, name: str, upscaled: list[np.ndarray],
                places: Iterable[int]) -> tuple[dict[int, float], list[str]]:
        """A metric of the images at these places, and why it could not be taken of the others."""
        scores, reasons = {}, []
        for place in places:
            try:
                scores[place] = self._metrics[name](upscaled[place], self._pairs[place].hr, crop=self._scale)
            except UserError as error:
                reasons.append(str(error))
        return scores, reasons

    def _sheet(self, upscaled: list[np.ndarray]) -> np.ndarray:
        """A row an image: bicubic, generator, original, cut from the middle."""
        rows = []
        for bicubic, sr, pair in zip(self._bicubic[:SHEET_IMAGES], upscaled, self._pairs, strict=False):
            rows.append(np.hstack([middle_of(image) for image in (bicubic, sr, pair.hr)]))
        return np.vstack(rows)


def middle_of(image: np.ndarray) -> np.ndarray:
    """The middle of an image, black where it is smaller than the sheet's cells."""
    top, left = (max(0, (side - SHEET_SIDE) // 2) for side in image.shape[:2])
    cut = image[top : top + SHEET_SIDE, left : left + SHEET_SIDE]
    return np.pad(cut, ((0, SHEET_SIDE - cut.shape[0]), (0, SHEET_SIDE - cut.shape[1]), (0, 0)))
