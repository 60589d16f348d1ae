"""From a name to a model: a file, a run folder or a name that ships."""

import os
from pathlib import Path

import keras

from srgan_tf.config import RUN_MODELS
from srgan_tf.models import Generator
from srgan_tf.models.files import load_keras
from srgan_tf.pretrained import shipped_models
from srgan_tf.settings import lookup
from srgan_tf.weights import kind_of, load_foreign


def load_model(path_or_name: str | os.PathLike, dtype: str | None = None, **overrides: object) -> keras.Model:
    """Reads a model that `save_model` wrote, or foreign weights for one of this package's architectures.

    Args:
        path_or_name: a .keras file; a run folder, of which best.keras is taken, else last.keras; foreign weights
            (docs/weights.md); or the name of a model that ships with the package.
        dtype: dtype policy to compute in, such as "mixed_bfloat16"; None for Keras' global policy.
        **overrides: arguments of the architecture that names and shapes cannot tell, of foreign weights only.

    Raises:
        FileNotFoundError: there is no such file, folder or name.
        ValueError: what is there is not a model of this package, or is damaged.
    """
    path = find_model(path_or_name)
    if kind_of(path):
        return load_foreign(path, dtype, **overrides)
    if overrides:
        raise ValueError(f"{path} says itself what it is: {', '.join(overrides)} cannot be given")
    return load_keras(path, dtype)


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
    """As `load_model`, for a model that upscales images, in its form for inference (`Generator.fold`).

    Raises:
        ValueError: also where it is another kind of model.
    """
    generator = load_model(path_or_name, dtype)
    if not isinstance(generator, Generator):
        raise ValueError(f"{path_or_name} holds a {type(generator).__name__}, which does not enlarge pictures")
    if generator.image_channels != 3:
        raise ValueError(f"{path_or_name} is for images of {generator.image_channels} channels; only RGB is run")
    return generator.fold()


def model_name(path: Path) -> str:
    """What to call the model in a file that `find_model` found: the file's name, for a run's that of its folder."""
    return path.resolve().parent.name if path.name in RUN_MODELS else path.stem
