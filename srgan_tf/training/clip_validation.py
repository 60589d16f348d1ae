"""How good a network over time is now, on short clips that it does not train on."""

from collections.abc import Mapping

import keras
import numpy as np

from srgan_tf.config import TrainConfig
from srgan_tf.data import Store
from srgan_tf.data.clip_pipeline import clip_crops
from srgan_tf.errors import UserError
from srgan_tf.imaging import matlab_resize
from srgan_tf.inference.frame_streams import upscale_frames
from srgan_tf.inference.upscaler import Upscaler
from srgan_tf.metrics.presentation import PRESENTATIONS
from srgan_tf.training.clip_assembly import clip_degradation
from srgan_tf.training.validation import SHEET_IMAGES, Validation, middle_of
from srgan_tf.training.validation_metrics import Metric

_SEED = 20_250_101  # of the clips, whatever that of the run


class ClipValidator:
    """Upscales the same clips each time, frame after frame as `upscale` does.

    Attributes:
        bicubic: what bicubic interpolation reaches on them, by metric: averages over all frames.
    """

    def __init__(self, generator: keras.Model, store: Store, config: TrainConfig, metrics: Mapping[str, Metric]):
        """Takes --val_images clips of --frames frames, of --patch_size pixels.

        Args:
            generator: what is measured.
            store: of the clips or photographs that are held out.
            config: of the run.
            metrics: by name, as `open_metrics` gives them.

        Raises:
            UserError: a metric cannot be taken of them.
        """
        self._upscaler, self._metrics, self._scale = Upscaler(generator), metrics, store.scale
        batches = clip_crops(store, config.frames, config.patch_size, 1, _SEED, 0, config.val_images,
                             degrade=clip_degradation(config, store))
        self._clips = [(lr[0], hr[0]) for lr, hr in batches.as_numpy_iterator()]
        self._bicubic = [[matlab_resize(frame, store.scale) for frame in lr] for lr, _ in self._clips]
        self.bicubic = {name: self._score(name, self._bicubic) for name in metrics}

    def __call__(self) -> Validation:
        """Measures the generator as it is."""
        upscaled = [upscale_frames(self._upscaler, lr) for lr, _ in self._clips]
        return Validation({name: self._score(name, upscaled) for name in self._metrics}, self._sheet(upscaled))

    def _score(self, name: str, clips: list[list[np.ndarray]]) -> float:
        try:
            return float(np.mean([self._metrics[name](image, frame, crop=self._scale)
                                  for images, (_, hr) in zip(clips, self._clips, strict=True)
                                  for image, frame in zip(images, hr, strict=True)]))
        except UserError as error:
            raise UserError(f"{PRESENTATIONS[name].name} cannot be measured on the validation clips: {error}") from None

    def _sheet(self, upscaled: list[list[np.ndarray]]) -> np.ndarray:
        """A row a clip: bicubic, network, original, of its last frame."""
        rows = [np.hstack([middle_of(images[-1]) for images in (bicubic, made, hr)])
                for bicubic, made, (_, hr) in zip(self._bicubic[:SHEET_IMAGES], upscaled, self._clips, strict=False)]
        return np.vstack(rows)
