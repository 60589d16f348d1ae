"""The models that ship: NAME.keras, with a card NAME.md for people, and NAME.tflite, made of one by export.

Beside each lies NAME.json: what tools/make_pretrained.py measured, or the card of the export.
"""

import json
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "pretrained"
ENDINGS = (".keras", ".tflite")
LICENCE = "Apache-2.0"


@cache
def shipped_files() -> dict[str, Path]:
    """The files that ship, by name: networks, then exports for LiteRT."""
    return {file.stem: file for ending in ENDINGS for file in sorted(FOLDER.glob(f"*{ending}"))}


@cache
def network_names() -> list[str]:
    """The networks: those with a card for people. Their .keras files are not in the light install."""
    return sorted(card.stem for card in FOLDER.glob("*.md"))


def shipped_facts(name: str) -> dict:
    """What the JSON file beside a model that ships says; of a network also where its .keras file is left out."""
    return json.loads((FOLDER / f"{name}.json").read_text())
