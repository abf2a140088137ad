"""Poisson regression: counts and rates whose logarithm is linear."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from northstar.linear.errors import BadInput
from northstar.linear.estimator import Regressor
from northstar.linear.inference.explained import Explained
from northstar.linear.models.likelihood import check_strength, choose_solver, raw_covariance
from northstar.linear.optimisation.losses import PoissonLoss
from northstar.linear.optimisation.minimum import Solver
from northstar.linear.optimisation.objective import Objective
from northstar.linear.standardise import Standardised
from northstar.linear.tables import Floats, Training, read_values, read_weights


class PoissonRegression(Explained, Regressor):
    """Maximum likelihood for counts with the mean ``exp(xᵢb + a)``, with a penalty.

    Minimises ``Σ wᵢ (exp(xᵢb + a) − yᵢ (xᵢb + a)) / Σ wᵢ + ½ alpha Σ bⱼ²``, the intercept free:
    the objective of scikit-learn's ``PoissonRegressor``. Exposures (hours watched, population)
    go the same way as there: the target is count / exposure, the weight is the exposure. That is
    the same as an offset of log exposure.

    Args:
        alpha: ≥ 0; 0 is plain maximum likelihood, as in a GLM.
        fit_intercept: whether there is an ``a``.
        solver: ``"auto"`` (Newton), or a solver such as ``Newton()`` or ``GradientDescent()``.

    Attributes:
        coef_: (columns,), of the log mean.
        intercept_: a number.
        unscaled_covariance_: parameters × parameters, the intercept first when there is one: the
            inverse second derivative of ``Σ wᵢ`` times what is minimised, which is the
            coefficients' covariance when the variance is the mean. ``None`` for more than 1000
            parameters.
    """

    unscaled_covariance_: Floats | None

    _positive_target = True

    def __init__(
        self, *, alpha: float = 1.0, fit_intercept: bool = True, solver: str | Solver = "auto"
    ) -> None:
        self.alpha, self.fit_intercept, self.solver = alpha, fit_intercept, solver

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from a table (rows × columns) and counts or rates (rows,).

        Raises ``BadInput``, also for a negative target, and for one that is 0 throughout.
        """
        check_strength("alpha", self.alpha)
        training = Training.of(X, y, sample_weight)
        weights = training.weights
        counts = _read_counts(training.y)
        penalty = self.alpha * float(weights.sum())
        table = Standardised.of(training.matrix, weights, penalty, intercept=self.fit_intercept)
        objective = Objective(table.matrix, counts, PoissonLoss(), weights, table.penalties)
        start = np.zeros(table.matrix.shape[1])
        if self.fit_intercept:
            start[-1] = np.log(weights @ counts / weights.sum())
        solver, reason = choose_solver(self.solver, start.size)
        minimum = solver.minimise(objective, start)
        parameters = self._keep(minimum)
        self._report(solver, reason, minimum)
        self.coef_, intercept = table.coefficients(parameters)
        self.intercept_ = float(intercept)
        self.unscaled_covariance_ = raw_covariance(table, objective, parameters)
        self.features_ = training.features
        return self

    def predict(self, X: Any) -> Floats:
        """Means, shape (rows,); raises ``BadInput`` and ``NotFitted``."""
        return np.exp(super().predict(X))

    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """D², the share of the deviance that the predictions explain, as in scikit-learn.

        For a target without variance, 1 when it is predicted exactly, and 0 otherwise.
        """
        means = self.predict(X)
        counts = _read_counts(read_values(y, len(means)))
        weights = read_weights(sample_weight, len(means))
        overall = np.full_like(means, weights @ counts / weights.sum())
        left = float(weights @ _deviances(counts, means))
        total = float(weights @ _deviances(counts, overall))
        if not total:
            return 0.0 if left else 1.0
        return 1.0 - left / total


def _read_counts(y: ArrayLike) -> Floats:
    counts = read_values(y, len(np.asarray(y)))
    if (counts < 0).any():
        raise BadInput(
            f"The target is negative in {int((counts < 0).sum())} rows; a count or rate is not. "
            "Use LinearRegression for values of either sign."
        )
    if not counts.any():
        raise BadInput(
            "The target is 0 throughout, and the logarithm of its mean is not a number; take more "
            "rows."
        )
    return counts


def _deviances(counts: Floats, means: Floats) -> Floats:
    """Twice the log likelihood lost against predicting each count itself."""
    logs = np.log(np.where(counts > 0, counts, 1.0) / means)
    return np.asarray(2.0 * (np.where(counts > 0, counts * logs, 0.0) - counts + means))
