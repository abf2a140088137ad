"""The metrics agree with scikit-learn's, and say nan where nothing is defined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as oracle

from northstar.metrics import METRICS, Floats

rng = np.random.default_rng(7)
BINARY = (rng.random(400) < 0.3).astype(float)
SCORE = np.round(np.clip(0.3 + 0.3 * (BINARY - 0.3) + rng.normal(0, 0.2, 400), 0.01, 0.99), 2)
VALUES = rng.normal(size=300)
FORECAST = VALUES + rng.normal(scale=0.5, size=300)
CLASSES = rng.integers(0, 3, 300)
PROBABILITIES = rng.dirichlet(np.ones(3), 300)
HARD = PROBABILITIES.argmax(axis=1)

CASES = [
    ("roc_auc", BINARY, SCORE, oracle.roc_auc_score(BINARY, SCORE)),
    ("average_precision", BINARY, SCORE, oracle.average_precision_score(BINARY, SCORE)),
    ("log_loss", BINARY, SCORE, oracle.log_loss(BINARY, SCORE)),
    ("brier", BINARY, SCORE, oracle.brier_score_loss(BINARY, SCORE)),
    ("accuracy", BINARY, SCORE, oracle.accuracy_score(BINARY, SCORE >= 0.5)),
    ("rmse", VALUES, FORECAST, oracle.root_mean_squared_error(VALUES, FORECAST)),
    ("mae", VALUES, FORECAST, oracle.mean_absolute_error(VALUES, FORECAST)),
    ("r2", VALUES, FORECAST, oracle.r2_score(VALUES, FORECAST)),
    ("log_loss", CLASSES, PROBABILITIES, oracle.log_loss(CLASSES, PROBABILITIES)),
    ("accuracy", CLASSES, PROBABILITIES, oracle.accuracy_score(CLASSES, HARD)),
    ("macro_f1", CLASSES, PROBABILITIES, oracle.f1_score(CLASSES, HARD, average="macro")),
]


@pytest.mark.parametrize(("name", "truth", "prediction", "expected"), CASES)
def test_a_metric_agrees_with_scikit_learn(
    name: str, truth: Any, prediction: Floats, expected: float
) -> None:
    assert METRICS[name].function(truth, prediction) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_a_ranking_without_positives_is_undefined(name: str) -> None:
    assert np.isnan(METRICS[name].function(np.zeros(5), np.linspace(0, 1, 5)))


def test_no_rows_define_no_metric() -> None:
    for name, definition in METRICS.items():
        none = np.zeros((0, 3)) if definition.tasks == {"multiclass"} else np.zeros(0)
        assert np.isnan(definition.function(np.zeros(0), none)), name
