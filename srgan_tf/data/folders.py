"""The folders that `--dataset=folder:HR` and `folder:HR,LR` name, either of which may have commas in its name."""

from pathlib import Path

from srgan_tf.errors import UserError
from srgan_tf.text import expand


def existing_folder(what: str, text: str) -> Path:
    """The folder of this path; where there is none, raises a ValueError that begins with `what`, as in --flag=PATH."""
    path = expand(text)
    if not path.is_dir():
        raise UserError(f"{what}: " + ("this is a file, not a folder" if path.exists() else "no such folder"))
    return path


def split_folders(where: str) -> tuple[Path, Path | None]:
    """HR, and LR where it is given.

    A folder that is there under the whole name comes first, then the division at a comma that gives two folders that
    are there.

    Raises:
        ValueError: nothing is named, or what is named is not there; it says what was looked for.
    """
    if not where.strip():
        raise UserError("--dataset=folder:HR or folder:HR,LR needs the path of a folder")
    whole = expand(where)
    if whole.is_dir():
        return whole, None
    if "," not in where:
        existing_folder(f"folder:{where}", where)  # which it is not: this says why
    parts = where.split(",")
    divisions = [[_folder(",".join(half)) for half in (parts[:place], parts[place:])] for place in range(1, len(parts))]
    found = [division for division in divisions if all(division)]
    if len(found) == 1:
        return found[0][0], found[0][1]
    if found:
        named = "; ".join(f"{hr} and {lr}" for hr, lr in found)
        raise UserError(f"folder:{where} can be divided in {len(found)} ways: {named}; rename a folder")
    hr, _, lr = where.partition(",")
    missing = lr.strip() if _folder(hr) else hr
    raise UserError(f"folder:{where}: no folder {missing!r}, and none of the whole name {where!r}; the comma stands "
                    "between HR and LR, or is part of the name of an existing folder")


def _folder(text: str) -> Path | None:
    """A folder that is there, as written or without spaces around it."""
    paths = [expand(name) for name in dict.fromkeys((text, text.strip())) if name]
    return next((path for path in paths if path.is_dir()), None)
