"""What runs where Keras is missing, as in the light install: .tflite files, ONNX, OpenVINO and servers."""

import importlib.util
import os
import shutil

from srgan_tf.config import DEFAULT_MODEL, FAITHFUL_MODEL
from srgan_tf.errors import TO_FULL_INSTALL, MissingPackageError
from srgan_tf.hub.shipped import network_names, shipped_files

# The model for LiteRT that stands in for a network that ships; the default comes first.
INSTEAD = {"photo_x4": "photo_x4_int8", "photo_x2": "photo_x2_int8", "fidelity_x4": "fidelity_x4_int8",
           "edsr_x4": "edsr_x4_int8", "mobile_photo_x4": "mobile_photo_x4_int8", "mobile_x4": "mobile_x4_float16"}


def has_keras() -> bool:
    """Whether networks can be run; nothing is imported."""
    return importlib.util.find_spec("keras") is not None


def has_gpu() -> bool:
    """Whether TensorFlow may find a GPU; nothing is imported."""
    return bool(shutil.which("nvidia-smi")) and os.environ.get("CUDA_VISIBLE_DEVICES", "0") not in ("", "-1")


def default_model(network: bool = False) -> str:
    """The model of those who name none: DEFAULT_MODEL, or on a CPU its form for LiteRT.

    That takes a third of the network's time there, and does not need TensorFlow.

    Args:
        network: whether it must be the network, for a runtime or a precision that was asked for.
    """
    return DEFAULT_MODEL if has_keras() and (network or has_gpu()) else INSTEAD[DEFAULT_MODEL]


def faithful_model() -> str:
    """The model of those who measure and name none: FAITHFUL_MODEL, or where Keras is missing its form for LiteRT."""
    return FAITHFUL_MODEL if has_keras() else INSTEAD[FAITHFUL_MODEL]


def site_models() -> list[str]:
    """The models of a site of `export --format=web`, unless one is named: those for LiteRT, the default first."""
    return list(INSTEAD.values())


def require_keras(what: str, to_run: bool = False) -> None:
    """Raises a MissingPackageError where Keras is missing.

    Args:
        what: needs it: the name of a network, or a command.
        to_run: whether a .tflite file would do too: the message then has the one that can be taken instead.
    """
    if not has_keras():
        hint = f" ({INSTEAD[what]} runs without it)" if to_run and what in INSTEAD else ""
        raise MissingPackageError(f"{what} needs TensorFlow, which is not installed{hint}; {TO_FULL_INSTALL}")


def running_models() -> list[str]:
    """The names of the models that ship and can run here."""
    return [name for name in shipped_files() if has_keras() or name not in network_names()]
