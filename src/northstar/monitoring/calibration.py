"""How far a window may lie from its reference before that is news.

The distance between two histograms is Bhattacharyya's, ``-ln Σ √(p q)``: 0 for equal shapes and
without an upper bound, so that a column that left its reference entirely still stands out from one
that always moves a lot. For small distances, PSI is about eight times as much.

Two things set windows apart without anything being wrong: sampling, and what changes from one
stretch of time to the next anyway (weather, week days, campaigns). The first follows from the
numbers of rows; the second is measured by holding each stretch of the reference against the rest of
it. Their sum is taken as a scaled chi-square (Satterthwaite) whose mean was itself estimated, so
the ratio of a new distance to it follows an F distribution; its quantile is Paulson's (1942, Ann.
Math. Stat. 13, 233) cube-root approximation.

A chi-square of few degrees has a long tail, and a dozen stretches say little about one column's.
So the columns lend each other strength (``pool``): none is taken to vary less than they all do.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from northstar.metrics import Floats

_RARE_SHARE = 0.005
_FAREST = 7.0  # -ln of an overlap of 0.1 %; nothing is told apart beyond
_PRIOR_VARIATION = 2.0  # of a chi-square of one degree: stretches that differ in level only
_PRIOR_WEIGHT = 6.0
_POOLED_WEIGHT = 8.0
_LEAST_CHUNKS = 4
_LEAST_BETWEEN = 0.005  # less is below every alarm line anyway, and tells nothing of the others
_LEAST_DEGREES = 1.0
_LEAST_DEGREES_OF_MEAN = 8.0


class Calibration(BaseModel):
    """What the reference's own stretches of time say of a column's natural variation.

    Attributes:
        between: mean distance of a stretch from the rest, less what sampling explains.
        variation: squared coefficient of variation of that distance.
        chunks: how many stretches it was measured on; 0 when the reference has no times.
        measured: whether the variation is the column's own; where stretches hardly differ, it
            cannot be.
    """

    model_config = ConfigDict(frozen=True)

    between: FiniteFloat = Field(default=0.0, ge=0)
    variation: FiniteFloat = Field(default=_PRIOR_VARIATION, gt=0)
    chunks: int = Field(default=0, ge=0)
    measured: bool = False


def distance(left: NDArray[np.int64], right: NDArray[np.int64]) -> float:
    """Bhattacharyya's distance between two histograms over the same bins; 0 if one is empty."""
    total = float(left.sum()) * float(right.sum())
    if total == 0.0:
        return 0.0
    overlap = float(np.sqrt(left.astype(np.float64) * right).sum()) / sqrt(total)
    return float(min(-np.log(max(overlap, 1e-12)), _FAREST)) if overlap < 1.0 else 0.0


def pool_rare(reference: NDArray[np.int64], *others: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The histograms with all bins that are rare in the reference put into one, the last.

    Bins of a handful of rows make a distance noisy without telling much; that a value is new
    altogether is judged elsewhere.
    """
    frequent = reference >= max(_RARE_SHARE * float(reference.sum()), 1.0)
    frequent[-1] = False
    return [np.append(h[frequent], h[~frequent].sum()) for h in (reference, *others)]


def calibrate(chunks: list[NDArray[np.int64]]) -> Calibration:
    """Measure natural variation by holding each chunk's histogram against the rest's."""
    filled = [chunk for chunk in chunks if chunk.sum()]
    if len(filled) < 2:
        return Calibration(chunks=len(filled))
    total = np.sum(filled, axis=0)
    bins = int((total > 0).sum())
    excess = np.array(
        [
            distance(chunk, total - chunk) - _sampling(bins, chunk.sum(), (total - chunk).sum())
            for chunk in filled
        ]
    )
    between = max(float(excess.mean()), 0.0)
    sampling = _sampling(bins, float(total.sum()) / len(filled), float(total.sum()))
    if between <= max(sampling, _LEAST_BETWEEN) or len(filled) < _LEAST_CHUNKS:
        return Calibration(between=between, chunks=len(filled))
    variation = float(excess.var(ddof=1)) / between**2
    return Calibration(between=between, variation=variation, chunks=len(filled), measured=True)


def pool(calibrations: Sequence[Calibration]) -> list[Calibration]:
    """The calibrations of one reference's columns, each with a variation that can be relied on.

    It is the column's own, drawn towards the mean of all columns in which stretches differ, and
    never below that; the mean itself is drawn towards the long tail of a single degree.
    """
    total, weight = _PRIOR_WEIGHT * _PRIOR_VARIATION, _PRIOR_WEIGHT
    for one in calibrations:
        if one.measured:
            total += (one.chunks - 1) * one.variation
            weight += one.chunks - 1
    usual = total / weight

    def settled(one: Calibration) -> float:
        if not one.measured:
            return usual
        own = one.chunks - 1
        drawn = (_POOLED_WEIGHT * usual + own * one.variation) / (_POOLED_WEIGHT + own)
        return max(usual, drawn)

    return [one.model_copy(update={"variation": settled(one)}) for one in calibrations]


def threshold(
    calibration: Calibration, bins: int, rows: int, reference_rows: int, false_alarm: float
) -> float:
    """The distance that an unchanged column exceeds with probability ``false_alarm``.

    Args:
        bins: how many bins either histogram fills.
        rows, reference_rows: how many values each histogram holds.
    """
    sampling = _sampling(bins, rows, reference_rows)
    mean = calibration.between + sampling
    if mean == 0.0:
        return 0.0
    variance = calibration.between**2 * calibration.variation
    variance += 2 * sampling**2 / max(bins - 1, 1)
    degrees = max(2 * mean**2 / variance, _LEAST_DEGREES)
    of_mean = max(degrees * max(calibration.chunks, 1), _LEAST_DEGREES_OF_MEAN)
    return mean * _f_quantile(1.0 - false_alarm, degrees, of_mean)


def _sampling(bins: int, rows: float, others: float) -> float:
    """Expected distance of two samples from one distribution: 8·d·nm/(n+m) is about χ² (bins-1)."""
    return (bins - 1) / 8 * (1 / rows + 1 / others)


def _f_quantile(probability: float, degrees: float, of_denominator: float) -> float:
    """Paulson: the cube root of F is nearly a ratio of two normals; solved for the quantile."""
    z = NormalDist().inv_cdf(probability)
    a, b = 2 / (9 * degrees), 2 / (9 * of_denominator)
    # ((1-b) u - (1-a))² = z² (b u² + a), with u the cube root of the quantile.
    square, linear, rest = (
        (1 - b) ** 2 - z * z * b,
        -2 * (1 - a) * (1 - b),
        (1 - a) ** 2 - z * z * a,
    )
    if square <= 0:
        return float("inf")
    root = (-linear + sqrt(max(linear * linear - 4 * square * rest, 0.0))) / (2 * square)
    return float(root**3)


def shares(counts: NDArray[np.int64]) -> Floats:
    """A histogram as shares of its total; zeros if it is empty."""
    return counts / max(float(counts.sum()), 1.0)
