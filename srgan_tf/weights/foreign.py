"""Foreign weights into a model of this package, and a model's weights out under the names that others know."""

import os
from pathlib import Path

import keras

from srgan_tf.errors import UserError
from srgan_tf.models.keras_files import require_finite
from srgan_tf.models.registry import ARCHITECTURES
from srgan_tf.models.sizes import construct
from srgan_tf.settings import check_arguments
from srgan_tf.weights.containers import write_safetensors
from srgan_tf.weights.families import check, fill, read_checkpoint, state_dict


def load_foreign(path: str | os.PathLike, dtype: str | None = None, **overrides: object) -> keras.Model:
    """Reads foreign weights for one of this package's architectures.

    PyTorch's files are read without PyTorch, and recognised by the names and shapes of their tensors (docs/weights.md).

    Args:
        path: what torch.save wrote, a .safetensors file, or one of ncnn's two files; its ending does not matter.
        dtype: dtype policy to compute in, such as "mixed_bfloat16"; None for Keras' global policy.
        **overrides: arguments of the architecture that names and shapes cannot tell.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: the file is damaged, holds or asks for more than tensors, or is of no known architecture.
    """
    path = Path(path)
    checkpoint = read_checkpoint(path)
    checkpoint = checkpoint._replace(arguments=checkpoint.arguments | overrides)
    architecture = ARCHITECTURES[checkpoint.family]
    try:
        check_arguments(architecture, overrides)
        model = construct(architecture, checkpoint.arguments, dtype, lambda model: check(model, checkpoint))
        fill(model, checkpoint)
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: {' '.join(str(error).split())[:300] or type(error).__name__}") from error
    require_finite(model, path)
    return model


def save_weights(model: keras.Model, path: str | os.PathLike, keys: str = "") -> None:
    """Writes the weights alone, float32, under the names that other people's software knows them by.

    Args:
        model: of an architecture with such names (families.FAMILIES).
        path: ends in .safetensors; its folder exists. A file of that name is replaced.
        keys: which of the architecture's sets of names; empty: the first.

    Raises:
        ValueError: there are no names for this architecture, or not these, or the path is not as said.
        OSError: the folder cannot be written to.
    """
    family = next(name for name, architecture in ARCHITECTURES.items() if architecture is type(model))
    write_safetensors(path, state_dict(model, family, keys))
