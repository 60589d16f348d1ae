"""Checkpoints that can be relied on: written whole, verified when read, one older one always at hand."""

import shutil
from pathlib import Path

import tensorflow as tf

from srgan_tf.atomic import replacing
from srgan_tf.errors import UserError
from srgan_tf.text import whole_number

FOLDER = "checkpoints"  # in a run folder


def read_discriminator(run: Path, held: list[tf.Variable]) -> int:
    """Gives variables the values that a run's discriminator has in its newest checkpoint that is whole.

    Args:
        run: its folder.
        held: those of a discriminator of the same architecture.

    Returns:
        The step of the checkpoint.

    Raises:
        UserError: the run has no checkpoint, or none with such a discriminator.
    """
    checkpoints = Checkpoints(run / FOLDER, {"discriminator": held}, keep=1, writes=False)
    shapes = checkpoints.shapes("discriminator")
    if shapes is None:
        checkpoints.restore()  # says so where none can be read
        raise UserError(f"{run} has no checkpoint")
    if not shapes:
        raise UserError(f"{run} has no discriminator")
    if shapes != [variable.shape.as_list() for variable in held]:
        raise UserError(f"that of {run} is another one, or has other --discriminator_args")
    checkpoints.restore()
    return int(checkpoints.step.numpy())


class Checkpoints:
    """The checkpoints of a run.

    Attributes:
        step: steps taken, saved with the rest.
        best: the score of the best validation so far, saved with the rest: of --best_by, so that greater is better.
        best_step: when it was reached.
    """

    def __init__(self, folder: Path, trackables: dict[str, list[tf.Variable]], keep: int, writes: bool = True):
        """Finds the checkpoints that there are.

        Args:
            folder: where they lie.
            trackables: what they hold besides the attributes, by name.
            keep: how many are kept.
            writes: whether this process may write; one of a job does.
        """
        self.step, self.best_step = tf.Variable(0, dtype=tf.int64), tf.Variable(0, dtype=tf.int64)
        self.best = tf.Variable(float("-inf"), dtype=tf.float32)
        self._checkpoint = tf.train.Checkpoint(step=self.step, best=self.best, best_step=self.best_step, **trackables)
        self._folder, self._keep, self._writes = folder, keep, writes
        for path in folder.glob("ckpt-*_temp") if writes else ():
            shutil.rmtree(path, ignore_errors=True)  # a killed process left it half written

    def shapes(self, name: str) -> list[list[int]] | None:
        """Of the variables of a trackable, in the newest checkpoint whose index can be read; None: there is none."""
        for step in self._steps():
            try:
                stored = tf.train.list_variables(self._path(step))
            except Exception:  # as in `restore`, which says what is wrong
                continue
            found = {int(key.split("/")[1]): shape for key, shape in stored if key.startswith(f"{name}/")}
            return [found[number] for number in sorted(found)]
        return None

    def save(self) -> None:
        """Writes a checkpoint; the older ones stay until it is complete.

        Raises:
            OSError: it cannot be written, for example because the disk is full.
        """
        if not self._writes:
            return
        number = int(self.step.numpy())
        self._folder.mkdir(exist_ok=True)
        try:
            self._checkpoint.write(self._path(number))
            # Those of later steps, which could not be read, are the first to go.
            steps = sorted(self._steps(), key=lambda step: step <= number, reverse=True)
            for step in steps[self._keep :]:
                for end in ("index", "data-*"):
                    for file in self._folder.glob(f"ckpt-{step}.{end}"):
                        file.unlink()
        except tf.errors.OpError as error:
            shutil.rmtree(self._folder / f"ckpt-{number}_temp", ignore_errors=True)
            free = shutil.disk_usage(self._folder).free >> 20
            raise OSError(f"cannot write the checkpoint of step {number} to {self._folder}, {free} MiB free "
                          f"({error.message.rpartition('; ')[2]}); the one before it is intact") from error
        with replacing(self._folder / "checkpoint") as temporary:  # for tf.train.latest_checkpoint
            lines = [f'model_checkpoint_path: "ckpt-{number}"']
            lines += [f'all_model_checkpoint_paths: "ckpt-{step}"' for step in reversed(steps[: self._keep])]
            temporary.write_text("\n".join(lines) + "\n")

    def restore(self) -> list[str]:
        """Reads the newest checkpoint that is whole.

        Returns:
            A line for each newer one that was damaged.

        Raises:
            ValueError: there are checkpoints, but none that can be read.
            MemoryError: there is no room for one.
        """
        damaged = []
        for step in self._steps():
            try:
                # TensorFlow verifies the checksum of each tensor that it reads. Files of earlier versions hold one more
                # value, a counter, which is no reason to warn; nor is what --init_discriminator leaves aside.
                self._checkpoint.read(self._path(step)).expect_partial().assert_existing_objects_matched()
                return damaged
            except (MemoryError, tf.errors.ResourceExhaustedError) as error:
                raise MemoryError(f"not enough memory to read the checkpoint of step {step}") from error
            # TensorFlow's reader knows many errors: a data file that is too short is an IndexError.
            except Exception as error:
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                damaged.append(f"checkpoint ckpt-{step} cannot be read ({reason[:120]})")
        if damaged:
            raise UserError(f"none of the checkpoints in {self._folder} can be read: {damaged[0]}")
        return []

    def _path(self, step: int) -> str:
        return str(self._folder / f"ckpt-{step}")

    def _steps(self) -> list[int]:
        """Of the checkpoints in the folder, the newest first.

        TensorFlow's own list, the file `checkpoint`, is not asked: a clock that was set back empties it.
        """
        found = (path.stem.removeprefix("ckpt-") for path in self._folder.glob("ckpt-*.index"))
        return sorted((step for step in map(whole_number, found) if step is not None), reverse=True)
