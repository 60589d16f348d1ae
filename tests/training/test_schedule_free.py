"""Schedule-Free AdamW against its authors' package, and the average that a run keeps."""

import keras
import numpy as np
import pytest

from srgan_tf.config import TrainConfig
from srgan_tf.data import build_store, crops, open_source
from srgan_tf.training import build_step
from srgan_tf.training.assembly import build_average
from srgan_tf.training.engine import Engine
from srgan_tf.training.schedule_free import ScheduleFreeAdamW

# By schedulefree 1.4.1, AdamWScheduleFree(lr=0.05, betas=(0.9, 0.99)) in float64: y and x after 8 steps from START.
START = [1.0, -2.0, 0.5]
AUTHORS = {
    "plain": ({}, [0.8437908030496925, -1.7649252640105495, 0.5014670823875981],
              [0.8655214195511449, -1.7813750622629825, 0.4775602775084752]),
    "warm": ({"warmup_steps": 4, "weight_decay": 0.1}, [0.8233348009460827, -1.7546712648396847, 0.6201728348998692],
             [0.8441312180318828, -1.7684340307459412, 0.6080562873156342]),
}


@pytest.mark.parametrize("case", AUTHORS)
def test_steps_are_the_authors(case):
    arguments, expected_y, expected_x = AUTHORS[case]
    optimizer = ScheduleFreeAdamW(0.05, beta_1=0.9, beta_2=0.99, **arguments)
    optimizer = ScheduleFreeAdamW.from_config(optimizer.get_config())
    variable, factors = keras.Variable(np.array(START, "float32")), np.array([1, 3, 0.2], "float32")
    optimizer.build([variable])
    for step in range(1, 9):  # of sum((factors p)^2) + sum(sin(step p))
        point = variable.numpy()
        optimizer.apply([keras.ops.convert_to_tensor(2 * factors**2 * point + step * np.cos(step * point))], [variable])
    np.testing.assert_allclose(variable.numpy(), expected_y, rtol=2e-5)
    [(y, offset)] = optimizer.sequences()
    np.testing.assert_allclose(optimizer.averaged(y, offset), expected_x, rtol=2e-5)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_run_keeps_the_average(precision):
    """x is the average of z, which is y + (z - y), over all steps; the loss falls."""
    keras.utils.set_random_seed(0)
    config = TrainConfig(model="edsr", model_args="features:8,blocks:1", patch_size=32, batch_size=4,
                         schedule="schedule_free", learning_rate=5e-3, precision=precision)
    store = build_store(open_source("samples", 4, "validation"), 4, 32)
    step = build_step(config)
    average = build_average(config, step.generator)
    engine, rows, iterates = Engine(step, average), [], []
    optimizer = getattr(step.generator.optimizer, "inner_optimizer", step.generator.optimizer)
    for lr, hr in crops(store, 32, 4, 0, 0, 40).batch(1):
        rows.append(engine(lr, hr).numpy()[0])
        iterates.append([(y + offset).numpy() for y, offset in optimizer.sequences()])
    losses = np.array(rows)[:, engine.names.index("loss")]
    assert losses[-5:].mean() < 0.6 * losses[:3].mean()
    for kept, *series in zip(average.generator.trainable_variables, *iterates, strict=True):
        np.testing.assert_allclose(kept.numpy(), np.mean(series, 0), atol=2e-6)
    assert np.abs(average.generator.get_weights()[0] - step.generator.model.get_weights()[0]).max() > 1e-4
