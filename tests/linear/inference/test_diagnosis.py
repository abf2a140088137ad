"""Planted defects are found and named; clean tables are left in peace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.random import Generator

from northstar.linear import (
    Finding,
    GradientDescent,
    LinearRegression,
    LogisticRegression,
    NotConverged,
    PoissonRegression,
    Ridge,
    diagnose,
)
from tests.linear.tables import Floats


def clean(rng: Generator, rows: int = 300) -> tuple[Floats, Floats]:
    X = rng.normal(size=(rows, 4)) * [1.0, 50.0, 0.1, 1.0] + [0.0, 300.0, 1.0, 0.0]
    X[:, 3] = rng.random(rows) < 0.3
    return X, X @ [1.0, 0.02, 10.0, 2.0] + rng.normal(size=rows)


def kinds(found: list[Finding]) -> set[str]:
    return {finding.kind for finding in found}


def test_clean_tables_are_left_in_peace() -> None:
    alarms: Counter[str] = Counter()
    for seed in range(150):
        rng = np.random.default_rng(seed)
        X, y = clean(rng, int(rng.choice([60, 300, 2000])))
        alarms.update(kinds(diagnose(LinearRegression().fit(X, y), X, y, ordered=True)))
        scores = X @ [1.0, 0.02, 5.0, 1.0] - 11.5
        labels = rng.logistic(size=len(X)) < scores
        if len(X) > 60:
            alarms.update(kinds(diagnose(LogisticRegression(l2=0.01).fit(X, labels), X, labels)))
        counts = rng.poisson(np.exp(0.3 * (scores - scores.mean()) + 1.0))
        alarms.update(kinds(diagnose(PoissonRegression(alpha=0).fit(X, counts), X, counts)))
    assert alarms.total() <= 6, alarms  # of more than 400 fits


def _twin(X: Floats, y: Floats, rng: Generator) -> tuple[Floats, Floats]:
    return np.column_stack([X, 3.0 * X[:, 0] - 1.0]), y


def _near_twin(X: Floats, y: Floats, rng: Generator) -> tuple[Floats, Floats]:
    return np.column_stack([X, X[:, 0] + 0.01 * rng.normal(size=len(X))]), y


def _constant(X: Floats, y: Floats, rng: Generator) -> tuple[Floats, Floats]:
    return np.column_stack([X, np.full(len(X), 2013.0)]), y


def _scale(X: Floats, y: Floats, rng: Generator) -> tuple[Floats, Floats]:
    return np.column_stack([X, 1e9 * rng.normal(size=len(X))]), y


def _uneven(X: Floats, y: Floats, rng: Generator) -> tuple[Floats, Floats]:
    return X, y + 2.0 * np.exp(X[:, 0]) * rng.normal(size=len(X))


def _bent(X: Floats, y: Floats, rng: Generator) -> tuple[Floats, Floats]:
    return X, y + 0.5 * X[:, 0] ** 2


def _together(X: Floats, y: Floats, rng: Generator) -> tuple[Floats, Floats]:
    return X, 0.5 * (y - 14.0) ** 2


def _heavy(X: Floats, y: Floats, rng: Generator) -> tuple[Floats, Floats]:
    return X, y + 2.0 * rng.standard_t(2, size=len(X))


def _pulled(X: Floats, y: Floats, rng: Generator) -> tuple[Floats, Floats]:
    X[17, 0], y[17] = 15.0, -40.0
    return X, y


def _outlier(X: Floats, y: Floats, rng: Generator) -> tuple[Floats, Floats]:
    y[17] += 9.0
    return X, y


def _serial(X: Floats, y: Floats, rng: Generator) -> tuple[Floats, Floats]:
    noise = rng.normal(size=len(X))
    for i in range(1, len(noise)):
        noise[i] += 0.6 * noise[i - 1]
    return X, X[:, 0] + noise


def _few(X: Floats, y: Floats, rng: Generator) -> tuple[Floats, Floats]:
    return X[:12], y[:12]


Plant = Callable[[Floats, Floats, Generator], tuple[Floats, Floats]]
DEFECTS: dict[str, tuple[Plant, str, str]] = {
    "twin": (_twin, "collinearity", "Columns x1 and x5 carry the same information"),
    "near twin": (_near_twin, "collinearity", "x1 and x5 carry nearly the same"),
    "constant": (_constant, "constant-column", "x5 has the same value in every row"),
    "scale": (_scale, "scale", "x5 varies"),
    "uneven": (_uneven, "heteroscedasticity", "use robust_covariance"),
    "bent": (_bent, "non-linearity", "The effect of x1 is not a straight line"),
    "together": (_together, "non-linearity", ""),
    "heavy": (_heavy, "heavy-tails", "HuberRegression"),
    "pulled": (_pulled, "influential-rows", "Without row 17"),
    "outlier": (_outlier, "influential-rows", "row 17 lies further"),
    "serial": (_serial, "autocorrelation", "Durbin-Watson"),
    "few": (_few, "too-few-rows", "12 rows for 5 parameters"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found_and_named(name: str) -> None:
    plant, kind, words = DEFECTS[name]
    found = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X, y = plant(*clean(rng), rng)
        findings = diagnose(LinearRegression().fit(X, y), X, y, ordered=True)
        found += any(finding.kind == kind and words in str(finding) for finding in findings)
    assert found >= 9


def test_indicators_of_all_levels_are_recognised_by_their_names() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(np.eye(3)[rng.integers(0, 3, 200)], columns=["EWR", "JFK", "LGA"])
    y = rng.normal(size=200)
    (finding,) = diagnose(LinearRegression().fit(X, y), X, y)
    assert finding.columns == ("EWR", "JFK", "LGA")
    assert "sum to the same" in str(finding)


def test_a_relation_of_several_columns_is_written_out() -> None:
    rng = np.random.default_rng(0)
    X, y = clean(rng)
    X = np.column_stack([X, X[:, 0] - 2.0 * X[:, 2]])
    (finding,) = diagnose(Ridge(alpha=0.1).fit(X, y), X, y)
    assert finding.columns == ("x1", "x3", "x5")
    assert "x5 ≈ 1 x1 − 2 x3 + constant" in finding.message or "≈" in finding.message


def test_separated_classes_are_said_to_be() -> None:
    rng = np.random.default_rng(0)
    X, _ = clean(rng)
    whole = X[:, 0] > 0
    (finding,) = [
        one
        for one in diagnose(LogisticRegression(l2=0.01).fit(X, whole), X, whole)
        if one.kind == "separation"
    ]
    assert finding.columns == ("x1",)
    slanted = X[:, 0] + X[:, 1] / 50.0 > 6.3
    found = diagnose(LogisticRegression(l2=1e-9).fit(X, slanted), X, slanted)
    assert "on its own rows" in next(str(one) for one in found if one.kind == "separation")
    part = (rng.random(300) < 0.5) | (X[:, 3] == 1)
    findings = diagnose(LogisticRegression(l2=0.01).fit(X, part), X, part)
    assert [one.columns for one in findings if one.kind == "separation"] == [("x4",)]


def test_counts_that_vary_too_much_are_noticed() -> None:
    rng = np.random.default_rng(0)
    X, _ = clean(rng)
    counts = rng.negative_binomial(2, 0.3, size=300)
    assert "overdispersion" in kinds(diagnose(PoissonRegression(alpha=0).fit(X, counts), X, counts))


def test_a_solver_that_gave_up_is_reported() -> None:
    X, y = clean(np.random.default_rng(0))
    model = LinearRegression(solver=GradientDescent(max_steps=2))
    with pytest.warns(NotConverged):
        model.fit(X, y)
    assert "not-converged" in kinds(diagnose(model, X, y))


def test_weights_of_zero_leave_rows_out() -> None:
    rng = np.random.default_rng(3)
    X, y = clean(rng)
    y[5] += 1e6
    weights: Any = np.ones(300)
    weights[5] = 0.0
    model = LinearRegression().fit(X, y, weights)
    assert kinds(diagnose(model, X, y, weights)) == set()


def test_a_row_that_decides_the_answer_does_not_put_the_blame_on_a_column() -> None:
    rng = np.random.default_rng(7)
    X, y = clean(rng)
    y = y + 0.6 * X[:, 0] ** 2
    X[42, 1], y[42] = 900.0, -60.0
    found = diagnose(LinearRegression().fit(X, y), X, y)
    assert [one.rows for one in found if one.kind == "influential-rows"] == [(42,)]
    assert [one.columns for one in found if one.kind == "non-linearity"] == [("x1",)]
