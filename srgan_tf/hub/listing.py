"""Every model that has a name, in two tables for `upscale --list`."""

from collections.abc import Sequence
from pathlib import Path

from srgan_tf.hub.published import PUBLISHED, licence_terms, whereabouts
from srgan_tf.hub.shipped import LICENCE, shipped_facts, shipped_files

_LICENCES = ("The licence is that of the weights. Those that ship were trained on photographs that are for research "
             "use (BSDS500, Sun-Hays).")


def model_list() -> str:
    """The models that ship and those that are published, a line for each."""
    return "\n".join(["Shipped with this package:", "", *_columns(_shipped()), "",
                      "Published by others; one that is not on this machine is downloaded when it is first used:", "",
                      *_columns(_published()), "", _LICENCES])


def present_models() -> list[str]:
    """The names of the models that ship, and of the published ones that are on this machine."""
    return [*shipped_files(), *(name for name, model in PUBLISHED.items() if whereabouts(model) != "no")]


def absent_models() -> list[str]:
    """The names of the published models that would have to be downloaded."""
    return [name for name, model in PUBLISHED.items() if whereabouts(model) == "no"]


def _shipped() -> list[list[str]]:
    """Name, scale, parameters, PSNR-Y in dB on each benchmark, licence, and what it is for."""
    facts = {name: shipped_facts(name) for name in shipped_files()}
    networks = {name: fact for name, fact in facts.items() if "psnr_y" in fact}
    benchmarks = list(next(iter(networks.values()))["psnr_y"])
    rows = [["model", "scale", "parameters", *(f"{name}, dB" for name in benchmarks), "licence", "for"]]
    for name, fact in facts.items():
        if name in networks:
            figures = [f"{fact['psnr_y'][benchmark]:.2f}" if benchmark in fact["psnr_y"] else ""
                       for benchmark in benchmarks]
            rows.append([name, f"x{fact['scale']}", f"{fact['parameters']:,}", *figures, LICENCE, fact["purpose"]])
            continue
        source, loss = fact["source"], fact["measured"]["loss_db"]
        made = f"{Path(source['file']).stem} in {fact['quantization']} for LiteRT, {loss:.2f} dB less on photographs"
        rows.append([name, f"x{fact['scale']}", f"{source['parameters']:,}", *("" for _ in benchmarks), LICENCE, made])
    return rows


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
