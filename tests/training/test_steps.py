"""The steps on real images: that losses fall, that both networks learn, that gradients are what they should be."""

import gc
import logging

import keras
import numpy as np
import pytest
import tensorflow as tf

from srgan_tf.config import TrainConfig
from srgan_tf.data import build_store, crops, open_source
from srgan_tf.losses import ADVERSARIAL, LEAST_SQUARES, detail_bands, feature_matching, ldl
from srgan_tf.training import AdversarialStep, PixelStep, build_step
from srgan_tf.training.checkpoints import Checkpoints
from srgan_tf.training.ema import MovingAverage
from srgan_tf.training.engine import Engine
from srgan_tf.training.steps import OptimizedNetwork, variables

SMALL = {"model": "rrdb", "model_args": "features:8,growth_channels:4,blocks:1", "patch_size": 32, "batch_size": 8}
ESRGAN = {**SMALL, "losses": "l1:0.01,vgg12:1", "vgg_weights": "random", "adversarial": "relativistic:0.005",
          "discriminator": "vgg128", "discriminator_args": "features:8", "learning_rate": 2e-4}


@pytest.fixture(scope="module")
def store():
    return build_store(open_source("samples", 4, "train"), 4, 32)


def play(config, store, steps):
    keras.utils.set_random_seed(0)
    step = build_step(config)
    engine = Engine(step, MovingAverage(step.generator.model, 0), config.jit_compile)
    blocks = crops(store, config.patch_size, config.batch_size, 0, 0, steps).batch(config.steps_per_call)
    rows = np.concatenate([engine(lr, hr).numpy() for lr, hr in blocks])
    return step, dict(zip(engine.names, rows.T, strict=True))


def batch(store, seed=1):
    lr, hr = next(iter(crops(store, 32, 8, seed, 0, 1)))
    return tf.cast(lr, tf.float32) / 255, tf.cast(hr, tf.float32) / 255


def test_pixel_loss_falls(store):
    _, history = play(TrainConfig(**SMALL, learning_rate=2e-3), store, 100)
    assert set(history) == {"loss", "loss/l1", "learning_rate", "gradient_norm"}
    assert history["loss"][-10:].mean() < 0.5 * history["loss"][:5].mean()


def test_both_players_play(store):
    """esrgan.flags, shrunk, over 120 steps."""
    step, history = play(TrainConfig(**{**ESRGAN, "batch_size": 4}), store, 120)
    assert type(step) is AdversarialStep
    for name, values in history.items():
        assert np.isfinite(values).all(), name
        assert np.ptp(values) > 0 or name == "learning_rate", name
    assert (history["d_real"] - history["d_fake"])[-30:].mean() > 0.2
    assert history["loss/discriminator"][-30:].mean() < history["loss/discriminator"][:10].mean()


@pytest.mark.parametrize("adversarial", ["", "relativistic:0.005"])
def test_a_teachers_images_are_its_own_or_stored(store, adversarial):
    """The same step where the teacher runs, and where what it makes of the batch comes behind HR."""
    flags = {**ESRGAN, "losses": "l1:1,teacher:1,teacher_mse:2", "adversarial": adversarial}
    online = build_step(TrainConfig(**flags, teacher="mobile_x4"))
    stored = build_step(TrainConfig(**flags, dataset="records:there"))
    stored.generator.model.set_weights(online.generator.model.get_weights())
    if adversarial:
        stored.discriminator.model.set_weights(online.discriminator.model.get_weights())
    lr, hr = (images[:2] for images in batch(store))
    frozen = [np.array(weight) for weight in online.teacher.get_weights()]
    taught = tf.clip_by_value(online.teacher(lr), 0, 1)
    one, other = online(lr, hr), stored(lr, tf.concat([hr, taught], -1))
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert float(value) == pytest.approx(float(other[name]), rel=1e-3), name
    for before, after in zip(frozen, online.teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", sorted(ADVERSARIAL))
def test_the_adversarial_term_alone_moves_the_generator(store, name):
    config = TrainConfig(**{**ESRGAN, "losses": "", "adversarial": f"{name}:1"})
    step, (lr, hr) = build_step(config), batch(store)
    before = [value.copy() for value in step.generator.model.get_weights()]
    with tf.GradientTape() as tape:
        real, fake = step.discriminator.model(hr), step.discriminator.model(step.generator.model(lr))
        loss = step.adversarial.generator_loss(real, fake)
    gradients = tape.gradient(loss, [variable.value for variable in step.generator.model.trainable_variables])
    assert all(gradient is not None for gradient in gradients)
    assert max(float(tf.reduce_max(tf.abs(gradient))) for gradient in gradients) > 1e-9
    step(lr, hr)
    assert any((new != old).any() for new, old in zip(step.generator.model.get_weights(), before, strict=True))


def test_one_step_is_two_players_against_each_other_as_they_were(store):
    """The shared forward pass gives the gradients of two separate ones, taken from the state before the step."""
    keras.utils.set_random_seed(0)
    config = TrainConfig(**{**ESRGAN, "losses": "l1:1", "learning_rate": 1.0})
    step, (lr, hr) = build_step(config), batch(store)
    step.generator = OptimizedNetwork(step.generator.model, keras.optimizers.SGD(1.0))
    step.discriminator = OptimizedNetwork(step.discriminator.model, keras.optimizers.SGD(1.0))
    models = step.generator.model, step.discriminator.model
    weights = {model: [v.numpy() for v in model.trainable_variables] for model in models}
    with tf.GradientTape() as tape:
        fake = step.generator.model(lr, training=True)
        real_logits, fake_logits = (step.discriminator.model(image, training=True) for image in (hr, fake))
        loss = tf.reduce_mean(tf.abs(hr - fake)) + 0.005 * step.adversarial.generator_loss(real_logits, fake_logits)
    expected = {step.generator.model: tape.gradient(loss, [v.value for v in step.generator.model.trainable_variables])}
    constant = tf.stop_gradient(fake)
    with tf.GradientTape() as tape:
        real_logits, fake_logits = (step.discriminator.model(image, training=True) for image in (hr, constant))
        loss = step.adversarial.discriminator_loss(real_logits, fake_logits)
    weights_of = [v.value for v in step.discriminator.model.trainable_variables]
    expected[step.discriminator.model] = tape.gradient(loss, weights_of)
    step(lr, hr)
    for model, gradients in expected.items():
        for old, new, gradient in zip(weights[model], model.trainable_variables, gradients, strict=True):
            np.testing.assert_allclose(old - new.numpy(), gradient, atol=1e-4)


@pytest.mark.parametrize(("discriminator", "precision"), [
    ("unet", "float32"), ("patchgan", "mixed_bfloat16"), ("srgan", "mixed_float16")])
def test_every_discriminator_plays_with_feature_matching(store, discriminator, precision):
    config = TrainConfig(**{**ESRGAN, "discriminator": discriminator, "losses": "l1:0.01,features:1",
                            "adversarial": "vanilla:0.1", "precision": precision, "learning_rate": 1e-3})
    keras.utils.set_random_seed(0)
    graph, images = tf.function(build_step(config)), batch(store)
    history = [{name: float(value) for name, value in graph(*images).items()} for _ in range(12)]
    assert all(np.isfinite(value) for scalars in history for value in scalars.values())
    assert history[0]["loss/features"] > 0
    assert history[-1]["loss/discriminator"] < 0.95 * history[0]["loss/discriminator"]


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_discriminator_of_wavelet_bands(store, precision):
    """Every value of its step is that of the bands, by the networks as they were; both networks move."""
    keras.utils.set_random_seed(0)
    penalty = {"gradient_penalty": "r1:1"} if precision == "float32" else {}
    config = TrainConfig(**{**ESRGAN, **penalty, "discriminator": "patchgan", "losses": "wavelet,features",
                            "adversarial": "least_squares:0.1", "precision": precision,
                            "discriminator_input": "wavelet"})
    step, (lr, hr) = build_step(config), batch(store)
    models = step.generator.model, step.discriminator.model
    before = [model.get_weights() for model in models]
    real, fake = (step.discriminator.model.features(detail_bands(images))
                  for images in (hr, step.generator.model(lr)))
    expected = {"loss/features": feature_matching(None, None, real[:-1], fake[:-1]),
                "loss/adversarial": LEAST_SQUARES.generator_loss(real[-1], fake[-1]),
                "loss/discriminator": LEAST_SQUARES.discriminator_loss(real[-1], fake[-1])}
    if penalty:
        expected["loss/gradient_penalty"] = step.penalty(detail_bands(hr), detail_bands(hr), tf.constant(0))
    scalars = step(lr, hr)
    for name, value in expected.items():
        assert float(scalars[name]) == pytest.approx(float(value), rel=1e-4 if precision == "float32" else 0.03), name
    for model, weights in zip(models, before, strict=True):
        assert any((new != old).any() for new, old in zip(model.get_weights(), weights, strict=True))


def test_feature_matching_trains_the_generator_alone(store):
    """In one step of gradient descent: the discriminator moves as if the term were not there."""
    (lr, hr), moved = batch(store), {}
    for losses in ("l1:1", "l1:1,features:1"):
        keras.utils.set_random_seed(0)
        step = build_step(TrainConfig(**{**ESRGAN, "losses": losses, "discriminator": "unet"}))
        step.generator = OptimizedNetwork(step.generator.model, keras.optimizers.SGD(1e-2))
        step.discriminator = OptimizedNetwork(step.discriminator.model, keras.optimizers.SGD(1e-2))
        scalars = step(lr, hr)
        moved[losses] = [*map(keras.Model.get_weights, (step.generator.model, step.discriminator.model))]
    for one, other in zip(*(discriminator for _, discriminator in moved.values()), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert max(np.abs(one - other).max() for one, other in
               zip(*(generator for generator, _ in moved.values()), strict=True)) > 1e-5
    *real, _ = step.discriminator.model.features(hr)
    assert len(real) == 9
    assert float(scalars["loss/features"]) > 0


@pytest.mark.parametrize("adversarial", ["", "hinge:0.01"])
def test_ldl_sees_the_moving_average_as_it_was(store, adversarial):
    """The term's value in the second step is that of the networks after the first."""
    keras.utils.set_random_seed(0)
    config = TrainConfig(**{**SMALL, "losses": "l1:1,ldl:1", "adversarial": adversarial, "ema": 0.9,
                            "discriminator_args": "features:4", "learning_rate": 1e-2})
    step = build_step(config)
    average = MovingAverage(step.generator.model, config.ema)
    engine = Engine(step, average)
    (lr, hr), values = next(iter(crops(store, 32, 8, 1, 0, 1))), []
    for _ in range(2):
        images = [network(tf.cast(lr, tf.float32) / 255) for network in (step.generator.model, average.generator)]
        expected = float(ldl(tf.cast(hr, tf.float32) / 255, *images))
        row = engine(lr[None], hr[None])[0].numpy()
        scalars = dict(zip(engine.names, row, strict=True))
        assert scalars["loss/ldl"] == pytest.approx(expected, rel=1e-3)
        values.append(np.abs(images[0] - images[1]).max())
    assert values[0] == 0
    assert values[1] > 1e-3  # the average stays behind


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains(store, precision):
    step, history = play(TrainConfig(**SMALL, learning_rate=1e-3, precision=precision), store, 40)
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-5:].mean() < 0.7 * history["loss"][:5].mean()
    assert {variable.dtype for variable in step.generator.model.trainable_variables} == {"float32"}


@pytest.mark.parametrize("settings", [
    {**SMALL, "model": "srresnet", "model_args": "features:8,blocks:1"},
    {**ESRGAN, "losses": "l1:1", "discriminator": "patchgan"},
], ids=["pixel", "adversarial"])
def test_xla_compiles_the_step(store, settings):
    """TPUs take only what it compiles."""
    _, plain = play(TrainConfig(**settings), store, 3)
    _, compiled = play(TrainConfig(**settings, jit_compile=True), store, 3)
    for name, values in plain.items():
        np.testing.assert_allclose(compiled[name], values, rtol=1e-3, err_msg=name)


def test_gradients_are_clipped_to_the_norm(store):
    """SGD with a rate of 1 moves the weights by the gradient, so by the norm itself."""
    keras.utils.set_random_seed(0)
    step, (lr, hr) = build_step(TrainConfig(**SMALL)), batch(store)
    for limit in (0, 1e-3):
        step.generator = OptimizedNetwork(step.generator.model, keras.optimizers.SGD(1.0), limit)
        before = step.generator.model.get_weights()
        norm = float(step(lr, hr)["gradient_norm"])
        moved = [new - old for new, old in zip(step.generator.model.get_weights(), before, strict=True)]
        assert norm > 0.01
        assert np.sqrt(sum((part**2).sum() for part in moved)) == pytest.approx(limit or norm, rel=1e-3)


def test_float16_passes_over_steps_that_overflow(store):
    step, (lr, hr) = build_step(TrainConfig(**SMALL, precision="mixed_float16")), batch(store)
    step.generator.optimizer.dynamic_scale.assign(1e30)
    before = step.generator.model.get_weights()
    assert float(step(lr, hr)["gradient_norm"]) == 0
    for old, new in zip(before, step.generator.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert float(step.generator.optimizer.dynamic_scale) == pytest.approx(5e29)


def test_learning_rates_follow_the_schedules():
    def rates(steps, /, **arguments):
        optimizer = build_step(TrainConfig(**SMALL, **arguments)).generator.optimizer
        found = []
        for step in steps:
            optimizer.iterations.assign(step)
            found.append(float(optimizer.learning_rate))
        return found

    found = rates([0, 9, 10, 20], learning_rate=1e-3, milestones=(20, 10), decay=0.1)
    assert found == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5])
    assert rates([0, 50, 100], learning_rate=1e-3, schedule="cosine", steps=100) == pytest.approx([1e-3, 5e-4, 0])
    assert rates([0, 10**6], learning_rate=1e-3, schedule="constant") == pytest.approx([1e-3, 1e-3])
    assert rates([0, 10**6], learning_rate=1e-3, schedule="schedule_free") == pytest.approx([1e-3, 1e-3])


def test_a_discriminator_has_a_rate_of_its_own():
    for given, expected in ((0, 2e-4), (5e-4, 5e-4)):
        step = build_step(TrainConfig(**ESRGAN, milestones=(10,), discriminator_learning_rate=given))
        for network, rate in ((step.generator, 2e-4), (step.discriminator, expected)):
            network.optimizer.iterations.assign(20)
            assert float(network.optimizer.learning_rate) == pytest.approx(rate / 2)


@pytest.mark.parametrize(("arguments", "message"), [
    ({"model": "esdr"}, "unknown model 'esdr'"),
    ({"model": "edsr", "model_args": "feature:8"},
     r"^--model_args=feature:8: EDSR has no argument 'feature'; known: features, blocks, residual_scale\. "
     r"Did you mean 'features'\?$"),
    ({"model_args": "scale:2"}, "^--model_args=scale:2: RRDB's scale comes from another flag; known: feat"),
    ({"model_args": "dtype:float16"}, "^--model_args=dtype:float16: RRDB's dtype comes from another flag"),
    ({"adversarial": "hinge", "discriminator": "unet", "discriminator_args": "blocks:3"},
     r"^--discriminator_args=blocks:3: \w+ has no argument 'blocks'; known: features\.$"),
    ({"model_args": "features:0"}, "features must be an integer of at least 1"),
    ({"losses": "l3:1"}, "unknown loss 'l3'"),
    ({"adversarial": "wagn:1"}, "unknown adversarial loss .* Did you mean 'wgan'"),
    ({"adversarial": "hinge:-1"}, "a weight of at least 0; got 'hinge:-1'"),
    ({"adversarial": "hinge:nan"}, "a weight of at least 0"),
    ({"adversarial": "hinge:x"}, "--adversarial must be NAME or NAME:WEIGHT"),
    ({"adversarial": "hinge", "discriminator": "vnet", "discriminator_args": ""}, "unknown discriminator"),
    ({"adversarial": "hinge", "discriminator": "patchgan", "discriminator_args": "norm:none"}, "unknown norm 'none'"),
    ({"losses": "l1,ldl:1", "ema": 0}, "--losses=ldl .* needs --ema, as in --ema=0.999; got --ema=0"),
    ({"discriminator_input": "wavelet"}, "--discriminator_input=wavelet needs a discriminator: give --adversarial"),
    ({"discriminator_learning_rate": 1e-4}, "--discriminator_learning_rate=0.0001 needs a discriminator: give"),
    ({"losses": "l1,features:1"}, "--losses=features .* needs --adversarial"),
    ({"adversarial": "hinge", "patch_size": 40}, "multiple of 32; got 40"),
    ({"warmup_steps": 5}, "--warmup_steps=5 is for --schedule=schedule_free; got milestones"),
    ({"schedule": "schedule_free", "beta_1": 0}, "--schedule=schedule_free needs a --beta_1 above 0"),
    ({"schedule": "schedule_free", "adversarial": "hinge"}, "--adversarial=hinge: .* runs without a discriminator"),
])
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        build_step(TrainConfig(**{**SMALL, **arguments}))


def test_init_from_takes_the_weights_of_the_same_architecture(tmp_path, model_file):
    config = {"model": "edsr", "patch_size": 32, "init_from": (str(model_file),)}
    step = build_step(TrainConfig(**config, model_args="features:8,blocks:2", seed=5))
    assert type(step) is PixelStep
    expected = keras.saving.load_model(model_file).get_weights()
    for one, other in zip(step.generator.model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match=r"holds EDSR\(.*features=8.*this run's generator is EDSR\(.*features=9"):
        build_step(TrainConfig(**config, model_args="features:9,blocks:2"))


def test_a_discriminator_may_be_that_of_another_run(tmp_path, caplog):
    logging.getLogger("tensorflow").addHandler(caplog.handler)
    patchgan = {**SMALL, "adversarial": "hinge", "discriminator": "patchgan", "discriminator_args": "features:4"}
    former = build_step(TrainConfig(**patchgan))
    for variable in variables(former.discriminator.model):
        variable.assign(tf.random.normal(variable.shape))
    with pytest.raises(ValueError, match=r"must be the folder of a run with .*: .* has no checkpoint"):
        build_step(TrainConfig(**patchgan, init_discriminator=str(tmp_path)))
    checkpoints = Checkpoints(tmp_path / "checkpoints", former.trackables(), 1)
    checkpoints.step.assign(3)
    checkpoints.save()
    step = build_step(TrainConfig(**patchgan, init_discriminator=str(tmp_path)))
    for one, other in zip(*(variables(each.discriminator.model) for each in (step, former)), strict=True):
        np.testing.assert_array_equal(one, other)
    for arguments in ("features:5", "features:4,norm:batch"):
        with pytest.raises(ValueError, match=r"PatchDiscriminator\(.*\): that of .* is another one, or has other"):
            build_step(TrainConfig(**patchgan | {"discriminator_args": arguments}, init_discriminator=str(tmp_path)))
    (tmp_path / "pixels").mkdir()
    Checkpoints(tmp_path / "pixels" / "checkpoints", PixelStep.trackables(former), 1).save()
    with pytest.raises(ValueError, match="pixels has no discriminator"):
        build_step(TrainConfig(**patchgan, init_discriminator=str(tmp_path / "pixels")))
    with pytest.raises(ValueError, match=r"--init_discriminator=.* needs --adversarial"):
        build_step(TrainConfig(**SMALL, init_discriminator=str(tmp_path)))
    gc.collect()
    logging.getLogger("tensorflow").removeHandler(caplog.handler)
    assert not caplog.messages  # of what was left aside


def test_training_is_for_rgb():
    with pytest.raises(ValueError, match="training is for RGB images, of 3 image_channels; got 1"):
        build_step(TrainConfig(model="srvgg", patch_size=32, model_args="features:4,convolutions:1,image_channels:1"))
