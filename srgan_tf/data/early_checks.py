"""What `train` and `prepare` refuse before a framework is imported for it: folders, images and models not there."""

from importlib import resources
from pathlib import Path

from srgan_tf.atomic import check_writable
from srgan_tf.config import RUN_MODELS, PrepareConfig, TrainConfig
from srgan_tf.data.catalog import open_source
from srgan_tf.data.folders import existing_folder
from srgan_tf.data.pairs import require_still
from srgan_tf.errors import ModelNotFoundError, UserError
from srgan_tf.hub import ModelRef, resolve
from srgan_tf.imaging.written_formats import format_of
from srgan_tf.text import expand

SHEET = "degradations.png"  # of prepare --preview
NEED_FRAMEWORK = "div2k"  # datasets that cannot be looked at without it


def check_training(config: TrainConfig) -> None:
    """Checks the run folder, the images and the models of a run.

    Raises:
        UserError, OSError: one cannot be had.
    """
    if config.strategy != "multi_worker":  # where one process of several writes
        check_writable(expand(config.folder))
    _check_sources(config.dataset, config.val_dataset, config.scale)
    _check_pools(config)
    for flag, model in (("teacher", config.teacher), *(("init_from", model) for model in config.init_from)):
        if model:
            find_model(flag, model)
    if config.init_discriminator and not expand(config.init_discriminator).is_dir():
        raise UserError(f"--init_discriminator={config.init_discriminator}: no such run folder")


def check_preparation(config: PrepareConfig) -> None:
    """Checks the teacher, and the images and the file of --preview; `prepare` looks at the rest itself, and as early.

    Raises:
        UserError, OSError: one cannot be had.
    """
    if config.teacher:
        find_model("teacher", config.teacher)
    _check_pools(config)
    if config.preview:
        path = expand(config.output or SHEET)
        format_of(path)
        check_writable(path.parent)
        if not config.dataset.startswith(NEED_FRAMEWORK):
            require_still(open_source(config.dataset or "samples", config.scale))


def find_model(flag: str, text: str) -> ModelRef:
    """As hub.resolve; the error begins with the flag, and says of a run's path that the run is trained first."""
    try:
        return resolve(text)
    except ModelNotFoundError as error:
        path = expand(text)
        folder = path.parent if path.name in RUN_MODELS else path
        if path.exists() or folder.suffix or Path(text).parent == Path():
            raise ModelNotFoundError(f"--{flag}={text}: {error}") from None
        recipe = resources.files("srgan_tf") / "flagfiles" / f"{folder.name}.flags"
        how = f", by train --flagfile={recipe.name}" if recipe.is_file() else ""
        raise ModelNotFoundError(f"--{flag}={text}: no such file or folder; a run must be trained first{how}") from None


def _check_pools(config: TrainConfig | PrepareConfig) -> None:
    for flag in ("kernel_pool", "noise_pool"):
        if folder := getattr(config, flag):
            existing_folder(f"--{flag}={folder}", folder)


def _check_sources(dataset: str, val_dataset: str, scale: int) -> None:
    for spec in filter(None, (dataset, val_dataset)):
        if not spec.startswith(NEED_FRAMEWORK):
            open_source(spec, scale)
