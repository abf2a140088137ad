"""Losses as small objects: what a score costs, row by row, and how the cost bends.

A score is what the linear part gives, before any link: shape (rows,), or (rows, classes) for
softmax. ``y`` is a value (squared, Huber, quantile), a count (Poisson), 0 or 1 (logistic), or a
class index (softmax). A loss of your own needs three methods; ``Objective`` and the solvers take
it from there. Convexity is assumed throughout (Boyd and Vandenberghe, *Convex Optimization*).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from northstar.linear.tables import Floats

Bend = Callable[[Floats], Floats]


class Loss(Protocol):
    """A convex loss of a score; every answer has one entry or row for each row."""

    def values(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """What each row costs; shape (rows,)."""
        ...

    def slopes(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """First derivative by the scores, or a subgradient at a kink; the scores' shape."""
        ...

    def bend(self, scores: Floats, y: NDArray[Any]) -> Bend:
        """Second derivative by the scores: a map from a change of the scores, same shape."""
        ...


class ProximalLoss(Loss, Protocol):
    """A loss whose proximal step has a closed form, so that a kink is no obstacle."""

    def proximal(self, scores: Floats, y: NDArray[Any], step: float) -> Floats:
        """``argmin_z loss(z, y) + (z − score)² / (2 step)`` for each row; step > 0.

        Parikh and Boyd, *Proximal Algorithms*, 2014, chapter 6.
        """
        ...


class SquaredLoss:
    """Half the squared error: its minimum is the mean."""

    def values(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``."""
        return np.asarray(0.5 * np.square(scores - y))

    def slopes(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``."""
        return np.asarray(scores - y)

    def bend(self, scores: Floats, y: NDArray[Any]) -> Bend:
        """See ``Loss``: the identity."""
        return lambda change: change

    def proximal(self, scores: Floats, y: NDArray[Any], step: float) -> Floats:
        """See ``ProximalLoss``: between the score and the value."""
        return np.asarray((scores + step * y) / (1.0 + step))


@dataclass(frozen=True)
class HuberLoss:
    """Half the squared error up to ``threshold``, linear beyond: one bad row pulls only so far.

    Huber 1964, *Annals of Mathematical Statistics* 35.
    """

    threshold: float = 1.0

    def values(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``."""
        errors = np.abs(scores - y)
        near = np.minimum(errors, self.threshold)
        return np.asarray(near * (errors - 0.5 * near))

    def slopes(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``: the error, clipped."""
        return np.asarray(np.clip(scores - y, -self.threshold, self.threshold))

    def bend(self, scores: Floats, y: NDArray[Any]) -> Bend:
        """See ``Loss``: the identity for the near rows, nothing for the others."""
        near = np.abs(scores - y) <= self.threshold
        return lambda change: near * change

    def proximal(self, scores: Floats, y: NDArray[Any], step: float) -> Floats:
        """See ``ProximalLoss``."""
        errors = scores - y
        near = errors / (1.0 + step)
        far = errors - step * self.threshold * np.sign(errors)
        return np.asarray(y + np.where(np.abs(near) <= self.threshold, near, far))


@dataclass(frozen=True)
class QuantileLoss:
    """The pinball loss: its minimum is the quantile; too low costs ``quantile`` for each unit.

    Koenker and Bassett 1978, *Econometrica* 46. It has a kink and no curvature: Newton cannot use
    it, gradient descent only crawls; ``QuantileRegression`` solves it exactly.
    """

    quantile: float = 0.5

    def values(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``."""
        errors = y - scores
        return np.asarray(np.maximum(self.quantile * errors, (self.quantile - 1.0) * errors))

    def slopes(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``; at the kink, where anything between would do, half of both."""
        return np.asarray(0.5 - self.quantile - 0.5 * np.sign(y - scores))

    def bend(self, scores: Floats, y: NDArray[Any]) -> Bend:
        """See ``Loss``: nothing anywhere but at the kink."""
        return np.zeros_like

    def proximal(self, scores: Floats, y: NDArray[Any], step: float) -> Floats:
        """See ``ProximalLoss``: towards the value by what the slope allows, and not beyond."""
        errors = y - scores
        return np.asarray(
            scores + np.clip(errors, step * (self.quantile - 1.0), step * self.quantile)
        )


class PoissonLoss:
    """Negative log likelihood of a count (up to a constant) when the score is the log of its mean.

    McCullagh and Nelder, *Generalized Linear Models*, chapter 6.
    """

    def values(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``; infinite where the mean overflows."""
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(scores) - y * scores)

    def slopes(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``: mean minus what was counted."""
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(scores) - y)

    def bend(self, scores: Floats, y: NDArray[Any]) -> Bend:
        """See ``Loss``: the variance of a count, which is its mean."""
        with np.errstate(over="ignore"):
            means = np.exp(scores)
        return lambda change: means * change


class LogisticLoss:
    """Negative log likelihood of 0 or 1 when the score is the log odds of 1."""

    def values(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``; ``log(1 + exp(s)) − ys`` without overflow."""
        return np.asarray(np.maximum(scores, 0.0) + np.log1p(np.exp(-np.abs(scores))) - y * scores)

    def slopes(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``: probability minus what happened."""
        return np.asarray(sigmoid(scores) - y)

    def bend(self, scores: Floats, y: NDArray[Any]) -> Bend:
        """See ``Loss``: the variance of the outcome."""
        probability = sigmoid(-np.abs(scores))  # the rarer outcome's: no digits cancel
        variance = probability * (1.0 - probability)
        return lambda change: variance * change


class SoftmaxLoss:
    """Negative log likelihood of a class when the scores are its log odds up to a constant."""

    def values(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``."""
        top = _row_largest(scores)
        total = np.log(_row_sums(np.exp(scores - top[:, None]))) + top
        return np.asarray(total - scores[np.arange(len(scores)), y])

    def slopes(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``: probabilities minus 1 for the class that happened."""
        slopes = softmax(scores)
        slopes[np.arange(len(scores)), y] -= 1.0
        return slopes

    def bend(self, scores: Floats, y: NDArray[Any]) -> Bend:
        """See ``Loss``: the covariance of the class indicators."""
        probability = softmax(scores)

        def apply(change: Floats) -> Floats:
            expected = _row_sums(probability * change)
            return np.asarray(probability * (change - expected[:, None]))

        return apply


def sigmoid(scores: Floats) -> Floats:
    """Log odds to probability, without overflow at either end."""
    odds = np.exp(-np.abs(scores))
    return np.asarray(np.where(scores >= 0.0, 1.0, odds) / (1.0 + odds))


def softmax(scores: Floats) -> Floats:
    """Scores (rows, classes) to probabilities that sum to 1 in each row, without overflow."""
    powers: Floats = np.exp(scores - _row_largest(scores)[:, None])
    return np.asarray(powers / _row_sums(powers)[:, None])


def _row_sums(values: Floats) -> Floats:
    # Ten times as fast as sum(axis=1) of short rows.
    return np.asarray(values @ np.ones(values.shape[1]))


def _row_largest(values: Floats) -> Floats:
    # Ten times as fast as max(axis=1) of short rows.
    return np.asarray(np.ascontiguousarray(values.T).max(axis=0))
