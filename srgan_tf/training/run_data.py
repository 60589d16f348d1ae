"""Which images a run trains and validates on: kept in RUN/data.json, and compared when the run is resumed.

An image that a run has held out is never trained on by it, whatever comes to its folder or goes.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from srgan_tf.config import TrainConfig
from srgan_tf.data import Source, open_sources
from srgan_tf.data.fingerprint import Fingerprint, fingerprint, fingerprint_of_folder
from srgan_tf.data.folder_source import Held, earlier_split
from srgan_tf.data.folders import split_folders
from srgan_tf.data.records import read_json, write_json
from srgan_tf.errors import UserError
from srgan_tf.text import printable
from srgan_tf.training.run_folder import DATA_FILE, has_begun, read_flags

FORMAT = "srgan_tf data 1"
_PARTS = ("train", "validation", "pools")


class RunData(NamedTuple):
    """What a run reads.

    Attributes:
        train, validation, pools: fingerprints of the images, and of the files of --kernel_pool and --noise_pool.
        apart: names of the images that the run has held out, those that are gone included.
    """

    train: Fingerprint
    validation: Fingerprint
    pools: Fingerprint
    apart: list[str]


class Opened(NamedTuple):
    """The sources of a run, and whether it validates on other images than before."""

    train: Source
    validation: Source
    validation_changed: bool


def open_run_data(config: TrainConfig, folder: Path, writes: bool = True) -> Opened:
    """Opens what the run in a folder trains and validates on, and keeps a fingerprint of it there.

    Args:
        config: of the run.
        folder: its folder. Its flags are still those of its last start.
        writes: whether this process may write.

    Raises:
        ValueError: the data of a resumed run have changed without --accept_changed_data, or cannot be opened.
    """
    shared = config.val_dataset in ("", config.dataset)
    before, is_earlier = _before(folder)
    held = Held(before.train, before.validation, before.apart) if before and shared else None
    if is_earlier:
        held = _held_earlier(config, folder)
    train, validation = open_sources(config.dataset, config.val_dataset, config.scale, held)
    pools = fingerprint_of_folder(config.kernel_pool) | fingerprint_of_folder(config.noise_pool)
    parts = fingerprint(train), fingerprint(validation), pools
    now = RunData(*parts, sorted({*(held.apart if held else ()), *(parts[1] if shared else ())}))
    if is_earlier:
        before = _without_inner_folders(now, config)
    if before and (changes := _changes(before, now)):
        if not config.accept_changed_data:
            raise UserError(f"the data of the run in {folder} have changed: {changes}. Put them back, name a new "
                            "--run_dir (with --init_from to continue from this run), or give --accept_changed_data")
        print(printable(f"the data of the run have changed, which --accept_changed_data accepts: {changes}"))
    if writes:
        write_json(folder / DATA_FILE, {"format": FORMAT, **now._asdict()})
    return Opened(train, validation, bool(before) and before.validation != now.validation)


def _before(folder: Path) -> tuple[RunData | None, bool]:
    """What the run read until now, None if it has not begun; whether an earlier version began it and kept no list."""
    if not has_begun(folder):
        return None, False
    # The chief writes data.json first: seen after flags that know of it, it must be there.
    is_earlier, path = "accept_changed_data" not in read_flags(folder), folder / DATA_FILE
    if path.is_file():
        return _from_json(path), False
    if is_earlier:
        return None, True
    raise UserError(f"{path} is missing, so that the images of the run are not known: put it back, or name a new "
                    "--run_dir")


def _from_json(path: Path) -> RunData:
    found = read_json(path)
    good = isinstance(found, dict) and found.pop("format", None) == FORMAT and found.keys() == set(RunData._fields)
    if good:
        good = all(isinstance(part, dict) and all(isinstance(value, str) for value in part.values())
                   for part in (found[name] for name in _PARTS))
        good = good and isinstance(found["apart"], list) and all(isinstance(name, str) for name in found["apart"])
    if not good:
        raise UserError(f"{path} is damaged (not of the format {FORMAT!r}), so that the images of the run are not "
                        "known: put it back, or name a new --run_dir")
    return RunData(**found)


def _held_earlier(config: TrainConfig, folder: Path) -> Held | None:
    """What a run of an earlier version holds out: of a folder the last images by name. Says so."""
    kind, _, where = config.dataset.partition(":")
    what = f"the run in {printable(folder)} is of an earlier version, which kept no fingerprint of its data"
    if kind != "folder" or config.val_dataset not in ("", config.dataset):
        print(f"{what}: it is kept from now on")
        return None
    training, validation = earlier_split(where)
    print(f"{what}: its held-out images are the last {len(validation)} by name, from {printable(validation[0])} on, "
          "unless the folder has changed since; the fingerprint is kept from now on")
    return Held(training, validation, validation)


def _without_inner_folders(data: RunData, config: TrainConfig) -> RunData:
    """Earlier versions did not look into the folders of a folder: such images have been added."""

    def at_top(dataset: str, part: Fingerprint) -> Fingerprint:
        kind, _, where = dataset.partition(":")
        top = split_folders(where)[0] if kind == "folder" else None
        return {name: value for name, value in part.items() if top is None or Path(name).parent == top}

    return data._replace(train=at_top(config.dataset, data.train),
                         validation=at_top(config.val_dataset or config.dataset, data.validation))


def _changes(before: RunData, now: RunData) -> str:
    """What has changed, in words; empty: nothing."""
    old, new = ({name: value for part in _PARTS for name, value in getattr(data, part).items()}
                for data in (before, now))
    changes = [("added", new.keys() - old.keys()), ("removed", old.keys() - new.keys()),
               ("with other content", {name for name in old.keys() & new.keys() if old[name] != new[name]})]
    return "; ".join(f"{len(names)} {what} ({_some(names)})" for what, names in changes if names)


def _some(names: Iterable[str]) -> str:
    first, *rest = sorted(names)
    return f"{first}, ..." if rest else first
