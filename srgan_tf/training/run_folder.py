"""The run folder: which flags made it, and whether a command continues it.

    RUN/config.flags     the flags, as a flagfile
    RUN/checkpoints/     everything needed to go on
    RUN/best.keras       generator of the best validation PSNR;  RUN/last.keras  the newest
    RUN/tensorboard/, RUN/metrics.jsonl, RUN/validation.png
"""

import dataclasses
from pathlib import Path

from srgan_tf.atomic import replacing
from srgan_tf.config import TrainConfig
from srgan_tf.errors import UserError

# What may change from one start of a run to the next: how long it goes on, and how it is watched.
FREE = {"steps", "run_dir", "checkpoint_every", "validate_every", "log_every", "keep_checkpoints", "jit_compile",
        "vgg_weights", "init_from", "strategy", "steps_per_call", "deterministic", "profile"}
FLAGS_FILE = "config.flags"


def open_run_folder(config: TrainConfig, flags_text: str, writes: bool = True) -> Path:
    """Makes the run folder, or finds the run of this configuration in it.

    Args:
        config: of the run.
        flags_text: the configuration as a flagfile, a `--name=value` line for each field.
        writes: whether this process may write; one of a job does, and the others may come while it does.

    Raises:
        ValueError: the folder holds something else, or a run whose flags contradict these; the message names them.
        OSError: it cannot be made or written to.
    """
    folder = Path(config.folder).expanduser()
    if (folder / FLAGS_FILE).is_file():
        # A run that has saved nothing yet has nothing that a changed flag could contradict.
        if any(folder.glob("checkpoints/*.index")):
            _check_same_run(folder, config, flags_text)
    elif writes and folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir()):
        raise UserError(f"--run_dir={folder} is not empty and holds no run: name a new or an empty folder")
    if not writes:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / FLAGS_FILE) as temporary:
        temporary.write_text(flags_text, encoding="utf-8")
    return folder


def _check_same_run(folder: Path, config: TrainConfig, flags_text: str) -> None:
    before, now = _parse((folder / FLAGS_FILE).read_text(encoding="utf-8")), _parse(flags_text)
    # The length of a run shapes its cosine from the first step on.
    free = FREE - {"steps"} if config.schedule == "cosine" else FREE
    for field in dataclasses.fields(config):
        old, new = before.get(field.name), now[field.name]
        if field.name not in free and old is not None and old != new:
            raise UserError(f"--{field.name}={new} contradicts the run in {folder}, which has --{field.name}={old}: "
                            "keep it, or name a new --run_dir")


def _parse(text: str) -> dict[str, str]:
    """The values in a flagfile's text, by flag."""
    pairs = (line.removeprefix("--").partition("=") for line in text.splitlines() if line.startswith("--"))
    return {name: value for name, _, value in pairs}
