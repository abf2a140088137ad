"""Logistic regression for two classes or more."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from northstar.linear.errors import BadInput
from northstar.linear.estimator import Estimator
from northstar.linear.optimisation.losses import LogisticLoss, Loss, SoftmaxLoss, sigmoid, softmax
from northstar.linear.optimisation.minimum import Solver
from northstar.linear.optimisation.newton import Newton
from northstar.linear.optimisation.objective import Objective
from northstar.linear.standardise import Standardised
from northstar.linear.tables import Features, Floats, read_labels, read_weights


class LogisticRegression(Estimator):
    """Maximum likelihood for classes whose log odds are linear, with a penalty.

    Minimises ``Σ wᵢ loss(xᵢ, yᵢ) + ½ l2 Σ bⱼ²``, the intercept free; ``l2`` is 1/C of
    scikit-learn. Two classes have one row of coefficients, for the odds of ``classes_[1]``; more
    have one row each (softmax).

    Args:
        l2: ≥ 0. Without any, separable classes have no finite answer.
        fit_intercept: whether the log odds at zero are free.
        solver: ``Newton()`` or ``GradientDescent()``.

    Attributes:
        classes_: the sorted labels.
        coef_: (1 or classes, columns).
        intercept_: (1 or classes,).
    """

    classes_: NDArray[Any]
    coef_: Floats
    intercept_: Floats

    def __init__(
        self, *, l2: float = 1.0, fit_intercept: bool = True, solver: Solver | None = None
    ) -> None:
        if not l2 >= 0:
            raise BadInput(f"l2 is {l2}; it must not be negative.")
        self.l2, self.fit_intercept = l2, fit_intercept
        self.solver: Solver = solver or Newton()

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from a table (rows × columns) and labels (rows,); raises ``BadInput``."""
        features = Features.of(X)
        matrix = features.read(X)
        classes, codes = read_labels(y, len(matrix))
        weights = read_weights(sample_weight, len(matrix))
        table = Standardised.of(matrix, weights, self.l2, intercept=self.fit_intercept)
        columns = table.matrix.shape[1]
        binary = len(classes) == 2
        loss: Loss = LogisticLoss() if binary else SoftmaxLoss()
        objective = Objective(table.matrix, codes, loss, weights, table.penalties)
        start = np.zeros(columns if binary else (columns, len(classes)))
        coefficients, intercept = table.coefficients(
            self._keep(self.solver.minimise(objective, start))
        )
        self.coef_, self.intercept_ = np.atleast_2d(coefficients.T), np.atleast_1d(intercept)
        self.classes_, self.features_ = classes, features
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
        positive = sigmoid(scores)
        return np.column_stack([1.0 - positive, positive])

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable label of each row."""
        scores = self.decision_function(X)
        winner = scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(np.intp)
        return np.asarray(self.classes_[winner])
