"""How good the generator is now, on images that it does not train on."""

from typing import NamedTuple

import keras
import numpy as np

from srgan_tf.data import Store
from srgan_tf.data.synthesis import Synthesis, degraded
from srgan_tf.imaging import matlab_resize
from srgan_tf.inference import upscale_tiled
from srgan_tf.metrics import psnr, ssim
from srgan_tf.runtimes import open_runtime

SHEET_IMAGES, SHEET_SIDE = 4, 192


class Validation(NamedTuple):
    """Means over the validation images, on Y with `scale` pixels cropped, and the sheet [H,W,3] to look at."""

    psnr_y: float
    ssim_y: float
    sheet: np.ndarray


class Validator:
    """Upscales the same validation images each time.

    Attributes:
        bicubic_psnr_y: what bicubic interpolation reaches on them.
    """

    def __init__(self, generator: keras.Model, store: Store, most: int, synthesis: Synthesis | None = None):
        """Takes the images.

        Args:
            generator: what is measured.
            store: of the validation images.
            most: how many are taken.
            synthesis: makes LR; None: LR is the stored one.
        """
        self._runtime, self._scale = open_runtime(generator), store.scale
        self._pairs = [store.pair(index) for index in range(min(most, len(store.names)))]
        if synthesis:
            self._pairs = [degraded(synthesis, pair, number) for number, pair in enumerate(self._pairs)]
        self._bicubic = [matlab_resize(pair.lr, store.scale) for pair in self._pairs]
        scores = [psnr(sr, pair.hr, crop=store.scale) for sr, pair in zip(self._bicubic, self._pairs, strict=True)]
        self.bicubic_psnr_y = float(np.mean(scores))

    def __call__(self) -> Validation:
        """Measures the generator as it is."""
        upscaled = [upscale_tiled(self._runtime, pair.lr) for pair in self._pairs]
        both = list(zip(upscaled, (pair.hr for pair in self._pairs), strict=True))
        return Validation(float(np.mean([psnr(sr, hr, crop=self._scale) for sr, hr in both])),
                          float(np.mean([ssim(sr, hr, crop=self._scale) for sr, hr in both])), self._sheet(upscaled))

    def _sheet(self, upscaled: list[np.ndarray]) -> np.ndarray:
        """A row an image: bicubic, generator, original, cut from the middle."""
        rows = []
        for bicubic, sr, pair in zip(self._bicubic[:SHEET_IMAGES], upscaled, self._pairs, strict=False):
            rows.append(np.hstack([_middle(image) for image in (bicubic, sr, pair.hr)]))
        return np.vstack(rows)


def _middle(image: np.ndarray) -> np.ndarray:
    """The middle of an image, black where it is smaller than the sheet's cells."""
    top, left = (max(0, (side - SHEET_SIDE) // 2) for side in image.shape[:2])
    cut = image[top : top + SHEET_SIDE, left : left + SHEET_SIDE]
    return np.pad(cut, ((0, SHEET_SIDE - cut.shape[0]), (0, SHEET_SIDE - cut.shape[1]), (0, 0)))
