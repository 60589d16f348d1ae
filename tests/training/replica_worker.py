"""replica_worker.py DEVICES FLAG... [-- FLAG...]... trains on that many logical CPUs, one run after another.

Discriminator `plain` has no batch statistics. Where the environment variable HOLD is set, the process stops where it
would save a checkpoint, until it is killed.
"""

import itertools
import os
import sys
import time

import keras
import tensorflow as tf

from srgan_tf import flags
from srgan_tf.config import TrainConfig
from srgan_tf.models import DISCRIMINATORS
from srgan_tf.training.checkpoints import Checkpoints


class Plain(keras.Model):
    """Two convolutions and a mean: a discriminator of single images, unlike those with batch normalisation."""

    def __init__(self, patch_size: int, **kwargs):
        super().__init__(**kwargs)
        self.conv1 = keras.layers.Conv2D(8, 3, 2, activation="relu", dtype=self.dtype_policy)
        self.conv2 = keras.layers.Conv2D(1, 3, 2, dtype=self.dtype_policy)
        self(tf.zeros([1, patch_size, patch_size, 3]))

    def call(self, inputs):
        return keras.ops.mean(self.conv2(self.conv1(inputs)), axis=(1, 2))


def main(config: TrainConfig) -> None:
    """As srgan_tf.train does."""
    from srgan_tf.training import train

    train(config, flags.to_flagfile(config))


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * int(sys.argv.pop(1)))
    DISCRIMINATORS["plain"] = Plain
    if "HOLD" in os.environ:
        Checkpoints.save = lambda checkpoints: time.sleep(240)
    name, *arguments = sys.argv
    for separator, run in itertools.groupby(arguments, "--".__eq__):
        if not separator:
            sys.argv = [name, *run]
            keras.utils.clear_session()
            try:
                flags.run(main, TrainConfig)
            except SystemExit as end:
                if end.code:
                    raise
