"""From a model's name to its network."""

from typing import Any

import keras

from srgan_tf.errors import UserError
from srgan_tf.hub.references import resolve
from srgan_tf.models import Generator
from srgan_tf.models.keras_files import load_keras
from srgan_tf.weights import load_foreign


def load_model(model: Any, dtype: str | None = None, **overrides: object) -> keras.Model:
    """Reads a network: one of this package's files, or foreign weights for one of its architectures.

    Args:
        model: anything that `resolve` finds, if it holds a network: a .keras file, a run folder, foreign weights, the
            name of a model that ships or is published.
        dtype: dtype policy to compute in, such as "mixed_bfloat16"; None for Keras' global policy.
        **overrides: arguments of the architecture that names and shapes cannot tell, of foreign weights only.

    Raises:
        ModelNotFoundError: there is no such file, folder or name.
        UserError: what is there is not a network of this package, or is damaged.
    """
    found = resolve(model)
    if found.kind == "foreign":
        return load_foreign(found.path, dtype, **overrides)
    if found.kind != "keras":
        raise UserError(f"{found} is {_KINDS[found.kind]}, which holds no network of this package: give the .keras "
                        "file, the run folder or the name that it was made from")
    if overrides:
        raise UserError(f"{found} says itself what it is: {', '.join(overrides)} cannot be given")
    return load_keras(found.path, dtype)


_KINDS = {"bicubic": "an interpolation", "litert": "a .tflite file", "onnx": "an .onnx file",
          "openvino": "a file of OpenVINO", "remote": "a server", "saved_model": "a SavedModel"}


def load_generator(model: Any, dtype: str | None = "float32") -> Generator:
    """As `load_model`, for a network that upscales images, in its form for inference (`Generator.fold`).

    Raises:
        UserError: also where it is another kind of network.
    """
    generator = load_model(model, dtype)
    if not isinstance(generator, Generator):
        raise UserError(f"{model} holds a {type(generator).__name__}, which does not upscale images: give a generator")
    if generator.image_channels != 3:
        raise UserError(f"{model} is for images with {generator.image_channels} channels; give a model for RGB, with 3")
    return generator.fold()
