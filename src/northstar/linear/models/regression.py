"""Linear regression, plain and with a ridge, from a table in memory, a stream, or parts of one."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from northstar.linear.errors import BadInput
from northstar.linear.estimator import Estimator
from northstar.linear.least_squares.svd import Solution, solve
from northstar.linear.least_squares.triangle import Triangle
from northstar.linear.optimisation.losses import SquaredLoss
from northstar.linear.optimisation.minimum import Solver
from northstar.linear.optimisation.objective import Objective
from northstar.linear.solver_report import SolverReport
from northstar.linear.standardise import Standardised
from northstar.linear.tables import Features, Floats, read_values, read_weights


class LeastSquares(Estimator):
    """What plain and ridge regression share: how they learn, and what is known afterwards.

    Attributes:
        coef_: (columns,).
        intercept_: a number; 0 without an intercept.
        rank_: how many of the columns, less their means when there is an intercept, are
            independent (with a ridge: of the table and the penalty's rows).
        degrees_of_freedom_: rows less what was estimated: ``rank_``, and one for the intercept.
        residual_sum_of_squares_: Σ w (y − prediction)².
        triangle_: all that least squares needs of the rows, without the penalty.
        unscaled_covariance_: parameters × parameters, the intercept first when there is one, for
            the columns as they came: ``(XᵀWX + alpha D)⁻¹`` with D zero for the intercept, to be
            multiplied by the variance of the noise. Where columns depend on each other, that of
            the least-norm coefficients.
        solver_report_: which solver answered, and why.
    """

    coef_: Floats
    intercept_: float
    rank_: int
    degrees_of_freedom_: int
    residual_sum_of_squares_: float
    triangle_: Triangle
    unscaled_covariance_: Floats
    solver_report_: SolverReport

    alpha: float
    fit_intercept: bool
    solver: str | Solver

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from a table (rows × columns) and values (rows,); raises ``BadInput``."""
        if not self.alpha >= 0:
            raise BadInput(f"alpha is {self.alpha}; it must not be negative.")
        features = Features.of(X)
        matrix = features.read(X)
        values = read_values(y, len(matrix))
        weights = None if sample_weight is None else read_weights(sample_weight, len(matrix))
        self.triangle_ = Triangle.of(matrix, values, weights, intercept=self.fit_intercept)
        self._answer()
        if not isinstance(self.solver, str):
            self._walk(matrix, values, weights, self.solver)
        self.features_ = features
        return self

    def predict(self, X: Any) -> Floats:
        """Values, shape (rows,); raises ``BadInput`` and ``NotFitted``."""
        return np.asarray(self._read(X) @ self.coef_ + self.intercept_)

    def _answer(self) -> None:
        triangle = self.triangle_
        solution = solve(triangle.penalised(self.alpha) if self.alpha else triangle)
        self.coef_, self.rank_ = solution.coefficients, solution.rank
        self.intercept_ = triangle.target_mean - float(triangle.means @ self.coef_)
        self.degrees_of_freedom_ = triangle.rows - self.rank_ - int(self.fit_intercept)
        R, c = triangle.centred
        missed = float(np.sum(np.square(R @ self.coef_ - c)))
        self.residual_sum_of_squares_ = triangle.residual_sum_of_squares + missed
        self.unscaled_covariance_ = _raw_covariance(triangle, solution)
        self.solver_report_ = SolverReport(
            "qr", "the columns are independent", solution.condition, solution.rank
        )
        self.steps_ = ()

    def _walk(self, X: Floats, y: Floats, weights: Floats | None, solver: Solver) -> None:
        weights = np.ones(len(X)) if weights is None else weights
        table = Standardised.of(X, weights, self.alpha, intercept=self.fit_intercept)
        objective = Objective(table.matrix, y, SquaredLoss(), weights, table.penalties)
        parameters = self._keep(solver.minimise(objective, np.zeros(table.matrix.shape[1])))
        self.coef_, intercept = table.coefficients(parameters)
        self.intercept_ = float(intercept)


class Ridge(LeastSquares):
    """Least squares with a penalty on the coefficients, not on the intercept.

    Minimises ``Σ wᵢ (yᵢ − xᵢb − a)² + alpha Σ bⱼ²`` (Hoerl and Kennard 1970), the objective of
    scikit-learn's ``Ridge``.

    Args:
        alpha: ≥ 0; the penalty is in the columns' own units, so standardise them if it matters.
        fit_intercept: whether there is an ``a``.
        solver: see ``LinearRegression``.
    """

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        solver: str | Solver = "auto",
    ) -> None:
        self.alpha, self.fit_intercept, self.solver = alpha, fit_intercept, solver


class LinearRegression(LeastSquares):
    """Ordinary least squares: minimises ``Σ wᵢ (yᵢ − xᵢb − a)²``.

    Of many solutions (columns that depend on each other, more columns than rows) it takes the one
    with the smallest coefficients; ``rank_`` says how many columns are independent.

    Args:
        fit_intercept: whether there is an ``a``.
        solver: ``"auto"`` chooses, and ``solver_report_`` says why.
    """

    alpha = 0.0

    def __init__(self, *, fit_intercept: bool = True, solver: str | Solver = "auto") -> None:
        self.fit_intercept, self.solver = fit_intercept, solver


def _raw_covariance(triangle: Triangle, solution: Solution) -> Floats:
    """From the coefficients of the centred table to intercept and coefficients of the raw one."""
    slopes = solution.covariance
    if not triangle.intercept:
        return slopes
    across = -(slopes @ triangle.means)
    corner = 1.0 / triangle.weight - triangle.means @ across
    return np.block([[np.array([[corner]]), across[None, :]], [across[:, None], slopes]])
