"""What `serve` is told."""

import dataclasses
import re
from pathlib import Path

from srgan_tf.config.choices import DEFAULT_MODEL, OFFLINE_HELP
from srgan_tf.errors import UserError
from srgan_tf.settings import Settings, setting
from srgan_tf.text import whole_number
from srgan_tf.tokens import check_token


@dataclasses.dataclass(frozen=True)
class ServeConfig(Settings):
    """A server of models. The flags that tensorflow_model_server has too have its names and meanings."""

    model_base_path: str = setting("", "Folder whose numbered folders are SavedModel versions, as export writes it.",
                                   group="Basics")
    model_config_file: str = setting(
        "", "Instead of --model_base_path: a file that names several models, their base paths and versions, as "
        "tensorflow_model_server reads it (a ModelServerConfig in text format).", group="Basics")
    model: tuple[str, ...] = setting(
        (), "Instead of either: .keras files, run folders or shipped names, separated by commas; they are first "
        f"exported to a temporary folder. Without any of the three flags: {DEFAULT_MODEL}.", paths=True, group="Basics")
    offline: bool = setting(False, OFFLINE_HELP, group="Basics")
    trust_model: bool = setting(
        False, "Serve SavedModels that hold operations which can touch files, hosts or Python: only for models whose "
        "author you trust.", group="Model")
    model_name: str = setting("", "Name of the model in requests, if there is only one; empty: the name of its folder.",
                              group="Basics")
    host: str = setting("127.0.0.1", "Address to listen on; 0.0.0.0: all addresses, so that other machines can use the "
                                     "server.",
                        group="Basics")
    port: int = setting(8500, "Port of gRPC; 0: no gRPC.", low=0, group="Basics")
    rest_api_port: int = setting(8501, "Port of REST and the page; 0: neither.", low=0, group="Basics")
    file_system_poll_wait_seconds: float = setting(1, "Seconds between looks for new versions.", above=0)
    version_labels: tuple[str, ...] = setting(
        (), "Labels of versions, as in stable:3,canary:4. They are served beside the newest, whose label is latest.",
        group="Model")
    max_request_megabytes: float = setting(32, "Largest request, in megabytes; larger ones are refused.",
                                           above=0, group="Limits")
    max_held_megabytes: float = setting(1024, "Memory of all requests and answers together, in megabytes.", above=0,
                                        group="Limits")
    max_megapixels: float = setting(
        4, "Images of one request, together, in megapixels before they are upscaled; larger requests are refused.",
        above=0, group="Limits")
    allow_untiled: bool = setting(
        False, "Also serve the signature untiled of an export, whose memory has no limit.", group="Model")
    max_connections: int = setting(
        256, "Open connections of REST, and of gRPC. If there are more, the oldest that waits for a request is closed; "
        "if none waits, only /healthz is answered.", low=1)
    max_connections_per_client: int = setting(
        64, "Open connections of one client's address. A proxy in front of the server is one client.", low=1)
    head_timeout: float = setting(10, "Seconds for the head of a request to arrive on an open connection.", above=0)
    token_file: str = setting(
        "", "A file of tokens, one per line; a request must have one of them: Authorization: Bearer TOKEN. Others than "
        "the owner and group of the file must not be able to read it.", group="Access")
    token: str = setting(
        "", "One token, instead of --token_file; prefer the file, because other users of this machine can read the "
        "command line.",
        group="Access")
    allowed_hosts: tuple[str, ...] = setting(
        (), "Names of this server in the Host header, beside addresses, names without dots and --host: "
        "*.example.org for all that end so, * for any.", group="Access")
    allowed_origins: tuple[str, ...] = setting(
        (), "Origins, as https://example.org, whose pages may use the server from a browser; * for any.",
        group="Access")
    max_running: int = setting(2, "Requests that compute at the same time.", low=1, group="Limits")
    max_waiting: int = setting(32, "Requests that may wait; further ones are refused immediately.", low=0,
                               group="Limits")
    request_timeout: float = setting(120, "Seconds for a request to arrive, and for its answer to be made.", above=0,
                                     group="Limits")
    stop_timeout: float = setting(20, "Seconds that running requests are given when the server is stopped.", above=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [f"--{name}" for name in ("model_base_path", "model_config_file", "model") if getattr(self, name)]
        if len(given) > 1:
            raise UserError(f"give {' or '.join(given)}, not {'both' if len(given) == 2 else 'all'}")
        for name in ("model_name", "version_labels"):
            if getattr(self, name) and (self.model_config_file or len(self.model) > 1):
                raise UserError(f"--{name} is for one model, and there may be several: a file for --model_config_file "
                                "names each and labels its versions")
        if self.token:
            check_token(self.token, "--token")
        if not self.port and not self.rest_api_port:
            raise UserError("--port and --rest_api_port are both 0: there is nothing to listen on")
        for name in ("port", "rest_api_port"):
            if getattr(self, name) > 65535:
                raise UserError(f"--{name} must be at most 65535; got {getattr(self, name)}")
        if self.name and not re.fullmatch(r"[\w.-]+", self.name):
            raise UserError(f"--model_name must be of letters, digits and _ . - alone; got {self.name!r}")
        if self.labels.get("latest") is not None:
            raise UserError("--version_labels: latest is the newest version's label and cannot be given to another")

    @property
    def name(self) -> str:
        """Of the one model in requests; empty where it is not known yet, or where there may be several."""
        return self.model_name or (Path(self.model_base_path).resolve().name if self.model_base_path else "")

    @property
    def labels(self) -> dict[str, int]:
        """Versions by label."""
        found = {}
        for item in self.version_labels:
            label, _, number = item.partition(":")
            found[label] = whole_number(number)
            if not re.fullmatch(r"[\w.-]+", label) or found[label] is None:
                raise UserError(f"--version_labels must be LABEL:NUMBER[,LABEL:NUMBER]; got {item!r}")
        return found
