"""noise_worker.py draws ESRGAN+'s noise on two logical CPUs, and again from the state that a checkpoint kept."""

import json
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from srgan_tf.models.esrgan_plus import NoiseInput
from srgan_tf.training.checkpoints import Checkpoints
from srgan_tf.training.engine import follow_replicas
from srgan_tf.training.steps import variables

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope(), tempfile.TemporaryDirectory() as folder:
    layer = NoiseInput(4)
    follow_replicas(layer)

    @tf.function
    def draw() -> tf.Tensor:
        """[R,50,50,4], the noise of each replica."""
        noisy = strategy.run(lambda: layer(tf.ones([1, 50, 50, 4]), training=True))
        return tf.concat(strategy.experimental_local_results(noisy), 0) - 1

    first = draw().numpy()
    checkpoints = Checkpoints(Path(folder), {"noise": variables(layer)}, 3)
    checkpoints.save()
    second = draw().numpy()
    checkpoints.restore()
    again = draw().numpy()
correlations = np.corrcoef([*first.reshape(2, -1), *second.reshape(2, -1)])
print(json.dumps([np.abs(correlations - np.eye(4)).max(), bool((again == second).all())]))
