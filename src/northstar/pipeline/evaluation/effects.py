"""What a linear baseline learnt of each of its inputs, in units that can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from northstar.linear import contrasts
from northstar.metrics import Floats
from northstar.registry.domain import BaselineCoefficient, Metric

_NAME_LIMIT = 1024


@dataclass(frozen=True)
class InputGroup:
    """The inputs that one column became: one for numbers, one for each level of words."""

    names: tuple[str, ...]
    levels: bool


def effects(
    model: Any, groups: Sequence[InputGroup], shares: Floats
) -> tuple[BaselineCoefficient, ...]:
    """The effects of a fitted model's inputs with 95 % intervals, the largest first.

    A coefficient of one level alone means nothing, since all levels and the intercept can move
    together; so each is taken against the average row of its column.

    Args:
        model: a linear model of standardised numbers and indicators of levels.
        groups: the model's inputs, in order.
        shares: (inputs,); the share of rows in which each indicator is 1.
    """
    names = [name[:_NAME_LIMIT] for group in groups for name in group.names]
    if not names:
        return ()
    against = _against_average(groups, shares)
    coefficients = np.atleast_2d(model.coef_)
    classes = len(coefficients)
    values = (coefficients @ against.T).ravel()
    if model.unscaled_covariance_ is None:  # too many parameters to know all covariances
        found = [Metric(value=value) for value in values.tolist()]
    else:
        with_intercept = np.hstack([np.zeros((len(names), 1)), against])
        one = contrasts(
            model, np.asarray(np.kron(np.eye(classes), with_intercept), dtype=np.float64)
        )
        found = list(_metrics(one.prediction, one.low, one.high))
    told = [
        BaselineCoefficient(
            input=names[i % len(names)],
            of_class=int(model.classes_[i // len(names)]) if classes > 1 else None,
            effect=effect,
        )
        for i, effect in enumerate(found)
    ]
    return tuple(sorted(told, key=lambda each: -abs(each.effect.value)))


def _against_average(groups: Sequence[InputGroup], shares: Floats) -> Floats:
    """From coefficients to effects, inputs × inputs."""
    against = np.eye(sum(len(group.names) for group in groups))
    at = 0
    for group in groups:
        rows = slice(at, at + len(group.names))
        if group.levels:
            against[rows, rows] -= shares[rows]
        at = rows.stop
    return against


def _metrics(values: Floats, lows: Floats, highs: Floats) -> Iterator[Metric]:
    """Metrics; without bounds where too few rows leave the noise unknown."""
    for value, low, high in zip(values.tolist(), lows.tolist(), highs.tolist(), strict=True):
        known = bool(np.isfinite(low) and np.isfinite(high))
        yield Metric(value=value, low=low if known else None, high=high if known else None)
