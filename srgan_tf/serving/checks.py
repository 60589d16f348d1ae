"""What can be told to be wrong before TensorFlow is imported."""

import os
import socket

from srgan_tf.config import RUN_MODELS
from srgan_tf.errors import UserError
from srgan_tf.text import expand


def check_base_path(text: str, where: str) -> None:
    """Raises a ValueError, which begins with `where`, where a base path is not a folder of versions."""
    path = expand(text)
    export = "python -m srgan_tf.export --model={} --format=saved_model --output={}"
    of_model = export.format(text, f"exports/{path.stem}")
    if path.suffix == ".tflite":
        raise UserError(f"{where} is not a folder of SavedModel versions, and no .tflite file is served: export the "
                        "network that it was made from, by --format=saved_model")
    if path.is_file() or path.suffix == ".keras":
        raise UserError(f"{where} is not a folder of SavedModel versions; make one of {text} by: {of_model}")
    if not path.is_dir():
        raise UserError(f"{where}: no folder {text!r}")
    if (path / "saved_model.pb").is_file():
        raise UserError(f"{where} is one SavedModel; give the folder of its versions, {path.parent}")
    if not any(path.glob("[0-9]*/saved_model.pb")):
        is_run = any((path / name).is_file() for name in RUN_MODELS)
        raise UserError(f"{where} holds no version (NUMBER/saved_model.pb); write one by: "
                        f"{of_model if is_run else export.format('MODEL', text)}")


def check_port(flag: str, host: str, port: int) -> None:
    """Raises a ValueError where a port cannot be had; 0 stands for none."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        raise UserError(f"--{flag}={port} cannot be used on --host={host}: {reason}") from error
