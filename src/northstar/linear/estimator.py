"""What the estimators have in common: scikit-learn's conventions, and the wish to be fitted first.

A constructor stores its arguments unchanged; ``fit`` validates them, learns, and returns the
estimator; whatever it learnt ends in an underscore. So the estimators work in scikit-learn's
pipelines and searches, without being made of it.
"""

from __future__ import annotations

import inspect
import warnings
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from northstar.linear.errors import BadInput, NotConverged
from northstar.linear.optimisation.minimum import Minimum, Step
from northstar.linear.scikit_learn import estimator_tags, not_fitted
from northstar.linear.solver_report import SolverReport
from northstar.linear.tables import Features, Floats, read_values, read_weights


class Estimator:
    """A linear model's settings, and its memory of its training table.

    After ``fit``, ``steps_`` holds what an iterative solver did (empty for a direct one), and
    ``solver_report_`` says which solver answered, and why that one.
    """

    features_: Features | None = None
    steps_: tuple[Step, ...] = ()
    solver_report_: SolverReport

    _kind: ClassVar[Literal["classifier", "regressor"]]
    _positive_target: ClassVar[bool] = False

    @property
    def n_features_in_(self) -> int:
        """How many columns the model was fitted on."""
        return self._fitted().count

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """The columns' names, an array of str; there is none if the training table had no names."""
        names = self._fitted().names
        if names is None:
            raise not_fitted("The training table had no column names.")
        return np.array(names, dtype=object)

    @property
    def n_iter_(self) -> int:
        """How many steps the solver took; 0 for a direct one."""
        self._fitted()
        return len(self.steps_)

    @classmethod
    def setting_names(cls) -> list[str]:
        """The names of the constructor's arguments."""
        return list(inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments; ``deep`` is scikit-learn's and has no effect."""
        return {name: getattr(self, name) for name in self.setting_names()}

    def set_params(self, **params: Any) -> Self:
        """Change constructor arguments; raises ``BadInput`` for one that does not exist."""
        known = self.setting_names()
        for name, value in params.items():
            if name not in known:
                raise BadInput(
                    f"{type(self).__name__} has no setting {name!r}; it has {', '.join(known)}."
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({shown})"

    def __sklearn_is_fitted__(self) -> bool:
        return self.features_ is not None

    def __sklearn_tags__(self) -> Any:
        return estimator_tags(self._kind, positive_target=self._positive_target)

    def _fitted(self) -> Features:
        if self.features_ is None:
            name = type(self).__name__
            raise not_fitted(f"{name} has not learnt anything yet; call fit first.")
        return self.features_

    def _read(self, X: Any) -> Floats:
        return self._fitted().read(X, type(self).__name__)

    def _keep(self, minimum: Minimum) -> Floats:
        self.steps_ = minimum.steps
        if not minimum.converged:
            advice = minimum.complaint or (
                f"the gradient's norm is still {minimum.steps[-1].gradient_norm:.3g}; allow more "
                "steps, another step size, or penalise"
            )
            warnings.warn(
                f"{type(self).__name__} did not converge in {len(minimum.steps)} steps: {advice}.",
                NotConverged,
                stacklevel=3,
            )
        return minimum.parameters

    def _report(self, solver: object, reason: str, minimum: Minimum) -> None:
        self.solver_report_ = SolverReport(
            type(solver).__name__, reason, steps=len(minimum.steps), converged=minimum.converged
        )


class Regressor(Estimator):
    """A linear model of a value; ``coef_`` is (columns,), ``intercept_`` a number."""

    coef_: Floats
    intercept_: float

    _kind = "regressor"

    def predict(self, X: Any) -> Floats:
        """Values, shape (rows,); raises ``BadInput`` and ``NotFitted``."""
        return np.asarray(self._read(X) @ self.coef_ + self.intercept_)

    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """R², the share of the target's variance that the predictions explain; at most 1.

        For a target without variance, 1 when it is predicted exactly, and 0 otherwise.
        """
        predicted = self.predict(X)
        values = read_values(y, len(predicted))
        weights = read_weights(sample_weight, len(predicted))
        mean = weights @ values / weights.sum()
        unexplained = float(weights @ np.square(values - predicted))
        total = float(weights @ np.square(values - mean))
        if not total:
            return 0.0 if unexplained else 1.0
        return 1.0 - unexplained / total
