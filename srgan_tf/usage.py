"""The text of --help: what a command is for, then its flags in groups, each with its choices and its default."""

import dataclasses
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from srgan_tf.settings import GROUPS, SHORT_NAMES


def usage(config_class: type, document: str, name: str, arguments: str, recipes: Sequence[str]) -> str:
    """The text of --help.

    Args:
        config_class: a dataclass of config/: a flag for each field.
        document: the command's docstring; its examples are rewritten to the form that the user uses.
        name: how the user called the command.
        arguments: how the positional arguments are called; empty: there are none.
        recipes: names of the bundled flagfiles, of the command that they are for.
    """
    document = re.sub(r"python -m srgan_tf\.\w+", name, document.strip())
    lines = [document, "", f"usage: {name} [flags] {arguments}".rstrip()]
    for group, fields in _grouped(dataclasses.fields(config_class)):
        lines += ["", f"{group}:"]
        for field in fields:
            lines += [f"  {_spelled(field)}", *_wrap(f"{field.metadata['help']}{_facts(field)}")]
    lines += ["", "Flags of every command:", "  --flagfile",
              *_wrap("A file with a flag on each line; flags that follow it override its own."
                     + (f" Also a bundled recipe: {', '.join(recipes)}." if recipes else "")),
              "  --help, -h", *_wrap("Show this text."), "  --version", *_wrap("Show the version.")]
    return "\n".join(lines)


def _grouped(fields: Sequence[dataclasses.Field]) -> Iterator[tuple[str, list[dataclasses.Field]]]:
    """The fields by group, in the order of GROUPS."""
    for group in GROUPS:
        members = [field for field in fields if field.metadata["group"] == group]
        if members:
            yield group, members


def _spelled(field: dataclasses.Field) -> str:
    short = f", -{SHORT_NAMES[field.name]}" if field.name in SHORT_NAMES else ""
    return f"--[no]{field.name}" if field.type in (bool, bool | None) else f"--{field.name}{short}"


def _facts(field: dataclasses.Field) -> str:
    """Choices and default; an empty default is left to the text, which says what it means."""
    choices = [str(choice) for choice in field.metadata["choices"] if choice != ""]
    facts = [f"choices: {', '.join(choices)}"] if choices else []
    if field.default not in ("", (), None):
        facts.append(f"default: {_show(field.default)}")
    return f" ({'; '.join(facts)})" if facts else ""


def _show(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, 110, initial_indent="      ", subsequent_indent="      ", break_on_hyphens=False)
