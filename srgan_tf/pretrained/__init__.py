"""The models that ship with the package: NAME.keras, its card NAME.md for people, and its facts NAME.json."""

import json
from pathlib import Path

FOLDER = Path(__file__).parent


def shipped_models() -> dict[str, Path]:
    """The files of the models that ship, by name."""
    return {file.stem: file for file in sorted(FOLDER.glob("*.keras"))}


def shipped_table() -> str:
    """A line for each: name, scale, parameters, PSNR-Y in dB on each benchmark, and what it is for."""
    facts = {name: json.loads(file.with_suffix(".json").read_text()) for name, file in shipped_models().items()}
    benchmarks = list(next(iter(facts.values()))["psnr_y"]) if facts else []
    rows = [["model", "scale", "parameters", *(f"{name}, dB" for name in benchmarks), "for"]]
    for name, fact in facts.items():
        figures = [f"{fact['psnr_y'][benchmark]:.2f}" for benchmark in benchmarks]
        rows.append([name, f"x{fact['scale']}", f"{fact['parameters']:,}", *figures, fact["purpose"]])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                     for row in rows)
