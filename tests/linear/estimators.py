"""One of each estimator, with settings under which all of them learn something."""

from __future__ import annotations

from typing import Any

import numpy as np

from northstar.linear import (
    ElasticNet,
    HuberRegression,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegression,
    QuantileRegression,
    Ridge,
)
from tests.linear.tables import Floats, labels, values

ESTIMATORS: dict[str, Any] = {
    "LinearRegression": LinearRegression(),
    "Ridge": Ridge(alpha=0.5),
    "Lasso": Lasso(alpha=0.01),
    "ElasticNet": ElasticNet(alpha=0.01),
    "HuberRegression": HuberRegression(),
    "QuantileRegression": QuantileRegression(),
    "LogisticRegression": LogisticRegression(l2=0.1),
    "PoissonRegression": PoissonRegression(alpha=0.1),
}


def fresh(name: str) -> Any:
    """An estimator that has not learnt anything."""
    model = ESTIMATORS[name]
    return type(model)(**model.get_params())


def target(name: str, seed: int, X: Floats) -> Any:
    """A target that suits the estimator: classes, counts or values."""
    if name == "LogisticRegression":
        return labels(seed, X, 3)
    if name == "PoissonRegression":
        return np.random.default_rng(seed).poisson(np.exp(0.3 * values(seed, X) - 1.0))
    return values(seed, X)
