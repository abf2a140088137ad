"""Logistic regression for two classes or more."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from northstar.linear.estimator import Estimator
from northstar.linear.inference.explained import Explained
from northstar.linear.models.likelihood import check_strength, choose_solver, raw_covariance
from northstar.linear.optimisation.losses import LogisticLoss, Loss, SoftmaxLoss, sigmoid, softmax
from northstar.linear.optimisation.minimum import Solver
from northstar.linear.optimisation.objective import Objective
from northstar.linear.standardise import Standardised
from northstar.linear.tables import Floats, Training, read_labels, read_weights


class LogisticRegression(Explained, Estimator):
    """Maximum likelihood for classes whose log odds are linear, with a penalty.

    Minimises ``Σ wᵢ loss(xᵢ, yᵢ) + ½ l2 Σ bⱼ²``, the intercept free; ``l2`` is 1/C of
    scikit-learn. Two classes have one row of coefficients, for the odds of ``classes_[1]``; more
    have one row each (softmax), which sum to 0 over the classes.

    Args:
        l2: ≥ 0. Without any, separable classes have no finite answer, and a warning says so.
        fit_intercept: whether the log odds at zero are free.
        solver: ``"auto"`` (Newton), or a solver such as ``Newton()``, ``GradientDescent()`` or
            ``StochasticGradientDescent()``.

    Attributes:
        classes_: the sorted labels.
        coef_: (1 or classes, columns).
        intercept_: (1 or classes,).
        unscaled_covariance_: of the parameters, the intercept first when there is one, class by
            class when there are more than two: the inverse second derivative of what is minimised,
            for more classes its pseudo-inverse, which belongs to coefficients that sum to 0 over
            the classes. ``None`` for more than 1000 parameters: it would take more memory and
            time than the fit.
    """

    classes_: NDArray[Any]
    coef_: Floats
    intercept_: Floats
    unscaled_covariance_: Floats | None

    _kind = "classifier"

    def __init__(
        self, *, l2: float = 1.0, fit_intercept: bool = True, solver: str | Solver = "auto"
    ) -> None:
        self.l2, self.fit_intercept, self.solver = l2, fit_intercept, solver

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from a table (rows × columns) and labels (rows,); raises ``BadInput``."""
        check_strength("l2", self.l2)
        training = Training.of(X, y, sample_weight)
        classes, codes = read_labels(training.y, len(training.y))
        weights = training.weights
        table = Standardised.of(training.matrix, weights, self.l2, intercept=self.fit_intercept)
        columns = table.matrix.shape[1]
        binary = len(classes) == 2
        loss: Loss = LogisticLoss() if binary else SoftmaxLoss()
        objective = Objective(table.matrix, codes, loss, weights, table.penalties)
        start = np.zeros(columns if binary else (columns, len(classes)))
        solver, reason = choose_solver(self.solver, start.size)
        minimum = solver.minimise(objective, start)
        parameters = self._keep(minimum)
        self._report(solver, reason, minimum)
        coefficients, intercept = table.coefficients(parameters)
        self.coef_, self.intercept_ = np.atleast_2d(coefficients.T), np.atleast_1d(intercept)
        self.unscaled_covariance_ = raw_covariance(table, objective, parameters)
        self.classes_, self.features_ = classes, training.features
        return self

    def decision_function(self, X: Any) -> Floats:
        """Log odds of ``classes_[1]`` (rows,), or scores (rows, classes) for more than two."""
        scores = self._read(X) @ self.coef_.T + self.intercept_
        return np.asarray(scores[:, 0] if len(self.coef_) == 1 else scores)

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities (rows, classes) in the order of ``classes_``; raises ``BadInput``."""
        scores = self.decision_function(X)
        if scores.ndim == 2:
            return softmax(scores)
        return np.column_stack([sigmoid(-scores), sigmoid(scores)])

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable label of each row."""
        scores = self.decision_function(X)
        winner = scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(np.intp)
        return np.asarray(self.classes_[winner])

    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Accuracy: the share of rows, by weight, whose label is predicted."""
        right = np.asarray(y) == self.predict(X)
        weights = read_weights(sample_weight, len(right))
        return float(weights @ right / weights.sum())
