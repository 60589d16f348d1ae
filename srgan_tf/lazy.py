"""Modules, and names of packages (PEP 562), that load when first used: a start waits for what it needs alone."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def names(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Makes the `__getattr__` and `__dir__` of a package.

    Args:
        package: its `__name__`.
        homes: for each public name the module of the package that defines it; a module's own name is its own home.
    """

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f"{package}.{homes[name]}")
        return module if name == homes[name] else getattr(module, name)

    return load, lambda: sorted(homes)


class _Module:
    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


def module(name: str) -> Any:
    """Stands for a module, which loads when something of it is first used."""
    return _Module(name)
