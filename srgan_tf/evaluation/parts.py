"""The parts that pages are made of: HTML, styles and scripts, each a file beside this one."""

from pathlib import Path


def part(name: str) -> str:
    """The text of a part, as in `part("slider.js")`."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8").strip()
