"""The run folder: which flags made it, and whether a command continues it.

    RUN/config.flags     the flags, as a flagfile
    RUN/data.json        which images it trains and validates on (`run_data.py`)
    RUN/checkpoints/     everything needed to resume
    RUN/best.keras       generator of the best validation, by --best_by;  RUN/last.keras  the newest
    RUN/tensorboard/, RUN/metrics.jsonl, RUN/validation.png
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from srgan_tf.atomic import locked, replacing, sweep
from srgan_tf.config import TrainConfig
from srgan_tf.errors import UserError
from srgan_tf.text import expand

# What may change from one start of a run to the next: how long it continues, and how it is watched.
FREE = {"steps", "run_dir", "checkpoint_every", "validate_every", "log_every", "keep_checkpoints", "jit_compile",
        "vgg_weights", "lpips_weights", "dists_weights", "init_from", "init_discriminator", "strategy",
        "steps_per_call", "deterministic", "profile", "accept_changed_data"}
FLAGS_FILE, DATA_FILE = "config.flags", "data.json"


@contextlib.contextmanager
def open_run_folder(config: TrainConfig, flags_text: str, writes: bool = True) -> Iterator[Path]:
    """Makes the run folder, or finds the run of this configuration in it; until the block ends it is this process's.

    What killed processes left half written there goes.

    Args:
        config: of the run.
        flags_text: the configuration as a flagfile, a `--name=value` line for each field.
        writes: whether this process may write; one of a job does, and the others may come while it does.

    Yields:
        The folder.

    Raises:
        ValueError: the folder holds something else, another process writes there, or it holds a run whose flags
            contradict these or cannot be read; the message names them.
        OSError: it cannot be made or written to.
    """
    folder = expand(config.folder)
    if not writes:
        _check_same_run(folder, config, flags_text)
        yield folder
        return
    is_run = any((folder / name).is_file() for name in (FLAGS_FILE, DATA_FILE))
    if not is_run and folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir()):
        raise UserError(f"--run_dir={folder} is not empty and holds no run: name a new or an empty folder")
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder, "--run_dir"):
            _check_same_run(folder, config, flags_text)
            for place in (folder, folder / "checkpoints"):
                sweep(place)
            yield folder
    finally:
        with contextlib.suppress(OSError):
            if is_new:
                folder.rmdir()  # where nothing came of it


def keep_flags(folder: Path, flags_text: str) -> None:
    """Writes the flags of a run, after its data: flags that know of --accept_changed_data mean that data.json is there.

    Raises:
        OSError: they cannot be written.
    """
    # A change of the data is accepted once, not for ever.
    text = flags_text.replace("--accept_changed_data=true", "--accept_changed_data=false")
    with replacing(folder / FLAGS_FILE) as temporary:
        temporary.write_text(text, encoding="utf-8")


def has_begun(folder: Path) -> bool:
    """Whether a run has saved anything; before, there is nothing that changed flags or data could contradict."""
    return any(folder.glob("checkpoints/*.index"))


def read_flags(folder: Path) -> dict[str, str]:
    """The values in a run's config.flags, by flag; none where the file is not there.

    Raises:
        ValueError: it is not what a run wrote.
    """
    path, found = folder / FLAGS_FILE, {}
    if not path.is_file():
        return found
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        raise _damaged(path, "it is not UTF-8") from None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(("#", "//")):
            continue
        name, equals, value = line.removeprefix("--").partition("=")
        if not line.startswith("--") or not equals:
            raise _damaged(path, f"line {number} is {line[:40]!r} instead of --name=value")
        found[name] = value
    if missing := {"model", "scale", "dataset"} - found.keys():
        raise _damaged(path, f"it lacks --{min(missing)}")
    return found


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(f"{path} is damaged ({reason}), so that the flags of the run are not known: put it back, or name "
                     "a new --run_dir")


def _check_same_run(folder: Path, config: TrainConfig, flags_text: str) -> None:
    if not has_begun(folder):
        return
    before, now = read_flags(folder), _parse(flags_text)
    # The length of a run shapes its cosine from the first step on.
    free = FREE - {"steps"} if config.schedule == "cosine" else FREE
    for field in dataclasses.fields(config):
        # A run of an earlier version, which did not have the flag, did without what it asks for.
        old, new = before.get(field.name, "" if field.default == "" else None), now.get(field.name)
        if field.name not in free and old is not None and old != new:
            raise UserError(f"--{field.name}={new} contradicts the run in {folder}, which has --{field.name}={old}: "
                            "keep it, or name a new --run_dir")


def _parse(text: str) -> dict[str, str]:
    """The values in the text of a flagfile, by flag."""
    pairs = (line.removeprefix("--").partition("=") for line in text.splitlines() if line.startswith("--"))
    return {name: value for name, _, value in pairs}
