"""Linear regression, plain and with a ridge."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from northstar.linear.errors import BadInput
from northstar.linear.estimator import Estimator
from northstar.linear.gradient_descent import GradientDescent
from northstar.linear.least_squares.triangle import Solution, reduce_to_triangle, solve, solve_ridge
from northstar.linear.losses import SquaredLoss
from northstar.linear.objective import Objective
from northstar.linear.standardise import Standardised, centre
from northstar.linear.tables import Features, Floats, read_values, read_weights


class Ridge(Estimator):
    """Least squares with a penalty on the coefficients, not on the intercept.

    Minimises ``Σ wᵢ (yᵢ − xᵢb − a)² + alpha Σ bⱼ²``.

    Args:
        alpha: ≥ 0; the penalty is in the columns' own units, so standardise them if it matters.
        fit_intercept: whether there is an ``a``.
        solver: ``None`` solves exactly by QR; ``GradientDescent`` walks there and keeps the way.

    Attributes:
        coef_: (columns,).
        intercept_: a number.
        rank_: of the centred table (and the penalty), by QR; columns with gradient descent.
    """

    coef_: Floats
    intercept_: float
    rank_: int

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        solver: GradientDescent | None = None,
    ) -> None:
        if not alpha >= 0:
            raise BadInput(f"alpha is {alpha}; it must not be negative.")
        self.alpha, self.fit_intercept, self.solver = alpha, fit_intercept, solver

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from a table (rows × columns) and values (rows,); raises ``BadInput``."""
        features = Features.of(X)
        matrix = features.read(X)
        values = read_values(y, len(matrix))
        weights = read_weights(sample_weight, len(matrix))
        if self.solver is None:
            self._fit_by_qr(matrix, values, weights)
        else:
            self._fit_by_descent(matrix, values, weights, self.solver)
        self.features_ = features
        return self

    def predict(self, X: Any) -> Floats:
        """Values, shape (rows,); raises ``BadInput`` and ``NotFitted``."""
        return np.asarray(self._read(X) @ self.coef_ + self.intercept_)

    def _fit_by_qr(self, X: Floats, y: Floats, weights: Floats) -> None:
        means = centre(X, weights) if self.fit_intercept else np.zeros(X.shape[1])
        mean = float(centre(y[:, None], weights)[0]) if self.fit_intercept else 0.0
        roots = np.sqrt(weights)
        table = (X - means) * roots[:, None]
        middle = means * np.sqrt(weights.mean())
        triangle = reduce_to_triangle(table, (y - mean) * roots, middle)
        solution: Solution = solve_ridge(triangle, self.alpha) if self.alpha else solve(triangle)
        self.coef_, self.rank_, self.steps_ = solution.coefficients, solution.rank, ()
        self.intercept_ = mean - float(means @ self.coef_)

    def _fit_by_descent(
        self, X: Floats, y: Floats, weights: Floats, solver: GradientDescent
    ) -> None:
        table = Standardised.of(X, weights, self.alpha, intercept=self.fit_intercept)
        objective = Objective(table.matrix, y, SquaredLoss(), weights, table.penalties)
        parameters = self._keep(solver.minimise(objective, np.zeros(table.matrix.shape[1])))
        self.coef_, intercept = table.coefficients(parameters)
        self.intercept_, self.rank_ = float(intercept), X.shape[1]


class LinearRegression(Ridge):
    """Ordinary least squares: ``Ridge`` without the penalty.

    Of many solutions (columns that depend on each other, more columns than rows) QR takes the one
    with the smallest coefficients; ``rank_`` says how many columns are independent.
    """

    def __init__(
        self, *, fit_intercept: bool = True, solver: GradientDescent | None = None
    ) -> None:
        super().__init__(alpha=0.0, fit_intercept=fit_intercept, solver=solver)
