"""Least squares with penalties that set coefficients to zero: the lasso and the elastic net."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from northstar.linear.errors import BadInput
from northstar.linear.estimator import Regressor
from northstar.linear.models.likelihood import check_strength
from northstar.linear.optimisation.coordinate_descent import CoordinateDescent
from northstar.linear.optimisation.minimum import Minimum, PenalisedSolver
from northstar.linear.optimisation.penalties import ElasticNetPenalty
from northstar.linear.optimisation.quadratic import Quadratic
from northstar.linear.standardise import centre
from northstar.linear.tables import Floats, Training, read_values

_EPSILON = float(np.finfo(np.float64).eps)
_LARGEST = 1e140


class PenalisedLeastSquares(Regressor):
    """What the lasso and the elastic net share: one is the other without an L2 part."""

    alpha: float
    l1_ratio: float
    fit_intercept: bool
    solver: str | PenalisedSolver

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from a table (rows × columns) and values (rows,); raises ``BadInput``."""
        check_strength("alpha", self.alpha)
        _check_ratio(self.l1_ratio)
        solver, reason = _choose(self.solver)
        training = Training.of(X, y, sample_weight)
        problem = _Problem.of(training, intercept=self.fit_intercept)
        start = np.zeros(len(problem.scales))
        minimum = problem.solve(solver, self.alpha, self.l1_ratio, start)
        self._report(solver, reason, minimum)
        self.coef_, self.intercept_ = problem.raw(self._keep(minimum))
        self.features_ = training.features
        return self


class ElasticNet(PenalisedLeastSquares):
    """Least squares that shrinks coefficients and drops those that are not worth it.

    Minimises ``Σ wᵢ (yᵢ − xᵢb − a)² / (2 Σ wᵢ) + alpha (l1_ratio Σ|bⱼ| + ½ (1 − l1_ratio) Σ bⱼ²)``,
    the objective of scikit-learn's ``ElasticNet``. The penalty is in the columns' own units, so
    standardise them if it matters. Of related columns it keeps all, with related coefficients.

    Args:
        alpha: ≥ 0.
        l1_ratio: from 0 (ridge) to 1 (lasso).
        fit_intercept: whether there is an ``a``.
        solver: ``"auto"`` (coordinate descent), ``CoordinateDescent()`` or ``Fista()``.
    """

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        l1_ratio: float = 0.5,
        fit_intercept: bool = True,
        solver: str | PenalisedSolver = "auto",
    ) -> None:
        self.alpha, self.l1_ratio = alpha, l1_ratio
        self.fit_intercept, self.solver = fit_intercept, solver


class Lasso(PenalisedLeastSquares):
    """Least squares that drops columns: minimises ``… / (2 Σ wᵢ) + alpha Σ|bⱼ|`` (Tibshirani 1996).

    The objective of scikit-learn's ``Lasso``; see ``ElasticNet``. Of closely related columns it
    keeps one, and which one may hang on a few rows.

    Args:
        alpha: ≥ 0; from ``max |Σ wᵢ xᵢⱼ yᵢ| / Σ wᵢ`` of centred columns on, no column is left.
        fit_intercept: whether there is an ``a``.
        solver: see ``ElasticNet``.
    """

    l1_ratio = 1.0

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        solver: str | PenalisedSolver = "auto",
    ) -> None:
        self.alpha, self.fit_intercept, self.solver = alpha, fit_intercept, solver


@dataclass(frozen=True, eq=False)
class ElasticNetPath:
    """The elastic net for one strength after the other.

    Attributes:
        alphas: (alphas,), falling.
        coefs: (columns, alphas).
        intercepts: (alphas,).
        converged: (alphas,), whether the solver was satisfied.
    """

    alphas: Floats
    coefs: Floats
    intercepts: Floats
    converged: np.ndarray[tuple[int], np.dtype[np.bool_]]


def elastic_net_path(
    X: Any,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    l1_ratio: float = 0.5,
    alphas: ArrayLike | int = 100,
    smallest: float = 1e-3,
    fit_intercept: bool = True,
    solver: str | PenalisedSolver = "auto",
) -> ElasticNetPath:
    """The elastic net for many ``alphas``, each from where the one before ended.

    Args:
        alphas: the strengths, or how many: from the one that leaves no column down to
            ``smallest`` times that, evenly in the logarithm.

    Raises:
        BadInput: a table, target, weight or setting cannot be used; with a number of alphas,
            ``l1_ratio`` must be above 0, since no strength leaves no column otherwise.
    """
    _check_ratio(l1_ratio)
    chosen, _ = _choose(solver)
    problem = _Problem.of(Training.of(X, y, sample_weight), intercept=fit_intercept)
    strengths = _strengths(problem, alphas, l1_ratio, smallest)
    coefs = np.zeros((len(problem.scales), len(strengths)))
    intercepts, converged = np.zeros(len(strengths)), np.zeros(len(strengths), dtype=np.bool_)
    parameters = np.zeros(len(coefs))
    for k, alpha in enumerate(strengths):
        minimum = problem.solve(chosen, float(alpha), l1_ratio, parameters)
        parameters, converged[k] = minimum.parameters, minimum.converged
        coefs[:, k], intercepts[k] = problem.raw(parameters)
    return ElasticNetPath(strengths, coefs, intercepts, converged)


@dataclass(frozen=True, eq=False)
class _Problem:
    """Columns of mean 0 and spread 1, and a centred target: the intercept is out of the way."""

    means: Floats
    scales: Floats
    target_mean: float
    quadratic: Quadratic

    @classmethod
    def of(cls, training: Training, *, intercept: bool) -> _Problem:
        values = read_values(training.y, len(training.y))
        X, weights = training.matrix, training.weights / training.weights.sum()
        mean = float(centre(values[:, None], weights)[0]) if intercept else 0.0
        units = np.ones(X.shape[1])
        with np.errstate(over="ignore", under="ignore"):
            means = centre(X, weights) if intercept else np.zeros(X.shape[1])
            quadratic = Quadratic.of(X, values - mean, weights, means)
            if not np.isfinite(quadratic.square):
                raise BadInput("The target's squares overflow; use larger units for it.")
        if not _usual(quadratic.diagonal):  # squares that over- or underflow
            units = np.maximum(np.abs(X).max(axis=0), np.finfo(np.float64).tiny)
            quadratic = Quadratic.of(X / units, values - mean, weights, means / units)
        spreads = np.sqrt(quadratic.diagonal)
        # What is left of a constant column is rounding, not information.
        varied = spreads > len(X) * _EPSILON * np.abs(means) / units
        scales = np.where(varied, spreads, 1.0)
        return cls(means, scales * units, mean, quadratic.scaled(varied / scales))

    def solve(
        self, solver: PenalisedSolver, alpha: float, l1_ratio: float, start: Floats
    ) -> Minimum:
        """The penalty is on raw coefficients, which are these over the scales."""
        l1 = alpha * l1_ratio / self.scales
        l2 = np.square(np.minimum(np.sqrt(alpha * (1.0 - l1_ratio)) / self.scales, _LARGEST))
        return solver.minimise_penalised(self.quadratic, ElasticNetPenalty(l1, l2), start)

    def raw(self, parameters: Floats) -> tuple[Floats, float]:
        coefficients = parameters / self.scales
        return coefficients, self.target_mean - float(self.means @ coefficients)


def _usual(squares: Floats) -> bool:
    return bool(np.isfinite(squares).all() and ((squares > 1e-280) | (squares == 0.0)).all())


def _strengths(
    problem: _Problem, alphas: ArrayLike | int, l1_ratio: float, smallest: float
) -> Floats:
    if not isinstance(alphas, int):
        strengths = np.sort(np.asarray(alphas, dtype=np.float64))[::-1]
        if strengths.ndim != 1 or not len(strengths) or not (strengths >= 0).all():
            raise BadInput("alphas must be a list of numbers that are not negative.")
        return strengths
    if not l1_ratio > 0:
        raise BadInput("With l1_ratio 0 no strength leaves no column; name the alphas.")
    if not (alphas >= 1 and 0 < smallest < 1):
        raise BadInput("A path has at least one alpha, and smallest is between 0 and 1.")
    largest = float(np.max(np.abs(problem.quadratic.projected) * problem.scales)) / l1_ratio
    largest = max(largest, float(np.finfo(np.float64).tiny))
    return np.geomspace(largest, smallest * largest, alphas)


def _choose(solver: str | PenalisedSolver) -> tuple[PenalisedSolver, str]:
    if isinstance(solver, PenalisedSolver):
        return solver, "it was asked for"
    if solver != "auto":
        raise BadInput(f"solver is {solver!r}; 'auto', CoordinateDescent() or Fista() fits.")
    return CoordinateDescent(), "least squares gives each coefficient in closed form"


def _check_ratio(l1_ratio: float) -> None:
    check_strength("l1_ratio", l1_ratio)
    if l1_ratio > 1:
        raise BadInput(f"l1_ratio is {l1_ratio}; it goes from 0 (ridge) to 1 (lasso).")
