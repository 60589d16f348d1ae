"""replica_worker.py DEVICES FLAG... trains on that many logical CPUs. Discriminator `plain` has no batch statistics."""

import sys

import keras
import tensorflow as tf

from srgan_tf import flags
from srgan_tf.config import TrainConfig
from srgan_tf.models import DISCRIMINATORS


class Plain(keras.Model):
    """Two convolutions and a mean: a judge of single images, unlike those with batch normalisation."""

    def __init__(self, patch_size: int, **kwargs):
        super().__init__(**kwargs)
        self.conv1 = keras.layers.Conv2D(8, 3, 2, activation="relu", dtype=self.dtype_policy)
        self.conv2 = keras.layers.Conv2D(1, 3, 2, dtype=self.dtype_policy)
        self(tf.zeros([1, patch_size, patch_size, 3]))

    def call(self, inputs):
        return keras.ops.mean(self.conv2(self.conv1(inputs)), axis=(1, 2))


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * int(sys.argv.pop(1)))
    DISCRIMINATORS["plain"] = Plain

    def main(config: TrainConfig) -> None:
        """As srgan_tf.train does."""
        from srgan_tf.training import train

        train(config, flags.to_flagfile(config))

    flags.run(main, TrainConfig)
