"""Training: one loop, and steps that say what a step is.

    assembly.build_step   a configuration -> networks, optimizers and losses in a PixelStep or an AdversarialStep
    loop.train            data -> step -> records, validation, checkpoints, best.keras and last.keras
"""

from srgan_tf.training.assembly import build_step
from srgan_tf.training.loop import train
from srgan_tf.training.steps import AdversarialStep, PixelStep

__all__ = ["AdversarialStep", "PixelStep", "build_step", "train"]
