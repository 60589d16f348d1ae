"""Muon's update against singular values, and a run with it."""

import keras
import numpy as np
import pytest

from srgan_tf.config import TrainConfig
from srgan_tf.data import build_store, crops, open_source
from srgan_tf.training import build_step
from srgan_tf.training.ema import MovingAverage
from srgan_tf.training.engine import Engine
from srgan_tf.training.muon import ConvolutionalMuon


@pytest.mark.parametrize("shape", [(3, 3, 8, 16), (1, 1, 4, 24)])  # more inputs than outputs, and fewer
def test_a_kernels_update_is_nearly_orthogonal(shape):
    kernel, bias = keras.Variable(np.ones(shape, "float32")), keras.Variable(np.ones(4, "float32"))
    optimizer = ConvolutionalMuon(0.01, ns_steps=5)
    optimizer.build([kernel, bias])
    gradient = np.random.default_rng(0).normal(size=shape).astype("float32") * np.linspace(0.5, 2, shape[-1])
    optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32"), keras.ops.ones(4)], [kernel, bias])
    rows = int(np.prod(shape[:-1]))
    update = (1 - kernel.numpy()).reshape(rows, shape[-1]) / (0.01 * 0.2 * max(rows, shape[-1]) ** 0.5)
    values = np.linalg.svd(update, compute_uv=False)
    assert 0.6 < values.min() <= values.max() < 1.25  # what the author's five iterations reach
    expected_left, _, expected_right = np.linalg.svd(gradient.reshape(rows, -1), full_matrices=False)
    # The same directions as the gradient's: update V = U holds for orthogonal factors.
    assert np.abs(np.diag(expected_left.T @ update @ expected_right.T)).min() > 0.6
    np.testing.assert_allclose(bias.numpy(), 0.99, rtol=1e-4)  # Adam's first step is the learning rate


def test_slopes_are_left_to_adam():
    layer = keras.layers.PReLU(shared_axes=(1, 2))
    layer.build((None, None, None, 4))
    optimizer = ConvolutionalMuon(0.01)
    optimizer.build(layer.trainable_variables)
    assert optimizer.adam_velocities[0] is not None


def test_a_run_learns_and_kernels_alone_are_muons():
    keras.utils.set_random_seed(0)
    config = TrainConfig(model="edsr", model_args="features:8,blocks:1", patch_size=32, batch_size=4,
                         optimizer="muon", learning_rate=5e-3)
    step = build_step(config)
    optimizer, variables = step.generator.optimizer, step.generator.model.trainable_variables
    assert [velocity is None for velocity in optimizer.adam_velocities] == [len(each.shape) == 4 for each in variables]
    engine = Engine(step, MovingAverage(step.generator.model, 0))
    store = build_store(open_source("samples", 4, "validation"), 4, 32)
    rows = np.array([engine(lr, hr).numpy()[0] for lr, hr in crops(store, 32, 4, 0, 0, 40).batch(1)])
    losses = rows[:, engine.names.index("loss")]
    assert losses[-5:].mean() < 0.6 * losses[:3].mean()
