"""Regression that a few wild rows cannot pull away, and regression of quantiles."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from northstar.linear.errors import BadInput
from northstar.linear.estimator import Regressor
from northstar.linear.models.likelihood import check_strength
from northstar.linear.optimisation.concomitant import ConcomitantHuber, ConcomitantPlace
from northstar.linear.optimisation.interior_point import FrischNewton
from northstar.linear.optimisation.newton import Newton, solve_positive
from northstar.linear.optimisation.objective import gram
from northstar.linear.standardise import Standardised
from northstar.linear.tables import Floats, Training, read_values

_DEPENDENT = 1e-10


class HuberRegression(Regressor):
    """Least squares for the near rows, absolute deviations for the far ones.

    Minimises ``Σ wᵢ (s + s ρ((yᵢ − xᵢb − a) / s)) + alpha Σ bⱼ²`` over b, a and the scale s, where
    ρ(z) is z² up to ``epsilon`` and grows linearly beyond: the objective of scikit-learn's
    ``HuberRegressor``. Since the scale is found along with the rest, ``epsilon`` has no units, and
    scaling the target scales the answer. It withstands wild values of the target, not wild values
    of the columns (leverage).

    Args:
        epsilon: ≥ 1; 1.35 keeps 95 % of the efficiency of least squares on normal errors.
        alpha: ≥ 0.
        fit_intercept: whether there is an ``a``.
        solver: ``"auto"`` or ``Newton()``; the loss has kinks in its second derivative only.

    Attributes:
        scale_: s, which tells near from far: a row is far beyond ``epsilon * scale_``.
        outliers_: (rows of weight above 0,), whether a row of the training table is far.
    """

    scale_: float
    outliers_: NDArray[np.bool_]

    def __init__(
        self,
        *,
        epsilon: float = 1.35,
        alpha: float = 0.0001,
        fit_intercept: bool = True,
        solver: str | Newton = "auto",
    ) -> None:
        self.epsilon, self.alpha = epsilon, alpha
        self.fit_intercept, self.solver = fit_intercept, solver

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from a table (rows × columns) and values (rows,); raises ``BadInput``."""
        check_strength("alpha", self.alpha)
        check_strength("epsilon", self.epsilon)
        if not self.epsilon >= 1:
            raise BadInput(f"epsilon is {self.epsilon}; it must be at least 1.")
        solver = _newton(self.solver)
        training = Training.of(X, y, sample_weight)
        values, weights = read_values(training.y, len(training.y)), training.weights
        # What is minimised has the unit of y, alpha b² its square over; in units of its size:
        unit = _size(values)
        table = Standardised.of(training.matrix, weights, 0.0, intercept=self.fit_intercept)
        count = len(table.scales)
        penalties = np.zeros(table.matrix.shape[1])
        penalties[:count] = self.alpha * unit / np.square(table.scales)
        objective = ConcomitantHuber(
            table.matrix, values / unit, weights, penalties, float(self.epsilon)
        )
        start, weight = _least_squares(objective), float(weights.sum())
        minimum = solver.walk(objective, start, ConcomitantPlace.direction, weight)
        place = objective.at(self._keep(minimum))
        self._report(solver, "the loss bends, so few steps suffice", minimum)
        self.coef_, intercept = table.coefficients(unit * place.parameters)
        self.intercept_, self.scale_ = float(intercept), unit * place.scale
        self.outliers_ = np.abs(place.residuals) > self.epsilon * place.scale
        self.features_ = training.features
        return self


class QuantileRegression(Regressor):
    """The linear function below which a given share of the target lies (Koenker, Bassett 1978).

    Minimises ``Σ wᵢ max(q rᵢ, (q − 1) rᵢ)`` of the residuals r exactly: the answer passes through
    as many rows as it has coefficients. scikit-learn's ``QuantileRegressor`` with ``alpha=0``.
    Where several answers are equally good, it takes one of them; columns that say the same share
    their weight.

    Args:
        quantile: between 0 and 1, both excluded.
        fit_intercept: whether there is an ``a``; with one, about the share ``quantile`` of the
            training rows lies below the predictions.
        solver: ``"auto"`` or ``FrischNewton()``.
    """

    def __init__(
        self,
        *,
        quantile: float = 0.5,
        fit_intercept: bool = True,
        solver: str | FrischNewton = "auto",
    ) -> None:
        self.quantile, self.fit_intercept, self.solver = quantile, fit_intercept, solver

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from a table (rows × columns) and values (rows,); raises ``BadInput``."""
        check_strength("quantile", self.quantile)
        if not 0 < self.quantile < 1:
            raise BadInput(f"quantile is {self.quantile}; it must lie between 0 and 1.")
        solver = _frisch_newton(self.solver)
        training = Training.of(X, y, sample_weight)
        values, weights = read_values(training.y, len(training.y)), training.weights
        table = Standardised.of(training.matrix, weights, 0.0, intercept=self.fit_intercept)
        middle = float(np.median(values)) if self.fit_intercept else 0.0
        unit = _size(values - middle)
        directions = _independent(table.matrix)
        heavy = weights / weights.mean()
        rows = (table.matrix @ directions) * heavy[:, None]
        minimum = solver.minimise_quantile(rows, (values - middle) / unit * heavy, self.quantile)
        parameters = unit * (directions @ self._keep(minimum))
        self._report(solver, "a linear programme is solved exactly", minimum)
        self.coef_, intercept = table.coefficients(parameters)
        self.intercept_ = float(intercept) + middle
        self.features_ = training.features
        return self


def _newton(solver: str | Newton) -> Newton:
    if isinstance(solver, Newton):
        return solver
    if solver != "auto":
        raise BadInput(f"solver is {solver!r}; 'auto' or Newton() fits.")
    return Newton(max_steps=300)  # reweighting takes more steps than Newton's own


def _frisch_newton(solver: str | FrischNewton) -> FrischNewton:
    if isinstance(solver, FrischNewton):
        return solver
    if solver != "auto":
        raise BadInput(f"solver is {solver!r}; 'auto' or FrischNewton() fits.")
    return FrischNewton()


def _size(values: Floats) -> float:
    """A unit in which values are of order 1."""
    largest = float(np.abs(values).max())
    if not largest:
        return 1.0
    typical = largest * float(np.sqrt(np.mean(np.square(values / largest))))
    return typical or largest


def _least_squares(objective: ConcomitantHuber) -> Floats:
    """Where the walk starts."""
    weighted = objective.matrix.T * objective.weights
    curvature = gram(objective.matrix, objective.weights) + np.diag(objective.penalties)
    return solve_positive(curvature, weighted @ objective.y)


def _independent(matrix: Floats) -> Floats:
    """columns × rank: the identity, or the directions in which dependent columns differ at all."""
    _, sizes, directions = np.linalg.svd(np.linalg.qr(matrix, mode="r"), full_matrices=False)
    rank = int(np.count_nonzero(sizes > _DEPENDENT * sizes[0]))
    return np.eye(matrix.shape[1]) if rank == matrix.shape[1] else np.asarray(directions[:rank].T)
