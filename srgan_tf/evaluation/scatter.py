"""Scatter plots as SVG: fidelity against naturalness, or against the network's size."""

import math
from collections.abc import Sequence
from html import escape

from srgan_tf.evaluation.result_table import PUBLISHED_ENDING, Line

WIDTH, HEIGHT = 460, 320
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 14, 40
LETTER = 6.8  # mean width of a letter of 11 pixels, for keeping labels apart


def draw_scatter(lines: Sequence[Line]) -> str:
    """PSNR-Y against NIQE where any line has it, else against parameters; the area grows with the parameters.

    Args:
        lines: of one benchmark. Lines that lack either figure are left out.

    Returns:
        An <svg> element, or an empty string where fewer than two lines can be shown.
    """
    by_niqe = any("niqe" in line.figures for line in lines)
    points = []
    for line in lines:
        x = line.figures.get("niqe") if by_niqe else line.parameters and math.log10(line.parameters)
        y = line.figures.get("psnr_y", math.nan)
        if x is not None and math.isfinite(x) and math.isfinite(y):
            points.append((x, y, line))
    if len(points) < 2:
        return ""
    xs, ys = _Axis([x for x, _, _ in points], LEFT, WIDTH - RIGHT), _Axis(
        [y for _, y, _ in points], HEIGHT - BOTTOM, TOP)
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="PSNR on Y against '
             f'{"NIQE" if by_niqe else "parameters"}">', *_axes(xs, ys, by_niqe)]
    taken: list[tuple[float, float, float, float]] = []
    placed = [(xs.at(x), ys.at(y), _radius(line), line) for x, y, line in points]
    taken += [(x - r, y - r, x + r, y + r) for x, y, r, _ in placed]
    for x, y, radius, line in placed:
        kind = "published" if line.images is None else "measured"
        parameters = f", {line.parameters:,} parameters" if line.parameters else ""
        figures = f"{line.cell('psnr_y')} dB" + (f", NIQE {line.cell('niqe')}" if by_niqe else "")
        parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"><title>'
                     f"{escape(line.method)}: {figures}{parameters}</title></circle>")
        parts.append(_label(x, y, radius, line.method.removesuffix(PUBLISHED_ENDING), kind, taken))
    return "".join([*parts, "</svg>"])


class _Axis:
    """A linear axis with a margin and round ticks."""

    def __init__(self, values: Sequence[float], start: float, stop: float):
        margin = 0.1 * (max(values) - min(values)) or 0.5
        self.low, self.high, self.start, self.stop = min(values) - margin, max(values) + margin, start, stop

    def at(self, value: float) -> float:
        """Where a value lies, in pixels."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """Some four to eight round values."""
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
        return [number * step for number in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def _axes(xs: _Axis, ys: _Axis, by_niqe: bool) -> list[str]:
    bottom = HEIGHT - BOTTOM
    parts = []
    for value in ys.ticks():
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{ys.at(value):.1f}" '
                     f'y2="{ys.at(value):.1f}"/><text x="{LEFT - 6}" y="{ys.at(value) + 4:.1f}" '
                     f'text-anchor="end">{value:g}</text>')
    # Parameters are on a logarithmic axis, whose ticks are at 1, 2 and 5 of each power of ten.
    logs = [math.log10(factor * 10**power) for power in range(9) for factor in (1, 2, 5)]
    ticks = xs.ticks() if by_niqe else [tick for tick in logs if xs.low <= tick <= xs.high]
    ticks = [tick for tick in ticks if by_niqe or len(ticks) <= 6 or abs(tick - round(tick)) < 1e-9] or ticks
    for value in ticks:
        text = f"{value:g}" if by_niqe else _short(10**value)
        parts.append(f'<line class="grid" y1="{TOP}" y2="{bottom}" x1="{xs.at(value):.1f}" x2="{xs.at(value):.1f}"/>'
                     f'<text x="{xs.at(value):.1f}" y="{bottom + 15}" text-anchor="middle">{text}</text>')
    title = "NIQE (smaller is more natural)" if by_niqe else "parameters"
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{title}</text>')
    parts.append(f'<text x="{LEFT + 4}" y="{TOP + 8}">PSNR-Y, dB</text>')
    return parts


def _short(number: float) -> str:
    for unit, name in ((1e6, " M"), (1e3, " k")):
        if number >= 0.9995 * unit:
            return f"{number / unit:.3g}{name}"
    return f"{number:.3g}"


def _radius(line: Line) -> float:
    return 4.0 if not line.parameters else min(3 + 2.2 * max(0, math.log10(line.parameters) - 4), 12)


def _label(x: float, y: float, radius: float, text: str, kind: str, taken: list) -> str:
    """The label where it covers least of what is there: right, left, above or below its point, or further away."""
    width, gap = LETTER * len(text), radius + 3
    places = [(x + gap, y + 4), (x - gap - width, y + 4), (x - width / 2, y - gap - 1), (x - width / 2, y + gap + 9),
              (x + gap, y - 9), (x - gap - width, y - 9), (x + gap, y + 17), (x - gap - width, y + 17),
              (x - width / 2, y - gap - 14), (x - width / 2, y + gap + 22)]
    places = [(min(max(left, LEFT + 2), WIDTH - width - 2), base) for left, base in places]
    boxes = [(left, base - 10, left + width, base + 2) for left, base in places]
    cost = [sum(_shared(box, other) for other in taken) + (1e3 if base > HEIGHT - BOTTOM - 2 or base < TOP + 8 else 0)
            for box, (_, base) in zip(boxes, places, strict=True)]
    best = cost.index(min(cost))
    taken.append(boxes[best])
    left, base = places[best]
    return f'<text class="label {kind}" x="{left:.1f}" y="{base:.1f}">{escape(text)}</text>'


def _shared(a: tuple, b: tuple) -> float:
    """The area that two boxes share."""
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
