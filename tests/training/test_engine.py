"""Blocks of steps, the moving average, and the look at every scalar."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.config import TrainConfig
from srgan_tf.data import build_store, open_source
from srgan_tf.training import build_step
from srgan_tf.training.ema import MovingAverage
from srgan_tf.training.engine import Engine, blocks
from srgan_tf.training.logs import Ledger, Records

CONFIG = {"model": "srresnet", "model_args": "features:8,blocks:1", "patch_size": 32, "batch_size": 2, "steps": 7,
          "learning_rate": 1e-2}


@pytest.fixture(scope="module")
def store():
    return build_store(open_source("samples", 4, "validation"), 4, 32)


def run(store, **arguments):
    keras.utils.set_random_seed(0)
    config = TrainConfig(**CONFIG, **arguments)
    step = build_step(config)
    engine = Engine(step, MovingAverage(step.generator.model, 0))
    scalars = np.concatenate([engine(lr, hr).numpy() for lr, hr in blocks(config, store, 0)])
    return engine, step.generator.model.get_weights(), scalars


def test_steps_per_call_change_nothing(store):
    engine, expected, scalars = run(store)
    assert engine.traces == 1
    assert scalars.shape == (7, len(engine.names))
    engine, weights, together = run(store, steps_per_call=3)
    assert engine.traces == 2  # 3 + 3 + 1
    np.testing.assert_array_equal(scalars, together)
    for one, other in zip(expected, weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_average_follows_the_weights(store):
    """Against the same recurrence in numpy, statistics of batch normalisation included."""
    keras.utils.set_random_seed(0)
    config = TrainConfig(**CONFIG)
    step = build_step(config)
    average = MovingAverage(step.generator.model, 0.3)
    expected = step.generator.model.get_weights()
    engine = Engine(step, average)
    for number, (lr, hr) in enumerate(blocks(config, store, 0), 1):
        engine(lr, hr)
        decay = min(0.3, number / (9 + number))
        expected = [decay * old + (1 - decay) * new
                    for old, new in zip(expected, step.generator.model.get_weights(), strict=True)]
    for one, other in zip(expected, average.generator.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_the_average_keeps_the_precision_of_the_run():
    step = build_step(TrainConfig(**CONFIG, precision="mixed_bfloat16"))
    assert MovingAverage(step.generator.model, 0.9).generator.dtype_policy.name == "mixed_bfloat16"


def test_the_ledger_names_the_first_scalar_that_is_not_finite():
    ledger = Ledger(["loss", "gradient_norm"])
    ledger.add(3, tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    assert ledger.means() == {"loss": 3.0, "gradient_norm": 4.0}
    ledger.add(6, tf.constant([[1.0, 2.0], [1.0, np.inf], [np.nan, np.nan]]))
    with pytest.raises(ValueError, match=r"gradient_norm is inf at step 5; the last checkpoint is intact"):
        ledger.add(7, tf.constant([[1.0, 2.0]]))


def test_lines_of_steps_to_be_taken_again_are_dropped(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 5, "loss": 1}\n{"step": 10, "loss": 2}\n{"step": 15, "loss": 3}\n{"step": 20, "lo')
    records = Records(tmp_path, 10)
    records.scalars(15, {"loss": 4.0})
    records.close()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"step": 5, "loss": 1}, {"step": 10, "loss": 2}, {"step": 15, "loss": 4.0}]


def test_odd_lines_are_named_and_kept_aside(tmp_path, capfd):
    path = tmp_path / "metrics.jsonl"
    content = b'{"step": 5, "loss": 1}\n[5]\n{"step": "6"}\n7\n{"loss": 1}\n\xff\xfe\n\n{"step": 8, "loss": 2}\n{"st'
    path.write_bytes(content)
    Records(tmp_path, 10).close()
    assert path.read_bytes() == b'{"step": 5, "loss": 1}\n{"step": 8, "loss": 2}\n'
    out = capfd.readouterr().out
    assert out.startswith(f"{path}: 5 lines are no records of a run, the first is line 2; they are left out")
    assert (tmp_path / "metrics.damaged.jsonl").read_bytes() == content
    for content in (b"", b"\n"):
        path.write_bytes(content)
        Records(tmp_path, 10).close()
        assert path.read_bytes() == b""
    assert capfd.readouterr().out == ""
