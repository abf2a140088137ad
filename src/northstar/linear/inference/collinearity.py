"""Columns that say the same thing: how much it costs, and which they are.

Belsley, Kuh and Welsch, *Regression Diagnostics* (1980), chapter 3, on centred columns: that a
column is far from zero is a matter of its unit, not of what the columns share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from northstar.linear.tables import Floats

_EPSILON = float(np.finfo(np.float64).eps)
_RELATED = 1e-8


@dataclass(frozen=True)
class Relation:
    """Columns of which each can be told, nearly or exactly, from the others.

    Attributes:
        columns: their positions.
        coefficients: ``Σ cⱼ xⱼ`` is nearly constant over the rows; in the columns' units.
        index: how many times weaker this combination varies than the strongest (the condition
            index); infinite for an exact relation.
    """

    columns: tuple[int, ...]
    coefficients: tuple[float, ...]
    index: float


@dataclass(frozen=True)
class Collinearity:
    """How far the centred columns of a table depend on each other.

    Attributes:
        variance_inflation: (columns,); how many times the variance of a coefficient exceeds what
            it would be if the column were unrelated to the others: ``1 / (1 − R²)`` of the column
            on the others. Infinite for exact dependence, NaN for a constant column.
        condition_number: of the columns scaled to unit length; infinite for exact dependence.
        effective_rank: how many independent directions the columns amount to: the exponential of
            the entropy of their variances (Roy and Vetterli 2007).
        relations: the exact ones, then those with a condition index of 30 or more; see Belsley.
        constant: the positions of the columns that do not vary.
    """

    variance_inflation: Floats
    condition_number: float
    effective_rank: float
    relations: tuple[Relation, ...]
    constant: tuple[int, ...]


def collinearity(factor: Floats, means: Floats, rows: int, *, strong: float = 30.0) -> Collinearity:
    """Look through the triangle R of the centred columns (any rows × columns matrix will do).

    Args:
        factor: R, with ``RᵀR = (X − means)ᵀW(X − means)``.
        means: (columns,); a column far from zero holds fewer digits of its own.
        rows: how many there were; a column's rounding grows with their root.
        strong: the condition index from which a relation is reported.
    """
    lengths = np.linalg.norm(factor, axis=0)
    noise = _EPSILON * max(factor.shape[1], 10) * np.sqrt(rows) * np.abs(means)
    alive = lengths > np.maximum(noise, 0.0)
    positions = np.flatnonzero(alive)
    constant = tuple(np.flatnonzero(~alive).tolist())
    inflation = np.full(len(lengths), np.nan)
    if not positions.size:
        return Collinearity(inflation, 1.0, 0.0, (), constant)
    scales = lengths[positions]
    _, sizes, directions = np.linalg.svd(factor[:, positions] / scales)
    sizes = np.append(sizes, np.zeros(len(scales) - len(sizes)))
    limit = sizes[0] * np.maximum(
        _EPSILON * 10 * len(scales), float((noise[positions] / scales).max())
    )
    exact = sizes <= limit
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.square(directions) / np.square(np.where(exact, limit, sizes))[:, None]
    inflation[positions] = shares.sum(axis=0)
    if exact.any():
        involved = np.square(directions[exact]).sum(axis=0) > _RELATED
        inflation[positions[involved]] = np.inf
    variances = np.square(sizes) / np.square(sizes).sum()
    entropy = -float(np.sum(variances * np.log(np.where(variances > 0, variances, 1.0))))
    found = _exact_relations(directions[exact], scales)
    near = (sizes[0] >= strong * sizes) & ~exact
    found += _near_relations(directions, shares, near, sizes, scales)
    return Collinearity(
        inflation,
        float("inf") if exact.any() else float(sizes[0] / sizes[-1]),
        float(np.exp(entropy)),
        tuple(_placed(relation, positions) for relation in found),
        constant,
    )


def _exact_relations(nulls: Floats, scales: Floats) -> list[Relation]:
    """A basis of the null space with as few columns in each relation as elimination gives."""
    rows = nulls.copy()
    free = np.ones(rows.shape[1], dtype=bool)
    for i in range(len(rows)):
        # The last column that can be told by the others is the one that is told.
        sizes = np.where(free, np.abs(rows[i:]), 0.0)
        place = int(np.flatnonzero(sizes.max(axis=0) >= 0.5 * sizes.max())[-1])
        pivot = i + int(np.argmax(sizes[:, place]))
        rows[[i, pivot]] = rows[[pivot, i]]
        rows[i] /= rows[i, place]
        others = np.arange(len(rows)) != i
        rows[others] -= np.outer(rows[others, place], rows[i])
        free[place] = False
    return [_relation(row, np.abs(row) > 1e-6, scales, np.inf) for row in rows]


def _near_relations(
    directions: Floats, shares: Floats, near: Floats, sizes: Floats, scales: Floats
) -> list[Relation]:
    """The columns that lose more than half their variance to one weak direction, or to all."""
    found = []
    total = shares.sum(axis=0)
    for i in np.flatnonzero(near)[::-1]:
        involved = shares[i] > 0.5 * total
        # With a competing relation none may reach half; the direction itself still names them.
        weight = np.abs(directions[i])
        involved |= weight > 0.3 * weight.max()
        found.append(_relation(directions[i], involved, scales, float(sizes[0] / sizes[i])))
    return found


def _relation(row: Floats, involved: Floats, scales: Floats, index: float) -> Relation:
    columns = np.flatnonzero(involved)
    raw = row[columns] / scales[columns]
    raw = raw / raw[np.argmax(np.abs(row[columns]))]
    return Relation(tuple(columns.tolist()), tuple(raw.tolist()), index)


def _placed(relation: Relation, positions: NDArray[np.intp]) -> Relation:
    columns = tuple(int(positions[column]) for column in relation.columns)
    return Relation(columns, relation.coefficients, relation.index)
