"""What the estimators have in common: the columns they know and the wish to be fitted first."""

from __future__ import annotations

import warnings
from typing import Any

from northstar.linear.errors import NotConverged, NotFitted
from northstar.linear.optimisation.minimum import Minimum, Step
from northstar.linear.tables import Features, Floats


class Estimator:
    """A linear model's memory of its training table.

    After ``fit``, ``steps_`` holds what an iterative solver did (empty for QR).
    """

    features_: Features | None = None
    steps_: tuple[Step, ...] = ()

    @property
    def n_features_in_(self) -> int:
        """How many columns the model was fitted on."""
        return self._fitted().count

    @property
    def feature_names_in_(self) -> tuple[str, ...] | None:
        """The columns' names, when the training table had names."""
        return self._fitted().names

    def _fitted(self) -> Features:
        if self.features_ is None:
            raise NotFitted(f"{type(self).__name__} has not learnt anything yet; call fit first.")
        return self.features_

    def _read(self, X: Any) -> Floats:
        return self._fitted().read(X)

    def _keep(self, minimum: Minimum) -> Floats:
        self.steps_ = minimum.steps
        if not minimum.converged:
            warnings.warn(
                f"{type(self).__name__} stopped after {len(minimum.steps)} steps with a gradient "
                f"of norm {minimum.steps[-1].gradient_norm:.3g}; allow more steps or penalise.",
                NotConverged,
                stacklevel=3,
            )
        return minimum.parameters
