"""The models that ship: NAME.keras, with a card NAME.md for people, and NAME.tflite, made of one by export.

Beside each lies NAME.json: what tools/make_pretrained.py measured, or the card of the export.
"""

import json
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "pretrained"
ENDINGS = (".keras", ".tflite")


@cache
def shipped_files() -> dict[str, Path]:
    """The files that ship, by name: networks, then exports for LiteRT."""
    return {file.stem: file for ending in ENDINGS for file in sorted(FOLDER.glob(f"*{ending}"))}


def shipped_facts(name: str) -> dict:
    """What the JSON file beside a model that ships says."""
    return json.loads(shipped_files()[name].with_suffix(".json").read_text())


def shipped_table() -> str:
    """A line for each: name, scale, parameters, PSNR-Y in dB on each benchmark, and what it is for."""
    facts = {name: shipped_facts(name) for name in shipped_files()}
    networks = {name: fact for name, fact in facts.items() if "psnr_y" in fact}
    benchmarks = list(next(iter(networks.values()))["psnr_y"])
    rows = [["model", "scale", "parameters", *(f"{name}, dB" for name in benchmarks), "for"]]
    for name, fact in facts.items():
        if name in networks:
            figures = [f"{fact['psnr_y'][benchmark]:.2f}" for benchmark in benchmarks]
            rows.append([name, f"x{fact['scale']}", f"{fact['parameters']:,}", *figures, fact["purpose"]])
            continue
        source, loss = fact["source"], fact["measured"]["loss_db"]
        made = f"{Path(source['file']).stem} in {fact['quantization']} for LiteRT, {loss:.2f} dB less on photographs"
        rows.append([name, f"x{fact['scale']}", f"{source['parameters']:,}", *("" for _ in benchmarks), made])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                     for row in rows)
