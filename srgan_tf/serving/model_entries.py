"""Which models a server has: from its flags, or from a file in the format of TensorFlow Serving's --model_config_file.

TensorFlow is not imported.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from srgan_tf.config import ServeConfig
from srgan_tf.errors import MissingPackageError, UserError
from srgan_tf.serving.checks import check_base_path
from srgan_tf.text import expand

LARGEST_FILE = 1 << 20
MODEL_NAME = re.compile(r"[\w.-]+")


class Policy(NamedTuple):
    """Which versions of a model are kept loaded.

    Attributes:
        count: how many, the greatest numbers first; None: all that there are.
        numbers: the only ones; None: any.
    """

    count: int | None = 1
    numbers: frozenset[int] | None = None

    def candidates(self, found: Iterable[int]) -> list[int]:
        """Those of the versions found that may be loaded, in the order in which they are tried."""
        return sorted((number for number in found if self.numbers is None or number in self.numbers), reverse=True)


class ModelEntry(NamedTuple):
    """A model to be served.

    Attributes:
        name: in requests.
        base_path: holds the folders of its versions.
        labels: versions by label; they are kept loaded too.
        policy: which other versions are.
    """

    name: str
    base_path: Path
    labels: Mapping[str, int] = {}
    policy: Policy = Policy()


def entries_of(config: ServeConfig) -> list[ModelEntry]:
    """The models on disk that the flags name, whose base paths have been looked at; none where --model is meant.

    Raises:
        UserError: one of them cannot be served.
        OSError: the file of --model_config_file cannot be read.
    """
    if config.model_config_file:
        return read_entries(config.model_config_file)
    if not config.model_base_path:
        return []
    check_base_path(config.model_base_path, f"--model_base_path={config.model_base_path}")
    return [ModelEntry(config.name, expand(config.model_base_path), config.labels)]


def read_entries(file: str) -> list[ModelEntry]:
    """The models of a ModelServerConfig in protobuf's text format. Relative base paths begin at the file's folder."""
    try:
        from google.protobuf import text_format
        from tensorflow_serving.config import model_server_config_pb2
    except ModuleNotFoundError as error:
        raise MissingPackageError(f"{error.name} is not installed: pip install 'srgan_tf[serving]'") from error

    path, config = expand(file), model_server_config_pb2.ModelServerConfig()
    with path.open("rb") as opened:
        content = opened.read(LARGEST_FILE + 1)
    where = f"--model_config_file={file}"
    try:
        if len(content) > LARGEST_FILE:
            raise UserError(f"{where}: it is larger than {LARGEST_FILE} bytes")
        text_format.Parse(content.decode(), config)
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(f"{where} is not a ModelServerConfig in text format: {error}") from None
    if config.HasField("custom_model_config"):
        raise UserError(f"{where}: custom_model_config is not supported: use model_config_list")
    entries = [_entry(one, path.parent, where) for one in config.model_config_list.config]
    if not entries:
        raise UserError(f"{where} names no model; it needs model_config_list {{ config {{ name: ... base_path: ... }} "
                        "}")
    check_names([entry.name for entry in entries], where)
    return entries


def check_names(names: list[str], where: str) -> None:
    """Raises a UserError where two models have one name."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"{where}: two models are called {twice[0]}; requests could not tell them apart")


def _entry(message: Any, folder: Path, where: str) -> ModelEntry:
    name = message.name
    if not MODEL_NAME.fullmatch(name):
        raise UserError(f"{where}: name must be of letters, digits and _ . - alone; got {name!r}")
    if message.model_platform not in ("", "tensorflow"):
        raise UserError(f"{where}, model {name}: model_platform must be \"tensorflow\"; got {message.model_platform!r}")
    if not message.base_path:
        raise UserError(f"{where}, model {name}: base_path is missing")
    base_path = folder / expand(message.base_path)
    check_base_path(str(base_path), f"{where}, model {name}: base_path {message.base_path}")
    labels = dict(message.version_labels)
    if "latest" in labels:
        raise UserError(f"{where}, model {name}: latest is the newest version's label and cannot be given to another")
    return ModelEntry(name, base_path, labels, _policy(message, f"{where}, model {name}"))


def _policy(message: Any, where: str) -> Policy:
    """What tensorflow_model_server makes of a model_version_policy: the newest version where there is none."""
    policy = message.model_version_policy
    kind = policy.WhichOneof("policy_choice")
    if kind == "all":
        return Policy(None)
    if kind == "specific":
        if not policy.specific.versions:
            raise UserError(f"{where}: specific names no versions")
        return Policy(None, frozenset(policy.specific.versions))
    return Policy(policy.latest.num_versions or 1)
