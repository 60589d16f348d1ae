"""Fields that say what they mean and what they may be, tables that name what they hold.

A value that breaks its rule raises a ValueError that names the field, the rule, the value and the choices.
"""

import dataclasses
import difflib
import inspect
import math
import typing
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from srgan_tf.errors import UserError

# The groups of --help, in their order.
ADVANCED = "Advanced"
GROUPS = ("Basics", "Output", "Data", "Model", "Losses", "Schedule", "Teacher", "Quality", "Video", "TFLite",
          "SavedModel", "Web", "Server", "Access", "Limits", "Hardware", "Logging", ADVANCED)
SHORT_NAMES = {"output": "o"}
_KINDS = {int: "whole number", int | None: "whole number", float: "number", str: "name"}


def lookup(table: Mapping[str, Any], name: str, what: str) -> Any:
    """Returns `table[name]`, or raises a ValueError with the nearest name and all of them.

    Args:
        table: what is known, by name.
        name: what was asked for.
        what: what the table holds, in the singular, for the message ("model", "discriminator").
    """
    if name in table:
        return table[name]
    raise UserError(f"unknown {what} {name!r}; known: {', '.join(sorted(table))}.{_hint(name, table)}")


def _hint(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def setting(default: Any, help: str, *, choices: tuple = (), low: float | None = None,
            above: float | None = None, paths: bool = False, group: str = ADVANCED, formerly: str = "") -> Any:
    """A dataclass field with its help text and its rule: one of `choices`, at least `low`, or greater than `above`.

    Items of `paths` may be files and folders with commas in their names. `group`, one of GROUPS, is where --help shows
    it. `formerly` is the flag's earlier name, which command lines and flagfiles may still use.
    """
    rules = {"help": help, "choices": choices, "low": low, "above": above, "paths": paths, "group": group,
             "formerly": formerly}
    return dataclasses.field(default=default, metadata=rules)


class Settings:
    """Base of the configurations: checks each field against its rule when an instance is made."""

    takes_recipes: typing.ClassVar[bool] = False  # whether the bundled flagfiles are of this command

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(field, getattr(self, field.name))

    def require(self, *names: str) -> None:
        """Raises a ValueError that names the first of these fields which is empty."""
        for name in names:
            if not getattr(self, name):
                raise UserError(f"--{name} is required (--help explains it)")


def _check(field: dataclasses.Field, value: Any) -> None:
    rules = field.metadata
    if rules["choices"] and value not in rules["choices"]:
        known = ", ".join(str(choice) for choice in rules["choices"] if choice != "")
        raise UserError(f"--{field.name} must be one of {known}; got {value!r}")
    if value is None or (rules["low"] is None and rules["above"] is None):
        return
    for number in value if isinstance(value, tuple) else (value,):
        if not math.isfinite(number):
            raise UserError(f"--{field.name} must be a finite number; got {number}")
        if rules["low"] is not None and number < rules["low"]:
            raise UserError(f"--{field.name} must be at least {rules['low']}; got {number}")
        if rules["above"] is not None and number <= rules["above"]:
            raise UserError(f"--{field.name} must be greater than {rules['above']}; got {number}")


def allowed(field: dataclasses.Field) -> str:
    """What a field can be, in words, as in "a whole number of at least 0"."""
    rules, several = field.metadata, typing.get_origin(field.type) is tuple
    if rules["choices"]:
        return f"one of {', '.join(str(choice) for choice in rules['choices'] if choice != '')}"
    kind = _KINDS.get(typing.get_args(field.type)[0] if several else field.type)
    if kind is None:
        return "true or false"
    what = f"{kind}s separated by commas, each" if several else f"a {kind}"
    limits = [f"{words} {rules[rule]}" for rule, words in (("low", "of at least"), ("above", "greater than"))
              if rules[rule] is not None]
    return f"{what} {' '.join(limits)}".rstrip().removesuffix(", each")


def check_pattern(pattern: str, flag: str) -> None:
    """Raises a ValueError where a pattern does not name the ground truth, or names a folder."""
    if "{name}" not in pattern or "/" in pattern:
        raise UserError(f"{flag} must hold {{name}}, which stands for the name of the ground truth without its "
                        f"ending, and no /, as in {{name}}_x4*; got {pattern!r}")


def parse_arguments(text: str) -> dict[str, Any]:
    """Reads `features:32,blocks:8,scalar:true` into `{"features": 32, "blocks": 8, "scalar": True}`.

    Numbers and booleans are recognised; anything else stays a string.
    """
    arguments = {}
    for item in filter(None, text.split(",")):
        name, separator, value = item.partition(":")
        if not separator or not name.strip().isidentifier():
            raise UserError(f"expected NAME:VALUE[,NAME:VALUE]; got {item!r} in {text!r}")
        arguments[name.strip()] = _literal(value.strip())
    return arguments


def check_arguments(made: type, names: Iterable[str], given: Collection[str] = ()) -> None:
    """Raises a ValueError that names the first argument which a class does not take, with the nearest and all of them.

    Args:
        made: the class that is to be called.
        names: of the arguments that the user gave.
        given: names of arguments that the user cannot give, because the command does.
    """
    parameters = inspect.signature(made).parameters.values()
    known = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD and each.name not in given]
    for name in names:
        if name not in known:
            wrong = f"'s {name} comes from another flag" if name in given else f" has no argument {name!r}"
            raise UserError(f"{made.__name__}{wrong}; known: {', '.join(known)}.{_hint(name, known)}")


def _literal(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            pass
    return text
