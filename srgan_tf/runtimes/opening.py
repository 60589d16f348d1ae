"""Which runtime opens a model of which kind."""

import importlib
import os
from typing import Any

from srgan_tf.errors import MissingPackageError, light_install
from srgan_tf.hub.references import ModelRef, resolve
from srgan_tf.runtimes.base import DEFAULTS, Options, Runtime
from srgan_tf.settings import lookup

# By the kind of model, and by --runtime where there is a choice: the module of this room and its function, which takes
# a ModelRef and Options.
OPENERS: dict[str, dict[str, tuple[str, str]]] = {
    "bicubic": {"": ("classical", "open_bicubic")},
    "foreign": {"tensorflow": ("keras", "open_keras"), "openvino": ("openvino", "open_keras")},
    "keras": {"tensorflow": ("keras", "open_keras"), "openvino": ("openvino", "open_keras")},
    "litert": {"": ("litert", "open_litert")},
    "onnx": {"": ("onnx", "open_onnx")},
    "openvino": {"": ("openvino", "open_file")},
    "remote": {"": ("remote", "open_remote")},
    "saved_model": {"tensorflow": ("saved_model", "open_saved_model"), "openvino": ("openvino", "open_saved_model")},
}
# As OPENERS, for a Generator in place of a ModelRef.
NETWORK_OPENERS = {"tensorflow": ("keras", "open_network"), "openvino": ("openvino", "open_network")}
# What installs the packages that a module of this room needs, beyond those that the package always has.
EXTRAS = {"onnx": "onnx", "openvino": "openvino", "remote": "serving"}


def open_runtime(model: Any, options: Options = DEFAULTS, **changes: Any) -> Runtime:
    """Opens a model of any kind.

    Args:
        model: a Runtime, a Generator (which runs on Keras' backend), or anything that `hub.resolve` finds.
        options: how it is to run.
        **changes: some of the Options by name, in place of those.

    Raises:
        ModelNotFoundError: there is no such file or name.
        MissingPackageError: what runs it is not installed.
        UserError: it is there, but is not a model that upscales images.
    """
    options = options._replace(**changes)
    if isinstance(model, Runtime):
        return model
    if isinstance(model, (ModelRef, str, os.PathLike)):
        model = resolve(model, to_run=True)
        table = OPENERS[model.kind]
    else:
        table = NETWORK_OPENERS
    module, function = table.get("") or lookup(table, options.runtime, "runtime")
    try:
        with light_install(str(model)):
            return getattr(importlib.import_module(f"srgan_tf.runtimes.{module}"), function)(model, options)
    except ModuleNotFoundError as error:
        if module not in EXTRAS:
            raise
        raise MissingPackageError(
            f"{error.name} is not installed: pip install 'srgan_tf[{EXTRAS[module]}]'") from error
