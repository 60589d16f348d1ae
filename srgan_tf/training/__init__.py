"""Training: one loop, and steps that say what a step is.

    session.train         a run from its configuration to its end
    assembly.build_step   a configuration -> networks, optimizers and losses in a PixelStep or an AdversarialStep
    engine.Engine         several steps as one call into one graph, on every replica of strategies.open_strategy
    loop.Run              data -> engine -> logs, validation, checkpoints, best.keras and last.keras
"""

from srgan_tf.training.assembly import build_step
from srgan_tf.training.session import train
from srgan_tf.training.steps import AdversarialStep, PixelStep

__all__ = ["AdversarialStep", "PixelStep", "build_step", "train"]
