"""LiteRT: the two signatures of a network over time, whose state goes in and comes out of a .tflite file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.imaging import to_unit
from srgan_tf.runtimes.base import CLIP_START, CLIP_STEP, ClipRun, ModelInfo, one_line

SIGNATURES = {CLIP_START: {"inputs": ["image"], "outputs": ["state"]},
              CLIP_STEP: {"inputs": ["image", "state"], "outputs": ["state", "upscaled"]}}


def clip_run(path: Path, interpreter: Any, info: ModelInfo) -> ClipRun:
    """How a file runs that says that it holds a network over time.

    Args:
        path: of the file, for messages.
        interpreter: LiteRT's, of the file.
        info: what the file says.

    Raises:
        UserError: it has no such signatures.
    """
    found = interpreter.get_signature_list()
    for name, tensors in SIGNATURES.items():
        if {side: sorted(names) for side, names in found.get(name, {}).items()} != tensors:
            raise UserError(f"{path} says that it is a network over time, and has no signature {name} that takes "
                            f"{', '.join(tensors['inputs'])} and gives {', '.join(tensors['outputs'])}: export it "
                            "again")
    start, step = (_signature(path, interpreter, name) for name in SIGNATURES)

    def after(images: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = step(image=to_unit(images), state=state)
        return found["upscaled"], found["state"]

    return ClipRun(lambda images: start(image=to_unit(images))["state"], after, info.delay, info.warm_up)


def as_first_frames(clip: ClipRun) -> Callable[[np.ndarray], np.ndarray]:
    """A function of images, float32 or uint8 [1,H,W,3], that takes each as the first frame of a scene."""
    return lambda images: clip.step(images, clip.start(images))[0]


def _signature(path: Path, interpreter: Any, name: str) -> Callable[..., dict[str, np.ndarray]]:
    runner = interpreter.get_signature_runner(name)

    def run(**tensors: np.ndarray) -> dict[str, np.ndarray]:
        try:
            return runner(**tensors)
        except (RuntimeError, ValueError) as error:
            raise UserError(f"{path} cannot upscale a tile: {one_line(error)}") from error

    return run
