"""Checkpoints that can be relied on: written whole, verified when read, one older one always at hand."""

import shutil
from pathlib import Path

import tensorflow as tf


class Checkpoints:
    """The checkpoints of a run.

    Attributes:
        step: steps taken, saved with the rest.
        best: the best validation PSNR so far, likewise.
    """

    def __init__(self, folder: Path, trackables: dict[str, object], keep: int):
        self.step, self.best = tf.Variable(0, dtype=tf.int64), tf.Variable(float("-inf"), dtype=tf.float32)
        self._checkpoint = tf.train.Checkpoint(step=self.step, best=self.best, **trackables)
        self._manager = tf.train.CheckpointManager(self._checkpoint, str(folder), keep)
        self._folder = folder

    def save(self) -> None:
        """Writes a checkpoint; the older ones stay until it is complete.

        Raises:
            OSError: it cannot be written, for example because the disk is full.
        """
        try:
            self._manager.save(checkpoint_number=int(self.step))
        except tf.errors.OpError as error:
            shutil.rmtree(self._folder / f"ckpt-{int(self.step)}_temp", ignore_errors=True)
            free = shutil.disk_usage(self._folder).free >> 20
            raise OSError(f"cannot write the checkpoint of step {int(self.step)} to {self._folder}, {free} MiB free "
                          f"({error.message.rpartition('; ')[2]}); the one before it is intact") from error

    def restore(self) -> list[str]:
        """Reads the newest checkpoint that is whole.

        Returns:
            A line for each newer one that was damaged.

        Raises:
            ValueError: there are checkpoints, but none that can be read.
        """
        damaged, found = [], list(reversed(self._manager.checkpoints))
        for path in found:
            try:
                # TensorFlow verifies the checksum of each tensor that it reads.
                self._checkpoint.restore(path).assert_existing_objects_matched()
                return damaged
            except (tf.errors.OpError, AssertionError, ValueError) as error:
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                damaged.append(f"checkpoint {Path(path).name} cannot be read ({reason[:120]})")
        if found:
            raise ValueError(f"none of the checkpoints in {self._folder} can be read: {damaged[0]}")
        return []
