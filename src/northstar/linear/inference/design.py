"""A model held against rows again: working weights, residuals and leverages.

Least squares, logistic and Poisson regression are one thing here: a score linear in the columns, a
mean given by the score, and a variance given by the mean (McCullagh and Nelder, *Generalized
Linear Models*). Their links are canonical, so the variance is also the curvature of the loss, and
every row enters with the weight ``w · variance``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from northstar.linear.errors import BadInput
from northstar.linear.inference.fitted import (
    is_least_squares,
    read_parameters,
    read_rows,
    several_classes,
)
from northstar.linear.optimisation.losses import sigmoid
from northstar.linear.tables import Floats, read_values, read_weights

Family = Literal["gaussian", "binomial", "poisson"]

_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Design:
    """A fitted model and rows, most often those that it learnt from.

    Attributes:
        X: rows × columns.
        y: the target as numbers: values, 0 and 1, or counts.
        weights: (rows,), as given to ``fit``.
        scores: (rows,); what the linear part gives.
        penalty: on each squared coefficient, in the scale of ``½ Σ w loss``: a ridge's alpha, a
            logistic regression's l2.
        intercept: whether the model has one.
        dispersion: the estimated variance of the noise (gaussian), else 1.
    """

    family: Family
    X: Floats
    y: Floats
    weights: Floats
    scores: Floats
    penalty: float
    intercept: bool
    dispersion: float

    @property
    def means(self) -> Floats:
        """What the model expects of each row, (rows,)."""
        if self.family == "gaussian":
            return self.scores
        return sigmoid(self.scores) if self.family == "binomial" else np.exp(self.scores)

    @property
    def variances(self) -> Floats:
        """Of each row by its mean, (rows,), without the dispersion."""
        if self.family == "gaussian":
            return np.ones_like(self.scores)
        means = self.means
        return means * (1.0 - means) if self.family == "binomial" else means

    @cached_property
    def residuals(self) -> Floats:
        """Outcome less mean, (rows,)."""
        return self.y - self.means

    @cached_property
    def working_weights(self) -> Floats:
        """``w · variance``, (rows,)."""
        return self.weights * self.variances

    @cached_property
    def pearson(self) -> Floats:
        """Residuals over their standard deviation but for the dispersion, (rows,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = self.residuals / np.sqrt(self.variances) * np.sqrt(self.weights)
        return np.asarray(np.nan_to_num(scaled))

    @cached_property
    def centre(self) -> Floats:
        """The mean of each column by working weight; zeros without an intercept."""
        if not self.intercept:
            return np.zeros(self.X.shape[1])
        weights = self.working_weights
        return np.asarray(self.X[0] + weights @ (self.X - self.X[0]) / weights.sum())

    @cached_property
    def parameters(self) -> Floats:
        """The rows in centred columns, a column of ones first where there is an intercept."""
        ones = np.ones((len(self.X), int(self.intercept)))
        return np.hstack([ones, self.X - self.centre])

    @cached_property
    def weighted(self) -> Floats:
        """The rows of ``parameters`` times the root of their working weight."""
        return np.asarray(self.parameters * np.sqrt(self.working_weights)[:, None])

    @cached_property
    def root(self) -> Floats:
        """A with ``AAᵀ = (DᵀVD + penalty)⁻¹``, parameters × rank, D the centred rows."""
        D = self.weighted
        penalties = np.sqrt(self.penalty) * np.eye(D.shape[1])[int(self.intercept) :]
        rows = np.vstack([D, penalties]) if self.penalty else D
        R: Floats = np.asarray(np.linalg.qr(rows, mode="r"))
        lengths = np.linalg.norm(R, axis=0)
        heaviest = np.sqrt(len(D) * self.working_weights.max())
        noise = np.append(np.zeros(int(self.intercept)), np.abs(self.centre) * heaviest * _EPSILON)
        alive = lengths > noise * 10
        scales = np.where(alive, lengths, 1.0)
        _, sizes, directions = np.linalg.svd(np.where(alive, R, 0.0) / scales, full_matrices=False)
        blurred = float(np.max(noise[alive] / scales[alive], initial=0.0))
        kept = sizes > sizes[0] * 10 * max(len(scales) * _EPSILON, blurred)
        return np.asarray((directions[kept].T / sizes[kept]) / scales[:, None])

    @cached_property
    def leverages(self) -> Floats:
        """How much each row's own outcome moves its fitted mean, (rows,), from 0 to 1."""
        rows = self.parameters @ self.root
        return np.asarray(np.minimum(np.einsum("ij,ij->i", rows, rows) * self.working_weights, 1.0))

    def without(self, rows: NDArray[np.intp]) -> Design:
        """The design with some rows left out, refitted by one step, which for values is exact."""
        if not rows.size:
            return self
        weights = self.weights.copy()
        weights[rows] = 0.0
        left = replace(self, weights=weights)
        move = left.root @ (left.root.T @ (left.parameters.T @ (weights * left.residuals)))
        moved = replace(left, scores=left.scores + left.parameters @ move)
        if self.family != "gaussian":
            return moved
        dof = max(moved.rows - moved.rank, 1)
        return replace(moved, dispersion=float(np.square(moved.pearson).sum()) / dof)

    @property
    def rank(self) -> int:
        """How many parameters the rows can tell apart, the intercept included."""
        return int(self.root.shape[1])

    @property
    def rows(self) -> int:
        """How many rows have a weight."""
        return int(np.count_nonzero(self.weights))


def read_design(model: Any, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Design:
    """Hold a fitted model against rows; raises ``BadInput`` for a model without inference."""
    variance = read_parameters(model).variance
    if several_classes(model):
        raise BadInput(
            "This needs one score a row, and a model of several classes has several. Fit one "
            "class against the others."
        )
    matrix = read_rows(model, X)
    scores = matrix @ np.ravel(model.coef_) + float(np.ravel(model.intercept_)[0])
    values = _outcomes(model, y, len(matrix))
    weights = read_weights(sample_weight, len(matrix))
    family = _family(model)
    penalty = float(getattr(model, "alpha", 0.0) or getattr(model, "l2", 0.0))
    if family == "poisson":  # its alpha counts per row
        penalty *= float(weights.sum())
    return Design(
        family, matrix, values, weights, scores, penalty, bool(model.fit_intercept), variance
    )


def _family(model: Any) -> Family:
    if is_least_squares(model):
        return "gaussian"
    return "binomial" if hasattr(model, "classes_") else "poisson"


def _outcomes(model: Any, y: ArrayLike, rows: int) -> Floats:
    if not hasattr(model, "classes_"):
        return read_values(y, rows)
    labels = np.asarray(y)
    strange = labels[~np.isin(labels, model.classes_)]
    if labels.shape != (rows,) or strange.size:
        raise BadInput(
            f"The target has shape {labels.shape} and {len(strange)} labels that the model does "
            f"not know; ({rows},) of {', '.join(map(str, model.classes_))} is needed."
        )
    return np.asarray(labels == model.classes_[1], dtype=np.float64)
