"""The models that ship: NAME.keras, with a card NAME.md for people, and NAME.tflite, made of one by export.

Beside each lies NAME.json: what tools/make_pretrained.py measured, or the card of the export.
"""

import json
from pathlib import Path

FOLDER = Path(__file__).parent


def shipped_models(suffix: str = ".keras") -> dict[str, Path]:
    """The files of one kind that ship, by name."""
    return {file.stem: file for file in sorted(FOLDER.glob(f"*{suffix}"))}


def file_of(model: str) -> str:
    """The path of the .tflite file that ships by this name; a model of any other kind as it is."""
    return str(shipped_models(".tflite").get(model, model))


def shipped_table() -> str:
    """A line for each: name, scale, parameters, PSNR-Y in dB on each benchmark, and what it is for."""
    facts = {name: json.loads(file.with_suffix(".json").read_text()) for name, file in shipped_models().items()}
    benchmarks = list(next(iter(facts.values()))["psnr_y"])
    rows = [["model", "scale", "parameters", *(f"{name}, dB" for name in benchmarks), "for"]]
    for name, fact in facts.items():
        figures = [f"{fact['psnr_y'][benchmark]:.2f}" for benchmark in benchmarks]
        rows.append([name, f"x{fact['scale']}", f"{fact['parameters']:,}", *figures, fact["purpose"]])
    for name, file in shipped_models(".tflite").items():
        card = json.loads(file.with_suffix(".json").read_text())
        source, loss = card["source"], card["measured"]["loss_db"]
        made = f"{Path(source['file']).stem} in {card['quantization']} for LiteRT, {loss:.2f} dB less on photographs"
        rows.append([name, f"x{card['scale']}", f"{source['parameters']:,}", *("" for _ in benchmarks), made])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                     for row in rows)
