"""Model files: `.keras`, with the architecture's arguments and the weights in one; and other people's weights."""

import json
import os
import tempfile
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np

from srgan_tf.config import RUN_MODELS
from srgan_tf.conversion import READERS, Checkpoint, check, fill, read_checkpoint, state_dict, write_safetensors
from srgan_tf.files import replacing
from srgan_tf.models.generator import Generator
from srgan_tf.models.registry import DISCRIMINATORS, GENERATORS
from srgan_tf.pretrained import shipped_models
from srgan_tf.settings import lookup

CONFIG_BYTES = 1 << 20
ARCHITECTURES = {**GENERATORS, **DISCRIMINATORS}
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
        raise ValueError(f"path of a model file must end in .keras; got {str(path)!r}")
    if type(model) not in CLASSES.values():
        raise ValueError(f"model must be one of {_known()}; got {type(model).__name__}")
    with replacing(path) as temporary:
        model.save(temporary)


def save_weights(model: keras.Model, path: str | os.PathLike, keys: str = "") -> None:
    """Writes the weights alone, float32, under the names that other people's software knows them by.

    Args:
        model: of an architecture with such names (conversion.FAMILIES).
        path: ends in .safetensors; its folder exists. A file of that name is replaced.
        keys: which of the architecture's sets of names; empty: the first.

    Raises:
        ValueError: there are no names for this architecture, or not these, or the path is not as said.
        OSError: the folder cannot be written to.
    """
    family = next(name for name, architecture in ARCHITECTURES.items() if architecture is type(model))
    write_safetensors(path, state_dict(model, family, keys))


def load_model(path_or_name: str | os.PathLike, dtype: str | None = None, **overrides: object) -> keras.Model:
    """Reads a model that `save_model` wrote, or other people's weights for one of this package's architectures.

    The class is looked up in this package's own tables and its arguments are plain JSON: Keras' deserialisation, which
    can import modules and run code from a file, is not used. PyTorch's files are read without PyTorch, and recognised
    by the names and shapes of their tensors (docs/weights.md).

    Args:
        path_or_name: a .keras file; a run folder, of which best.keras is taken, else last.keras; a .pth, .pt or
            .safetensors file; or the name of a model that ships with the package.
        dtype: dtype policy to compute in, such as "mixed_bfloat16"; None for Keras' global policy.
        **overrides: arguments of the architecture that names and shapes cannot tell, of other people's weights only.

    Raises:
        FileNotFoundError: there is no such file, folder or name.
        ValueError: what is there is not a model of this package, or is damaged.
    """
    path = find_model(path_or_name)
    if path.suffix in READERS:
        model = _load_checkpoint(path, dtype, overrides)
    elif overrides:
        raise ValueError(f"{path} says itself what it is: {', '.join(overrides)} cannot be given")
    else:
        model = _load_keras(path, dtype)
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise ValueError(f"{path}: its weights hold NaN or infinity")
    return model


def _load_keras(path: Path, dtype: str | None) -> keras.Model:
    model_class, arguments = _read_config(path)
    try:
        model = model_class(**arguments, dtype=dtype)
    except (TypeError, ValueError) as error:
        kind = model_class.__name__
        raise ValueError(f"{path} asks for a {kind} that cannot be built: {_one_line(error)}") from error
    try:
        _load_weights(model, path)
    except Exception as error:  # zipfile, h5py and Keras raise whatever they met in a damaged file
        reason = _one_line(error)
        raise ValueError(f"{path}: weights cannot be read, do not fit or are damaged: {reason}") from error
    return model


def _load_checkpoint(path: Path, dtype: str | None, overrides: dict) -> keras.Model:
    checkpoint = read_checkpoint(path)
    checkpoint = checkpoint._replace(arguments=checkpoint.arguments | overrides)
    policy = dtype or keras.config.dtype_policy()  # each thread has a global one of its own
    # In a thread that ends, because Keras remembers variables without values, for each thread, until they get them.
    with ThreadPoolExecutor(1) as thread:
        try:
            return thread.submit(_build, checkpoint, policy).result()
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {_one_line(error)}") from error


def _build(checkpoint: Checkpoint, policy: str | keras.DTypePolicy) -> keras.Model:
    """The model, whose weights take memory only once their shapes are found in the file."""
    with keras.StatelessScope(initialize_variables=False):
        model = ARCHITECTURES[checkpoint.family](**checkpoint.arguments, dtype=policy)
        check(model, checkpoint)
    with keras.StatelessScope():
        pass  # values for all of this thread's variables
    fill(model, checkpoint)
    return model


def find_model(path_or_name: str | os.PathLike) -> Path:
    """The file that a path, a run folder or a shipped name stands for.

    Raises:
        FileNotFoundError: there is none.
    """
    path = Path(path_or_name).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        for name in RUN_MODELS:
            if (path / name).is_file():
                return path / name
    shipped = shipped_models()
    if str(path_or_name) in shipped:
        return shipped[str(path_or_name)]
    if path.is_dir():
        seen = ", ".join(sorted(entry.name for entry in path.iterdir())[:5]) or "nothing"
        raise FileNotFoundError(f"folder {path} holds neither best.keras nor last.keras; it holds {seen}")
    if path.suffix or len(path.parts) > 1 or not shipped:
        names = ", ".join(shipped) or "none"
        raise FileNotFoundError(f"no model file or run folder {str(path)!r}; models that ship by name: {names}")
    try:
        return lookup(shipped, str(path_or_name), "model file, run folder or shipped model")
    except ValueError as error:
        raise FileNotFoundError(str(error)) from None


def load_generator(path_or_name: str | os.PathLike, dtype: str | None = "float32") -> Generator:
    """As `load_model`, for a model that enlarges pictures; a ValueError says where it is another one."""
    generator = load_model(path_or_name, dtype)
    if not isinstance(generator, Generator):
        raise ValueError(f"{path_or_name} holds a {type(generator).__name__}, which does not enlarge pictures")
    return generator


def model_name(path: Path) -> str:
    """What to call the model in a file that `find_model` found: the file's name, for a run's that of its folder."""
    return path.resolve().parent.name if path.name in RUN_MODELS else path.stem


def _read_config(path: Path) -> tuple[type[keras.Model], dict]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open("config.json") as file:
            config = json.loads(file.read(CONFIG_BYTES))
        registered, arguments = config["registered_name"], config["config"]
        holder = f"{config['module']}.{config['class_name']}"
    except (zipfile.BadZipFile, zlib.error, KeyError, RuntimeError, TypeError, ValueError, OSError, EOFError) as error:
        with open(path, "rb") as file:
            start = file.read(16)
        seen = "it is empty" if not start else f"it begins with {start!r}"
        raise ValueError(f"{path} is not a .keras model file, or is damaged: {seen} ({_one_line(error)})") from error
    if registered not in CLASSES:
        raise ValueError(f"{path} holds a {holder}, which is not a model of this package; known: {_known()}")
    if not isinstance(arguments, dict) or any(isinstance(value, (dict, list)) for value in arguments.values()):
        raise ValueError(f"{path}: arguments of {registered} must be plain numbers; got {arguments!r}")
    return CLASSES[registered], arguments


def _load_weights(model: keras.Model, path: Path) -> None:
    # Unpacked first: read in place, HDF5's jumps within the zip cost seconds, and nothing would check the zip's sum.
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        model.load_weights(archive.extract("model.weights.h5", folder))


def _known() -> str:
    return ", ".join(model.__name__ for model in CLASSES.values())


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
