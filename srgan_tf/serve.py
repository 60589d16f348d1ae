"""Serves SavedModels over REST and gRPC as tensorflow_model_server does, and a page at / to try them.

Examples:
    python -m srgan_tf.serve                                        # then open http://127.0.0.1:8501/
    python -m srgan_tf.serve --model=runs/quickstart,edsr_x4        # two models
    python -m srgan_tf.serve --model_base_path=exports/edsr_x4      # loads new versions while it runs
    python -m srgan_tf.serve --model_config_file=models.config --host=0.0.0.0 --token_file=tokens
"""

import contextlib
import functools
import logging
import os
import signal
import sys
import tempfile
import typing
from pathlib import Path

from srgan_tf import flags
from srgan_tf.config import DEFAULT_MODEL, ExportConfig, ServeConfig
from srgan_tf.errors import MissingPackageError
from srgan_tf.serving.checks import check_port
from srgan_tf.serving.model_entries import ModelEntry, check_names, entries_of
from srgan_tf.text import printable
from srgan_tf.tokens import tokens_of

if typing.TYPE_CHECKING:
    from srgan_tf.hub import ModelRef

TERMINATED = 128 + signal.SIGTERM


def main(config: ServeConfig) -> None:
    """Checks what can be checked before TensorFlow is imported, then serves until it is told to stop."""
    tokens, entries = tokens_of(config.token, config.token_file), entries_of(config)
    check_port("port", config.host, config.port)
    check_port("rest_api_port", config.host, config.rest_api_port)
    found = [] if entries else [flags.resolve_model(name, config.offline) for name in config.model or (DEFAULT_MODEL,)]
    check_names([model.name for model in found], "--model")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its errors are said in words
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401

        with flags.quiet_imports():
            from srgan_tf.serving.server import serve
    except ModuleNotFoundError as error:
        raise MissingPackageError(f"{error.name} is not installed: pip install 'srgan_tf[serving]'") from error
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it would deprecate its v1 loader
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # until the server handles it: files are tidied up
    with contextlib.ExitStack() as stack:
        if found:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="srgan_tf_"))
            entries = [_export(model, folder, config) for model in found]
        ended = serve(config, entries, tokens, lambda line: print(printable(line), flush=True))
    if not ended:
        sys.stdout.flush()
        os._exit(1)


def _export(found: "ModelRef", folder: str, config: ServeConfig) -> ModelEntry:
    """Exports a model into a folder of its name in `folder`, whose versions are to be served."""
    from srgan_tf.exporting import export_saved_model
    from srgan_tf.hub import load_generator

    base = Path(folder, found.name)
    base.mkdir()
    print(f"exporting {printable(found)} ...", flush=True)
    with flags.quiet_imports():
        export_saved_model(load_generator(found), base, base.name, ExportConfig(model=str(found), output=str(base)))
    return ModelEntry(config.model_name or found.name, base, config.labels)


run = functools.partial(flags.run, main, ServeConfig)

if __name__ == "__main__":
    run()
