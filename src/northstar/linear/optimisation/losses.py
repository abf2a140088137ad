"""Losses as small objects: what a score costs, row by row, and how the cost bends.

A score is what the linear part gives, before any link: shape (rows,), or (rows, classes) for
softmax. ``y`` is a value (squared), 0 or 1 (logistic), or a class index (softmax).
"""

from __future__ import annotations

from collections.abc import Callable
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
        """First derivative by the scores; the scores' shape."""
        ...

    def bend(self, scores: Floats) -> Bend:
        """Second derivative by the scores: a map from a change of the scores, same shape."""
        ...


class SquaredLoss:
    """Half the squared error: its minimum is the mean."""

    def values(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``."""
        return np.asarray(0.5 * np.square(scores - y))

    def slopes(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``."""
        return np.asarray(scores - y)

    def bend(self, scores: Floats) -> Bend:
        """See ``Loss``: the identity."""
        return lambda change: change


class LogisticLoss:
    """Negative log likelihood of 0 or 1 when the score is the log odds of 1."""

    def values(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``; ``log(1 + exp(s)) − ys`` without overflow."""
        return np.asarray(np.logaddexp(0.0, scores) - y * scores)

    def slopes(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``: probability minus what happened."""
        return np.asarray(sigmoid(scores) - y)

    def bend(self, scores: Floats) -> Bend:
        """See ``Loss``: the variance of the outcome."""
        probability = sigmoid(scores)
        variance = probability * (1.0 - probability)
        return lambda change: variance * change


class SoftmaxLoss:
    """Negative log likelihood of a class when the scores are its log odds up to a constant."""

    def values(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``."""
        top = scores.max(axis=1)
        total = np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top
        return np.asarray(total - scores[np.arange(len(scores)), y])

    def slopes(self, scores: Floats, y: NDArray[Any]) -> Floats:
        """See ``Loss``: probabilities minus 1 for the class that happened."""
        slopes = softmax(scores)
        slopes[np.arange(len(scores)), y] -= 1.0
        return slopes

    def bend(self, scores: Floats) -> Bend:
        """See ``Loss``: the covariance of the class indicators."""
        probability = softmax(scores)

        def apply(change: Floats) -> Floats:
            weighted = probability * change
            return np.asarray(weighted - probability * weighted.sum(axis=1, keepdims=True))

        return apply


def sigmoid(scores: Floats) -> Floats:
    """Log odds to probability, without overflow at either end."""
    return np.exp(-np.logaddexp(0.0, -scores))


def softmax(scores: Floats) -> Floats:
    """Scores (rows, classes) to probabilities that sum to 1 in each row, without overflow."""
    powers: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
