"""Linear regression, plain and with a ridge, from a table in memory, a stream, or parts of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from northstar.linear.errors import BadInput
from northstar.linear.estimator import Regressor
from northstar.linear.inference.explained import Explained
from northstar.linear.least_squares.refinement import refine
from northstar.linear.least_squares.solution import Solution
from northstar.linear.least_squares.solvers import choose, reduce_rows, solve_penalised
from northstar.linear.least_squares.triangle import Triangle
from northstar.linear.optimisation.losses import SquaredLoss
from northstar.linear.optimisation.minimum import Solver
from northstar.linear.optimisation.objective import Objective
from northstar.linear.solver_report import SolverReport
from northstar.linear.standardise import Standardised
from northstar.linear.tables import Features, Floats, read_values, read_weights


class LeastSquares(Explained, Regressor):
    """What plain and ridge regression share: how they learn, and what is known afterwards.

    ``fit`` takes a table in memory; ``fit_stream`` takes batches and ``partial_fit`` one batch
    more, in memory that does not grow with the rows; ``merge`` adds the rows of another fit. All
    reduce rows to the same small triangle, so they give the same answer up to rounding.

    Attributes:
        coef_: (columns,).
        intercept_: a number; 0 without an intercept.
        rank_: how many of the columns, less their means when there is an intercept, are
            independent (with a ridge: of the table and the penalty's rows).
        degrees_of_freedom_: rows less what was estimated: ``rank_``, and one for the intercept.
            A row of weight 0 does not count.
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
        features = Features.of(X)
        matrix, values, weights = _read(features, X, y, sample_weight)
        with self._all_or_nothing():
            self.triangle_ = self._reduce(matrix, values, weights)
            self.features_ = features
            if not isinstance(self.solver, str):
                self._walk(matrix, values, weights, self.solver)
            elif self._solve(self.solver, rows_at_hand=True):
                self._refine(matrix, values, weights)
        return self

    def partial_fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from one more batch, keeping what was learnt; raises ``BadInput``.

        Ends where ``fit`` on all rows would, but for refinement, which needs them at once.
        """
        solver = self._direct_solver()
        with self._all_or_nothing():
            self._add(X, y, sample_weight)
            self._solve(solver, rows_at_hand=False)
        return self

    def fit_stream(self, batches: Iterable[tuple[Any, ...]]) -> Self:
        """Learn from batches ``(X, y)`` or ``(X, y, sample_weight)``; raises ``BadInput``.

        Memory holds one batch and a triangle. Batches of thousands of rows are fastest.
        """
        solver = self._direct_solver()
        with self._all_or_nothing():
            self.features_ = None
            count = 0
            for count, batch in enumerate(batches, start=1):  # noqa: B007 - counted, for the end
                self._add(*batch)
            if not count:
                raise BadInput("The stream has no batches; at least one with rows is needed.")
            self._solve(solver, rows_at_hand=False)
        return self

    def merge(self, other: Self) -> Self:
        """Add the rows that ``other`` has learnt from; exact up to rounding; raises ``BadInput``.

        Workers that fit parts of a table so combine into the fit of the whole.
        """
        solver, mine, theirs = self._direct_solver(), self._fitted(), other._fitted()
        if mine != theirs:
            raise BadInput(
                f"Only fits of the same columns merge, in the same order; here are "
                f"{mine.names or mine.count} and {theirs.names or theirs.count}."
            )
        self.triangle_ = self._reduced().merge(other._reduced())
        self._solve(solver, rows_at_hand=False)
        return self

    def predict(self, X: Any) -> Floats:
        """Values, shape (rows,); raises ``BadInput`` and ``NotFitted``."""
        return np.asarray(self._read(X) @ self.coef_ + self.intercept_)

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Whoever was fitted before stays as it was when a new fit fails half-way."""
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _reduce(self, X: Floats, y: Floats, weights: Floats | None) -> Triangle:
        if not 0 <= self.alpha < np.inf:
            raise BadInput(f"alpha is {self.alpha}; it must be finite and not negative.")
        if not isinstance(self.solver, str | Solver):
            raise BadInput(
                f"solver is {self.solver!r}; a name such as 'auto' or a solver such as "
                "GradientDescent() fits."
            )
        solver = self.solver if isinstance(self.solver, str) else "auto"
        return reduce_rows(X, y, weights, intercept=self.fit_intercept, solver=solver)

    def _add(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        features = Features.of(X) if self.features_ is None else self.features_
        triangle = self._reduce(*_read(features, X, y, sample_weight))
        if self.features_ is not None:
            triangle = self._reduced().merge(triangle)
        self.triangle_, self.features_ = triangle, features

    def _reduced(self) -> Triangle:
        if not hasattr(self, "triangle_"):
            raise BadInput(
                f"This {type(self).__name__} was loaded from a file, which keeps coefficients but "
                "not what they were found from; fit it anew to add rows."
            )
        return self.triangle_

    def _direct_solver(self) -> str:
        if isinstance(self.solver, str):
            return self.solver
        raise BadInput(
            f"{type(self.solver).__name__} needs all rows in one fit; batches and parts are solved "
            "by solver='auto'."
        )

    def _solve(self, solver: str, *, rows_at_hand: bool) -> bool:
        """Take the triangle's answer; says whether the rows should refine it."""
        triangle = self.triangle_
        solution = solve_penalised(triangle, self.alpha, solver)
        choice = choose(solver, solution, triangle, rows_at_hand=rows_at_hand)
        self.coef_, self.rank_, self.steps_ = solution.coefficients, solution.rank, ()
        self.intercept_ = triangle.target_mean - float(triangle.means @ self.coef_)
        self.residual_sum_of_squares_ = triangle.squares_at(self.coef_)
        self.degrees_of_freedom_ = triangle.rows - self.rank_ - int(self.fit_intercept)
        self.unscaled_covariance_ = _raw_covariance(triangle, solution)
        self.solver_report_ = SolverReport(
            choice.solver, choice.reason, solution.condition, solution.rank
        )
        return choice.refine

    def _refine(self, X: Floats, y: Floats, weights: Floats | None) -> None:
        refined = refine(X, y, weights, self.alpha, intercept=self.fit_intercept)
        report = self.solver_report_
        if refined is None:
            reason = f"{report.reason}, and more digits than refinement has"
            self.solver_report_ = SolverReport("qr", reason, report.condition, report.rank)
            return
        first = int(self.fit_intercept)
        self.coef_ = refined.parameters[first:]
        self.intercept_ = float(refined.parameters[0]) if first else 0.0
        self.residual_sum_of_squares_ = refined.residual_sum_of_squares
        self.unscaled_covariance_ = refined.covariance

    def _walk(self, X: Floats, y: Floats, weights: Floats | None, solver: Solver) -> None:
        self._solve("qr", rows_at_hand=False)
        weights = np.ones(len(X)) if weights is None else weights
        table = Standardised.of(X, weights, self.alpha, intercept=self.fit_intercept)
        objective = Objective(table.matrix, y, SquaredLoss(), weights, table.penalties)
        minimum = solver.minimise(objective, np.zeros(table.matrix.shape[1]))
        self.coef_, intercept = table.coefficients(self._keep(minimum))
        self.intercept_ = float(intercept)
        self.residual_sum_of_squares_ = self.triangle_.squares_at(self.coef_, self.intercept_)
        self.solver_report_ = SolverReport(
            type(solver).__name__,
            "it was asked for",
            self.solver_report_.condition,
            self.rank_,
            len(minimum.steps),
            minimum.converged,
        )


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
        solver: ``"auto"`` takes QR; the normal equations where the table is large and they lose
            nothing; the shortest of many solutions where columns depend on each other; and
            refinement where QR would lose digits and the table is not large. Or one of
            ``"qr"``, ``"cholesky"``, ``"householder"``, ``"svd"``, ``"refined"``, or an iterative
            solver such as ``GradientDescent()``. ``solver_report_`` says which it was, and why.
    """

    alpha = 0.0

    def __init__(self, *, fit_intercept: bool = True, solver: str | Solver = "auto") -> None:
        self.fit_intercept, self.solver = fit_intercept, solver


def _read(
    features: Features, X: Any, y: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[Floats, Floats, Floats | None]:
    matrix = features.read(X)
    values = read_values(y, len(matrix))
    if sample_weight is None:
        return matrix, values, None
    weights = read_weights(sample_weight, len(matrix))
    counts = weights > 0.0  # a row that does not count must not cost the others digits either
    if counts.all():
        return matrix, values, weights
    return matrix[counts], values[counts], weights[counts]


def _raw_covariance(triangle: Triangle, solution: Solution) -> Floats:
    """From the coefficients of the centred table to intercept and coefficients of the raw one."""
    slopes = solution.covariance
    if not triangle.intercept:
        return slopes
    across = -(slopes @ triangle.means)
    corner = 1.0 / triangle.weight - triangle.means @ across
    return np.block([[np.array([[corner]]), across[None, :]], [across[:, None], slopes]])
