"""Model files: `.keras`, with the architecture's arguments and the weights in one."""

import json
import os
import tempfile
import zipfile
import zlib
from pathlib import Path

import keras
import numpy as np

from srgan_tf.atomic import replacing
from srgan_tf.errors import UserError
from srgan_tf.models.hdf5 import check_hdf5
from srgan_tf.models.registry import ARCHITECTURES
from srgan_tf.models.sizes import construct, weight_count
from srgan_tf.text import printable

CONFIG_BYTES = 1 << 20
WEIGHTS = "model.weights.h5"
# The weights of trained networks unpack to 1.1 times their size in the zip.
UNPACKED_BYTES, UNPACKED_RATIO = 16 << 20, 20
SMALLEST_NUMBER = 2  # bytes: models that ship hold float16
LAYER_BYTES = 1000  # HDF5 takes thrice as many for a layer of one number; building a layer takes milliseconds
CLASSES = {f"srgan_tf>{model.__name__}": model for model in ARCHITECTURES.values()}


def save_model(model: keras.Model, path: str | os.PathLike) -> None:
    """Writes a generator or discriminator to `path`, all of it or nothing.

    The file says nothing of the policy that the model computed in: it loads as float32 unless another is asked for.

    Args:
        model: an instance of a class in GENERATORS or DISCRIMINATORS.
        path: ends in .keras; its folder exists. A file of that name is replaced.

    Raises:
        ValueError: the name or the class is not as said.
        OSError: the folder cannot be written to.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise UserError(f"path of a model file must end in .keras; got {str(path)!r}")
    if type(model) not in CLASSES.values():
        raise UserError(f"model must be one of {_known()}; got {type(model).__name__}")
    with replacing(path) as temporary:
        model.save(temporary)


def load_keras(path: str | os.PathLike, dtype: str | None = None) -> keras.Model:
    """Reads a model that `save_model` wrote.

    The class is looked up in this package's own tables and its arguments are plain JSON: Keras' deserialisation, which
    can import modules and run code from a file, is not used.

    Args:
        path: a .keras file.
        dtype: dtype policy to compute in, such as "mixed_bfloat16"; None for Keras' global policy.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: what is there is not a model of this package, or is damaged.
    """
    path = Path(path)
    model_class, arguments = _read_config(path)
    stored = _stored_bytes(path)

    def check(model: keras.Model) -> None:
        if SMALLEST_NUMBER * weight_count(model) > stored:
            raise UserError(f"its weights do not fit: they are {weight_count(model):,} numbers, and {WEIGHTS} has "
                            f"{stored:,} bytes")

    try:
        model = construct(model_class, arguments, dtype, check, layers=stored // LAYER_BYTES)
    except (TypeError, ValueError) as error:
        kind = model_class.__name__
        raise UserError(f"{path} asks for a {kind} that cannot be built: {_one_line(error)}") from error
    try:
        _load_weights(model, path)
    except Exception as error:  # zipfile, h5py and Keras raise whatever they met in a damaged file
        reason = _one_line(error)
        raise UserError(f"{path}: weights cannot be read, do not fit or are damaged: {reason}") from error
    require_finite(model, path)
    return model


def require_finite(model: keras.Model, path: Path) -> None:
    """Raises a ValueError where a weight is NaN or infinite; `path` is the file that they came from."""
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise UserError(f"{path}: its weights hold NaN or infinity")


def _read_config(path: Path) -> tuple[type[keras.Model], dict]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open("config.json") as file:
            config = json.loads(file.read(CONFIG_BYTES))
        registered, arguments = config["registered_name"], config["config"]
        holder = f"{config['module']}.{config['class_name']}"
        if not isinstance(registered, str | None):
            raise TypeError(f"registered_name must be a text; got {str(registered)[:40]!r}")
    except (zipfile.BadZipFile, zlib.error, KeyError, RuntimeError, TypeError, ValueError, OSError, EOFError) as error:
        with open(path, "rb") as file:
            start = file.read(16)
        seen = "it is empty" if not start else f"it begins with {start!r}"
        raise UserError(f"{path} is not a .keras model file, or is damaged: {seen} ({_one_line(error)})") from error
    if registered not in CLASSES:
        raise UserError(f"{path} holds a {printable(holder[:100])}, which is not a model of this package; known: "
                        f"{_known()}")
    if not isinstance(arguments, dict) or any(isinstance(value, (dict, list)) for value in arguments.values()):
        seen = printable(repr(arguments)[:100])
        raise UserError(f"{path}: arguments of {registered} must be plain numbers; got {seen}")
    return CLASSES[registered], arguments


def _stored_bytes(path: Path) -> int:
    """How many bytes the weights have once they are unpacked; a zip of little that unpacks to much is refused."""
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(WEIGHTS)
    except KeyError:
        raise UserError(f"{path}: weights cannot be read: it holds no {WEIGHTS}") from None
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UserError(f"{path}: weights cannot be read: {WEIGHTS} is compressed in a way that Keras does not use")
    if member.file_size > max(UNPACKED_BYTES, UNPACKED_RATIO * path.stat().st_size):
        raise UserError(f"{path}: weights cannot be read: of {path.stat().st_size:,} bytes, they would unpack to "
                        f"{member.file_size:,}")
    return member.file_size


def _load_weights(model: keras.Model, path: Path) -> None:
    # Unpacked first: read in place, HDF5's jumps within the zip cost seconds, and nothing would check the zip's sum.
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        weights = Path(archive.extract(WEIGHTS, folder))
        check_hdf5(weights)
        model.load_weights(weights)


def _known() -> str:
    return ", ".join(model.__name__ for model in CLASSES.values())


def _one_line(error: Exception) -> str:
    return printable(" ".join(str(error).split())[:300]) or type(error).__name__
