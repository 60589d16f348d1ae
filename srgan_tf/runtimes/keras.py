"""Keras runs a generator, on whichever backend it has."""

from collections.abc import Callable
from typing import Any

import numpy as np

from srgan_tf.errors import UserError
from srgan_tf.hub.references import ModelRef
from srgan_tf.imaging import to_unit
from srgan_tf.runtimes.base import DEFAULTS, ClipRun, ModelInfo, Options, Runtime, in_turn, plain_errors


def open_keras(model: ModelRef, options: Options) -> Runtime:
    """A .keras file, or foreign weights."""
    from srgan_tf.hub import load_generator

    return open_network(load_generator(model, policy(options.precision)), options)


def policy(precision: str) -> str:
    """The Keras policy for a compute type; empty: float32."""
    return "mixed_bfloat16" if precision == "bfloat16" else "float32"


def open_network(generator: Any, options: Options = DEFAULTS) -> Runtime:
    """A generator, compiled once for all sizes where the backend is TensorFlow."""
    import keras

    from srgan_tf.models import ClipGenerator

    generator = inference_form(generator)

    def compiled(function: Callable, kind: str, *channels: int) -> Callable:
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            signature = [tf.TensorSpec([None, None, None, count], kind) for count in (3, *channels)]
            function = plain_errors(tf.function(function, input_signature=signature))
        return lambda *arrays: keras.tree.map_structure(keras.ops.convert_to_numpy, function(*arrays))

    call = compiled(lambda images: generator(images, training=False), "float32")
    clip = None
    if isinstance(generator, ClipGenerator):
        clip = ClipRun(compiled(generator.initial_state, "float32"),
                       compiled(generator.step, "float32", generator.state_channels),
                       generator.delay, generator.warm_up)
    return in_turn(Runtime(
        generator.name, generator.scale, compiled(generator.upscale, "uint8"),
        receptive_radius=generator.receptive_radius, alignment=generator.alignment,
        run_float=lambda images: call(to_unit(images)), parameters=trained(generator),
        whole_image_bytes=generator.whole_image_bytes, clip=clip))


def inference_form(generator: Any) -> Any:
    """The generator, folded where it is in a form for training.

    Raises:
        UserError: it is no generator.
    """
    from srgan_tf.models import Generator

    if not isinstance(generator, Generator):
        raise UserError(f"model must be a generator; got {type(generator).__name__}")
    return generator.fold()


def info_of_network(generator: Any, **more: Any) -> ModelInfo:
    """What an export of a generator says of itself, with what its format adds."""
    from srgan_tf.models import ClipGenerator

    if isinstance(generator, ClipGenerator):
        more |= {name: getattr(generator, name) for name in ("state_channels", "delay", "warm_up")}
    return ModelInfo(generator.scale, generator.receptive_radius, generator.alignment, parameters=trained(generator),
                     whole_image_bytes=generator.whole_image_bytes, **more)


def trained(generator: Any) -> int:
    """How many weights training moves."""
    return sum(int(np.prod(weight.shape)) for weight in generator.trainable_weights)
