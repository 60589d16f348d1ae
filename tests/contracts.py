"""What every model must do, as checks that a test calls with a class and a dict of small arguments.

A new architecture adds one row to a test's table of cases; everything here then holds for it.
"""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from srgan_tf.config import ExportConfig
from srgan_tf.exporting.saved_model import serving_module
from srgan_tf.exporting.tflite import convert
from srgan_tf.hub import load_model
from srgan_tf.inference import Upscaler
from srgan_tf.losses import parse_terms
from srgan_tf.models import save_model
from srgan_tf.training.steps import OptimizedNetwork, PixelStep

WORKER = Path(__file__).parent / "jax_worker.py"
# So narrow as in these tests, parts of these layers can add the same to all logits of a softmax: their gradient is 0.
MAY_STAY = {"PositionBias"}
# Most of the worker's time goes into compiling operations that run once: compile them badly and soon.
FAST_XLA = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"


def images(height: int, width: int, count: int = 2, seed: int = 0) -> np.ndarray:
    """Random float32 images in [0, 1]."""
    return np.random.default_rng(seed).random((count, height, width, 3), "float32")


def randomize(model: keras.Model, seed: int = 0) -> keras.Model:
    """Moves every weight, biases and batch statistics included, off the values that it starts from."""
    random = np.random.default_rng(seed)
    model.set_weights([value + 0.05 * random.random(value.shape, "float32") for value in model.get_weights()])
    return model


def count(model_class, arguments: dict) -> int:
    """Trainable parameters, of a model whose weights are never made."""
    with keras.StatelessScope(initialize_variables=False):
        model = model_class(**arguments)
        return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def check_config(model_class, arguments: dict) -> None:
    """get_config holds every argument of the constructor, as JSON, and rebuilds the same model."""
    model = model_class(**arguments)
    config = model.get_config()
    parameters = [
        name for name, parameter in inspect.signature(model_class.__init__).parameters.items()
        if name != "self" and parameter.kind is not inspect.Parameter.VAR_KEYWORD]
    assert sorted(config) == sorted(parameters)
    assert {name: config[name] for name in arguments} == arguments
    again = model_class.from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    assert [weight.shape for weight in again.weights] == [weight.shape for weight in model.weights]


def check_initial_weights(model_class, arguments: dict) -> None:
    """The model is built when made, no two kernels start alike, and the seed decides them."""
    keras.utils.set_random_seed(1)
    model = model_class(**arguments)
    kernels = [weight.numpy().tobytes() for weight in model.trainable_weights if weight.name == "kernel"]
    assert len(set(kernels)) == len(kernels) > 0
    keras.utils.set_random_seed(1)
    again = model_class(**arguments)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))


def check_file(model_class, arguments: dict, inputs: np.ndarray, folder: Path) -> None:
    """A .keras file gives back the same outputs, by this package's reader and by Keras' own."""
    model = randomize(model_class(**arguments))
    path = folder / "model.keras"
    save_model(model, path)
    for loaded in (load_model(path), keras.saving.load_model(path)):
        assert type(loaded) is model_class
        np.testing.assert_array_equal(loaded(inputs), model(inputs))


def check_mixed_precision(model_class, arguments: dict, inputs: np.ndarray) -> None:
    """Under mixed_bfloat16 the output is float32 and close to float32's, and no layer looks at the global policy."""
    model = randomize(model_class(**arguments))
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float16")
    try:
        mixed = model_class(**arguments, dtype="mixed_bfloat16")
    finally:
        keras.config.set_dtype_policy(policy)
    layers = [layer for layer in mixed._flatten_layers() if layer is not mixed]
    assert {layer.dtype_policy.name for layer in layers} == {"mixed_bfloat16", "float32"}
    assert sum(layer.dtype_policy.name == "float32" for layer in layers) == 1  # the last one
    mixed.set_weights(model.get_weights())
    expected, outputs = np.asarray(model(inputs)), mixed(inputs)
    assert outputs.dtype == "float32"
    error = np.abs(outputs - expected).max() / np.abs(expected).max()
    assert 0 < error < 0.05


def check_sizes(model_class, arguments: dict) -> None:
    """Any size is upscaled by the scale, by one traced graph too; single pixels as well."""
    model = randomize(model_class(**arguments))
    scale = model.scale
    graph = tf.function(model, input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)])
    for height, width in ((5, 7), (1, 1), (8, 3)):
        inputs = images(height, width)
        outputs = model(inputs)
        assert outputs.shape == (2, scale * height, scale * width, 3)
        assert outputs.dtype == "float32"
        np.testing.assert_allclose(graph(tf.constant(inputs)), outputs, rtol=1e-5, atol=1e-4)
    assert graph.experimental_get_tracing_count() == 1


def check_receptive_radius(model_class, arguments: dict) -> None:
    """The pixels of one LR cell depend on the LR pixels up to `receptive_radius` away on each side, and no further.

    All weights and inputs are made positive, so that no path is cut off and no two cancel.
    """
    model = model_class(**arguments)
    for weight in model.trainable_weights:
        value = np.abs(weight.numpy()) + 0.1 / np.prod(weight.shape[:-1]) if weight.name == "kernel" else 1.0
        weight.assign(np.broadcast_to(value, weight.shape))
    together, scale = model.alignment, model.scale
    radius = model.receptive_radius - (together - 1)  # of what is put together, of which each pixel sees the whole
    centre = (radius // together + 2) * together
    side = 2 * centre + together
    inputs = tf.constant(np.full((1, side, side, 3), 0.9, "float32"))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        cell = slice(scale * centre, scale * (centre + together))
        seen = model(inputs)[:, cell, cell]
    influence = np.abs(tape.gradient(seen, inputs)).sum((0, 3))
    rows, columns = np.nonzero(influence.sum(1))[0], np.nonzero(influence.sum(0))[0]
    expected = np.arange(centre - radius, centre + together + radius)
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_array_equal(columns, expected)


def check_view(model_class, arguments: dict) -> None:
    """Pixels beyond the receptive radius change nothing, unless the network says that it looks at the whole image."""
    model = randomize(model_class(**arguments))
    border = model.receptive_radius + model.alignment
    image = images(8, border + 8, 1)
    other = np.concatenate([image[:, :, :border], 0 * image[:, :, border:]], axis=2)
    first = slice(model.scale * model.alignment)
    seen = np.abs(model(image) - model(other))[:, :, first].max() > 0
    assert seen == bool(model.whole_image_bytes)


def check_step(model: keras.Model) -> None:
    """A step along gradients moves every weight."""
    before, scale = model.get_weights(), model.scale
    adam = keras.optimizers.Adam(1e-3, epsilon=1e-10)  # small gradients, too, move a weight
    step = PixelStep(OptimizedNetwork(model, adam), parse_terms("l1:1"))
    values = step(tf.constant(images(8, 8)), tf.constant(images(8 * scale, 8 * scale)))
    assert all(np.isfinite(value) for value in values.values())
    layers = [layer for layer in model._flatten_layers() if type(layer).__name__ in MAY_STAY]
    free = {id(weight) for layer in layers for weight in layer.weights}
    for weight, one in zip(model.weights, before, strict=True):
        assert id(weight) in free or not np.array_equal(one, weight), weight.path


def check_use(model_class, arguments: dict, folder: Path) -> None:
    """A step along gradients moves every weight; SavedModel and LiteRT make what Keras makes of an odd-sized image.

    In LiteRT no tensor has more than four dimensions, and operations
    that LiteRT has not built in would not run.
    """
    keras.utils.set_random_seed(0)
    model = model_class(**arguments)
    if not model.closed_form:
        check_step(model)
    randomize(model)
    inputs, config = images(19, 13, 1), ExportConfig(model="-", output="-", dynamic=True, saved_model_tile=384)
    expected = np.asarray(model(inputs))
    tolerance = 1e-4 * np.abs(expected).max()
    tf.saved_model.save(one_function(model, config), str(folder / "saved"))
    served = tf.saved_model.load(str(folder / "saved"))
    np.testing.assert_allclose(served(tf.constant(255 * inputs)) / 255, expected, rtol=0, atol=tolerance)
    path = folder / "model.tflite"
    path.write_bytes(convert(model, config))
    interpreter = Interpreter(str(path))
    assert max(len(tensor["shape"]) for tensor in interpreter.get_tensor_details()) <= 4
    found, = interpreter.get_signature_runner()(image_0_1=inputs).values()
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    image = np.uint8(255 * inputs[0])
    assert Upscaler(path)(image).shape == expected.shape[1:]


def one_function(model: keras.Model, config: ExportConfig) -> tf.Module:
    """What an export gives when it is called, alone: the rest of it is the same for every architecture."""
    module = tf.Module()
    module.__call__ = serving_module(model, config).__call__
    return module


def outputs_under_jax(models: dict[str, keras.Model], inputs: dict[str, np.ndarray], folder: Path) -> dict:
    """What the models compute in one process of its own that runs JAX and cannot import TensorFlow.

    They get there as .keras files, so that this shows too that files cross backends. The worker adds the losses'
    values, under their names.
    """
    for name, model in models.items():
        save_model(model, folder / f"{name}.keras")
    np.savez(folder / "inputs.npz", **inputs)
    settings = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": FAST_XLA}
    environment = {**os.environ, **settings, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, WORKER, folder], env=environment, check=True, timeout=300)
    with np.load(folder / "outputs.npz") as outputs:
        return dict(outputs)
