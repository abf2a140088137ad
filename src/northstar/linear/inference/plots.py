"""Pictures of a fit: what its residuals say, and how gradient descent found its way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from northstar.linear.errors import BadInput
from northstar.linear.inference.design import Design, read_design
from northstar.linear.inference.distributions import Normal
from northstar.linear.inference.influence import Influence, influence_of
from northstar.linear.inference.svg import Line, Panel, Points, render
from northstar.linear.tables import Floats

Rows = NDArray[np.intp]

_MOST_POINTS = 1500
_BINS = 12
_NAMED = 3


class Walked(Protocol):
    """A model that a step-wise solver fitted; ``steps_`` are of ``optimisation.minimum.Step``."""

    @property
    def steps_(self) -> Any: ...


def residual_plots(model: Any, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> str:
    """Four pictures of the residuals as SVG text, of at most 1,500 rows, the most striking kept.

    Residuals against fitted values (a bend means that the effect is not a straight line), against
    normal quantiles (ends that leave the line mean heavy tails), their size against fitted values
    (a slope means uneven noise), and against leverage (beyond the contours of Cook's distance ½
    and 1, single rows move the answer). Rows are named by their position.
    """
    design = read_design(model, X, y, sample_weight)
    found = influence_of(design)
    rows = _striking(found)
    return render(
        [
            _against_fitted(design, found, rows),
            _against_normal(found),
            _spread(design, found, rows),
            _against_leverage(design, found, rows),
        ]
    )


def convergence_plot(models: Walked | Mapping[str, Walked]) -> str:
    """How far above its end the objective was at every step, as SVG text.

    A straight line means that every step gains the same share, as gradient descent does; Newton's
    method falls off a cliff. Give several models by name to compare them.
    """
    named = models if isinstance(models, Mapping) else {"": models}
    if not all(len(model.steps_) > 1 for model in named.values()):
        raise BadInput("Only a model that was fitted step by step has a way to show.")
    lowest = min(min(step.value for step in model.steps_) for model in named.values())
    gaps, slopes = [], []
    for colour, (name, model) in enumerate(named.items()):
        steps = model.steps_
        place = np.arange(len(steps), dtype=np.float64)
        kept = np.unique(np.linspace(0, len(steps) - 1, _MOST_POINTS).astype(np.int64))
        values = np.array([steps[i].value - lowest for i in kept])
        norms = np.array([steps[i].gradient_norm for i in kept])
        floor = np.finfo(np.float64).eps * max(abs(lowest), float(np.abs(values).max()))
        values[values <= floor] = np.nan
        gaps.append(Line(place[kept], values, name, colour=colour))
        slopes.append(Line(place[kept], norms, name, colour=colour))
    return render(
        [
            Panel("Above the lowest value", "step", "objective − lowest", gaps, log_y=True),
            Panel("Length of the gradient", "step", "norm of the gradient", slopes, log_y=True),
        ]
    )


def _against_fitted(design: Design, found: Influence, rows: Rows) -> Panel:
    x, y = design.scores, found.standardised
    return Panel(
        "Residuals and fitted values",
        _fitted_label(design),
        "standardised residual",
        [_level(x[rows], 0.0), _cloud(x, y, rows, found), _trend(x, y)],
    )


def _spread(design: Design, found: Influence, rows: Rows) -> Panel:
    x, y = design.scores, np.sqrt(np.abs(found.standardised))
    return Panel(
        "Size of the residuals",
        _fitted_label(design),
        "√ |standardised residual|",
        [_cloud(x, y, rows, found), _trend(x, y)],
    )


def _against_normal(found: Influence) -> Panel:
    ordered = np.sort(found.standardised[np.isfinite(found.standardised)])
    count = len(ordered)
    kept = np.arange(count)
    if count > _MOST_POINTS:
        inner = np.linspace(50, count - 51, _MOST_POINTS - 100).astype(np.int64)
        kept = np.concatenate([kept[:50], inner, kept[-50:]])
    normal = Normal()
    expected = np.array([normal.quantile((i + 0.5) / count) for i in kept])
    return Panel(
        "Residuals and normal noise",
        "normal quantile",
        "standardised residual",
        [
            Points(expected, ordered[kept]),
            Line(expected[[0, -1]], expected[[0, -1]], stroke="dashed"),
        ],
    )


def _against_leverage(design: Design, found: Influence, rows: Rows) -> Panel:
    x, y = found.leverage, found.standardised
    reach = float(x[rows].max())
    steps = np.linspace(max(reach * 1e-3, 1e-12), min(reach * 1.1, 0.999), 200)
    top, bottom = (float(np.nanmax(y[rows])), float(np.nanmin(y[rows])))
    contours: list[Points | Line] = []
    for distance, stroke in ((0.5, "dashed"), (1.0, "solid")):
        curve = np.sqrt(distance * design.rank * (1.0 - steps) / steps)
        up, down = np.where(curve <= 1.1 * top, curve, np.nan), -curve
        down = np.where(down >= 1.1 * bottom, down, np.nan)
        name = f"Cook's distance {distance:g}"
        contours.append(Line(steps, up, name, "dashed" if stroke == "dashed" else "solid"))
        contours.append(Line(steps, down, "", "dashed" if stroke == "dashed" else "solid"))
    return Panel(
        "Residuals and leverage",
        "leverage",
        "standardised residual",
        [_level(np.append(0.0, steps), 0.0), _cloud(x, y, rows, found), *contours],
    )


def _fitted_label(design: Design) -> str:
    if design.family == "gaussian":
        return "fitted value, in the target's unit"
    return "fitted log odds" if design.family == "binomial" else "logarithm of the fitted count"


def _striking(found: Influence) -> Rows:
    """The positions of the rows to draw: all, or the most striking and an even choice of others."""
    size = np.nan_to_num(found.cooks_distance)
    if len(size) <= _MOST_POINTS:
        return np.arange(len(size))
    top = np.argsort(-size, kind="stable")[:100]
    tall = np.argsort(-np.abs(np.nan_to_num(found.standardised)), kind="stable")[:100]
    even = np.linspace(0, len(size) - 1, _MOST_POINTS - 200).astype(np.int64)
    return np.unique(np.concatenate([top, tall, even]))


def _cloud(x: Floats, y: Floats, rows: Rows, found: Influence) -> Points:
    names = np.full(len(x), "", dtype=object)
    size = np.nan_to_num(found.cooks_distance)
    for row in np.argsort(-size, kind="stable")[:_NAMED]:
        names[row] = str(row)
    return Points(x[rows], y[rows], names=names[rows].tolist())


def _level(x: Floats, y: float) -> Line:
    return Line(np.array([x.min(), x.max()]), np.array([y, y]), stroke="level")


def _trend(x: Floats, y: Floats) -> Line:
    """Means of bins of equally many rows, by all rows and not only those drawn."""
    known = np.isfinite(y)
    order = np.argsort(x[known], kind="stable")
    bins = np.array_split(order, max(2, min(_BINS, len(order) // 16)))
    middle = np.array([x[known][rows].mean() for rows in bins if rows.size])
    height = np.array([y[known][rows].mean() for rows in bins if rows.size])
    return Line(middle, height)
