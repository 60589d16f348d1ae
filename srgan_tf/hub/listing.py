"""Every model that has a name, in two tables for `upscale --list`."""

import decimal
from collections.abc import Sequence
from pathlib import Path

from srgan_tf.errors import TO_FULL_INSTALL
from srgan_tf.hub.light import has_keras, running_models
from srgan_tf.hub.published import PUBLISHED, licence_terms, whereabouts
from srgan_tf.hub.shipped import LICENCE, network_names, shipped_facts

_LICENCES = ("The licence is that of the weights. Those that ship were trained on photographs that are for research "
             "use (BSDS500, Sun-Hays).")


def model_list() -> str:
    """The models that ship and those that are published, a line for each; those that can run here."""
    published = ["Published by others; one that is not on this machine is downloaded when it is first used:", "",
                 *_columns(_published())] if has_keras() else [without_keras()]
    return "\n".join(["Shipped with this package:", "", *_columns(_shipped()), "", *published, "", _LICENCES])


def without_keras() -> str:
    """A line about the models that cannot run where Keras is missing."""
    return (f"{', '.join(network_names())} and {len(PUBLISHED)} published models need TensorFlow, which is not "
            f"installed; {TO_FULL_INSTALL}")


def present_models() -> list[str]:
    """The names of the models that run without a download: those that ship, and published ones on this machine."""
    published = [name for name, model in PUBLISHED.items() if whereabouts(model) != "no"] if has_keras() else []
    return [*running_models(), *published]


def absent_models() -> list[str]:
    """The names of the published models that would have to be downloaded."""
    return [name for name, model in PUBLISHED.items() if whereabouts(model) == "no"]


def _shipped() -> list[list[str]]:
    """Name, scale, parameters, PSNR-Y in dB on each benchmark, licence, and what it is for."""
    facts = {name: shipped_facts(name) for name in running_models()}
    networks = {name: fact for name, fact in facts.items() if name in network_names()}
    benchmarks = list(next(iter(networks.values()))["psnr_y"]) if networks else []
    rows = [["model", "scale", "parameters", *(f"{name}, dB" for name in benchmarks), "licence", "for"]]
    for name, fact in facts.items():
        if name in networks:
            figures = [_decibels(fact["psnr_y"][benchmark]) if benchmark in fact["psnr_y"] else ""
                       for benchmark in benchmarks]
            rows.append([name, f"x{fact['scale']}", f"{fact['parameters']:,}", *figures, LICENCE, fact["purpose"]])
            continue
        source, loss = fact["source"], fact["measured"]["loss_db"]
        made = f"{Path(source['file']).stem} in {fact['quantization']} for LiteRT, {loss:.2f} dB less on photographs"
        rows.append([name, f"x{fact['scale']}", f"{source['parameters']:,}", *("" for _ in benchmarks), LICENCE, made])
    return rows


def _decibels(stored: float) -> str:
    """Two places, rounded half up in decimal, as in the models' cards: 27.985 is no binary number."""
    return str(decimal.Decimal(str(stored)).quantize(decimal.Decimal("0.01"), decimal.ROUND_HALF_UP))


def _published() -> list[list[str]]:
    """Name, scale, architecture, size of the file, licence, and where it is."""
    rows = [["model", "scale", "architecture", "size", "licence", "on this machine"]]
    for name, model in PUBLISHED.items():
        size = f"{model.size / 1e6:.1f} MB" if model.size else "not stated"
        rows.append([name, f"x{model.scale}", model.architecture, size, licence_terms(model.licence),
                     whereabouts(model)])
    return rows


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
