"""A small writer of charts as SVG text: points and lines in panels, and nothing else.

The ground is transparent and the colours are middle tones, so that a picture can be read on white
and on black paper alike. The same values give the same text, so pictures can be kept with code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np

from northstar.linear.tables import Floats

Stroke = Literal["solid", "dashed", "level"]

_WIDTH, _HEIGHT = 420, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 36, 50
_INK, _GRID = "#7d8590", "#7d859055"
_COLOURS = ("#3f83d8", "#d9822b", "#3a9e6f", "#a970d6", "#c75a72")
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


@dataclass(frozen=True)
class Points:
    """A cloud of points; ``names`` are written beside those whose text is not empty."""

    x: Floats
    y: Floats
    colour: int = 0
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Line:
    """A line through points in order; NaN interrupts it, and ``name`` goes into the legend.

    A level is a thin grey line to read the others against.
    """

    x: Floats
    y: Floats
    name: str = ""
    stroke: Stroke = "solid"
    colour: int = 1


@dataclass(frozen=True)
class Panel:
    """One chart. Axes span the points and lines, levels apart; ``x_label`` names the unit.

    Attributes:
        log_y: powers of ten; what is not positive is not drawn.
    """

    title: str
    x_label: str
    y_label: str
    marks: Sequence[Points | Line]
    log_y: bool = False


def render(panels: Sequence[Panel], columns: int = 2) -> str:
    """Charts side by side, as the text of an SVG file."""
    columns = min(columns, len(panels))
    width, height = columns * _WIDTH, -(-len(panels) // columns) * _HEIGHT
    style = f'font-family="{_FONT}" font-size="12" fill="{_INK}"'
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" {style}>',
        f"<title>{escape('; '.join(panel.title for panel in panels))}</title>",
    ]
    for i, panel in enumerate(panels):
        x, y = i % columns * _WIDTH, i // columns * _HEIGHT
        parts += [f'<g transform="translate({x} {y})">', *_panel(panel), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


@dataclass(frozen=True)
class _Scale:
    """From values to places along an axis."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def places(self, values: Floats) -> Floats:
        if self.log:
            values = np.log10(np.where(values > 0, values, np.nan))
        shares = (values - self.low) / (self.high - self.low)
        return np.asarray(self.start + shares * (self.end - self.start))

    def ticks(self) -> list[tuple[float, str]]:
        """Places and their texts: about five round numbers."""
        step = _round_step((self.high - self.low) / 6, whole=self.log)
        count = range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)
        values = [k * step for k in count]
        if self.log:
            return [(self._place(v), _power(round(v))) for v in values]
        decimals = max(0, -math.floor(math.log10(step / self.unit) + 1e-9))
        return [(self._place(v), _decimal(v / self.unit, decimals)) for v in values]

    @property
    def unit(self) -> float:
        """The power of a thousand in which the ticks count; 1 for ordinary numbers."""
        size = max(abs(self.low), abs(self.high))
        if self.log or 0.01 <= size < 1e5:
            return 1.0
        return float(10.0 ** (3 * math.floor(math.log10(size) / 3)))

    @property
    def unit_text(self) -> str:
        """What follows the axis' label."""
        exponent = round(math.log10(self.unit))
        return f' (× 10{_raised(exponent)}<tspan dy="5">)</tspan>' if exponent else ""

    def _place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def _panel(panel: Panel) -> list[str]:
    top = _TOP + 17 * any(isinstance(mark, Line) and mark.name for mark in panel.marks)
    x, y = _scales(panel, top)
    parts = [
        f'<text x="{_LEFT}" y="20" font-size="13" font-weight="600">{escape(panel.title)}</text>',
        *_legend(panel),
        *_axes(panel, x, y),
    ]
    for mark in panel.marks:
        parts += _line(mark, x, y) if isinstance(mark, Line) else _points(mark, x, y)
    return [*parts, *_names(panel, x, y)]


def _scales(panel: Panel, top: float) -> tuple[_Scale, _Scale]:
    measured = [m for m in panel.marks if isinstance(m, Points) or m.stroke != "level"]
    x = _range(np.concatenate([np.asarray(mark.x) for mark in measured]), log=False)
    y = _range(np.concatenate([np.asarray(mark.y) for mark in measured]), log=panel.log_y)
    return (
        _Scale(*x, _LEFT, _WIDTH - _RIGHT),
        _Scale(*y, _HEIGHT - _BOTTOM, top, log=panel.log_y),
    )


def _range(values: Floats, *, log: bool) -> tuple[float, float]:
    if log:
        values = np.log10(values[values > 0])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-300):
        low, high = low - (abs(low) or 1.0) * 0.5, high + (abs(high) or 1.0) * 0.5
    margin = 0.05 * (high - low)
    return low - margin, high + margin


def _axes(panel: Panel, x: _Scale, y: _Scale) -> list[str]:
    bottom, top, right = y.start, y.end, _WIDTH - _RIGHT
    parts = []
    for place, text in x.ticks():
        parts.append(_rule(place, top, place, bottom))
        parts.append(
            f'<text x="{place:.1f}" y="{bottom + 17:g}" text-anchor="middle">{text}</text>'
        )
    for place, text in y.ticks():
        parts.append(_rule(_LEFT, place, right, place))
        parts.append(f'<text x="{_LEFT - 7}" y="{place + 4:.1f}" text-anchor="end">{text}</text>')
    below = f'x="{(_LEFT + right) / 2:g}" y="{bottom + 38:g}"'
    beside = f'transform="translate(14 {(top + bottom) / 2:g}) rotate(-90)"'
    for where, text in (
        (below, escape(panel.x_label) + x.unit_text),
        (beside, escape(panel.y_label) + y.unit_text),
    ):
        parts.append(f'<text {where} text-anchor="middle">{text}</text>')
    return parts


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{_GRID}" stroke-width="1"/>'


def _points(mark: Points, x: _Scale, y: _Scale) -> list[str]:
    places = zip(x.places(mark.x), y.places(mark.y), strict=True)
    steps = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in places if math.isfinite(a + b))
    size = 5 if len(mark.x) <= 300 else 3.5
    style = f'stroke="{_COLOURS[mark.colour]}" stroke-opacity="0.7" stroke-width="{size:g}"'
    return [f'<path d="{steps}" {style} stroke-linecap="round"/>']


def _line(mark: Line, x: _Scale, y: _Scale) -> list[str]:
    drawn, steps = False, []
    for a, b in zip(x.places(mark.x), y.places(mark.y), strict=True):
        finite = math.isfinite(a + b)
        if finite:
            steps.append(f"{'L' if drawn else 'M'}{a:.1f} {b:.1f}")
        drawn = finite
    return [f'<path d="{"".join(steps)}" {_style(mark)}/>']


def _style(mark: Line) -> str:
    if mark.stroke == "level":
        return f'fill="none" stroke="{_INK}" stroke-width="1.2" stroke-dasharray="2 3"'
    dashes = ' stroke-dasharray="6 4"' if mark.stroke == "dashed" else ""
    return f'fill="none" stroke="{_COLOURS[mark.colour]}" stroke-width="2"{dashes}'


def _names(panel: Panel, x: _Scale, y: _Scale) -> list[str]:
    """Names beside their points, on the side where there is room, none over another."""
    taken: list[tuple[float, float, float]] = []
    parts = []
    for mark in panel.marks:
        if not isinstance(mark, Points) or not mark.names:
            continue
        for a, b, name in zip(x.places(mark.x), y.places(mark.y), mark.names, strict=True):
            wide = 6.6 * len(name)
            left = a + 7 + wide > _WIDTH - _RIGHT
            start = a - 7 - wide if left else a + 7
            clash = any(abs(b - v) < 13 and start < e and s < start + wide for s, e, v in taken)
            if not name or clash or not math.isfinite(a + b):
                continue
            taken.append((start, start + wide, b))
            place = max(b + 4, y.end + 10)
            parts.append(f'<text x="{start:.1f}" y="{place:.1f}">{escape(name)}</text>')
    return parts


def _legend(panel: Panel) -> list[str]:
    """The names of the lines, in a row below the title."""
    parts, left = [], float(_LEFT)
    for mark in [m for m in panel.marks if isinstance(m, Line) and m.name]:
        parts.append(f'<path d="M{left:.1f} 35h18" {_style(mark)}/>')
        parts.append(f'<text x="{left + 24:.1f}" y="39">{escape(mark.name)}</text>')
        left += 24 + 6.6 * len(mark.name) + 14
    return parts


def _round_step(rough: float, *, whole: bool) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= rough * (1 - 1e-9))
    return max(1.0, float(math.ceil(step))) if whole else step


def _decimal(value: float, decimals: int) -> str:
    return f"{value + 0.0:,.{decimals}f}".replace("-", "−")


def _power(exponent: int) -> str:
    return f"{10.0**exponent:,g}" if -3 <= exponent <= 4 else f"10{_raised(exponent)}"


def _raised(exponent: int) -> str:
    return f'<tspan dy="-5" font-size="9">{exponent}</tspan>'.replace(">-", ">−")
