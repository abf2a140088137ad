"""Which columns depend on each other, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from northstar.linear.inference.collinearity import Collinearity, collinearity
from tests.linear.tables import Floats, seeds


def look(X: Floats) -> Collinearity:
    return collinearity(X - X.mean(axis=0), X.mean(axis=0), len(X))


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_unrelated_columns_are_left_in_peace(seed: int) -> None:
    X = np.random.default_rng(seed).normal(size=(300, 6)) * [1e-9, 1, 1e6, 1, 1, 3] + 5
    found = look(X)
    assert found.relations == ()
    assert found.constant == ()
    assert 1.0 <= found.condition_number < 2.0
    assert np.all((found.variance_inflation >= 1.0) & (found.variance_inflation < 1.5))
    assert 5.5 < found.effective_rank <= 6.0


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_exact_relations_are_found_one_by_one(seed: int) -> None:
    X = np.random.default_rng(seed).normal(size=(80, 6))
    X[:, 3] = 2.0 * X[:, 0] + 7.0
    X[:, 5] = X[:, 1] - 3.0 * X[:, 2]
    found = look(X)
    assert sorted(relation.columns for relation in found.relations) == [(0, 3), (1, 2, 5)]
    assert np.isinf(found.variance_inflation).tolist() == [True, True, True, True, False, True]
    pair = next(relation for relation in found.relations if relation.columns == (0, 3))
    assert pair.coefficients[1] / pair.coefficients[0] == pytest.approx(-0.5)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_near_relations_are_found_with_their_columns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(200, 5)) * [1.0, 100.0, 1.0, 0.01, 1.0]
    X[:, 4] = X[:, 0] + X[:, 1] / 100.0 + 0.005 * rng.normal(size=200)
    (relation,) = look(X).relations
    assert relation.columns == (0, 1, 4)
    assert 100 < relation.index < 1000


def test_a_full_set_of_indicators_sums_to_a_constant() -> None:
    levels = np.random.default_rng(0).integers(0, 4, 100)
    (relation,) = look(np.eye(4)[levels]).relations
    assert relation.columns == (0, 1, 2, 3)
    assert relation.coefficients == pytest.approx((1.0,) * 4)


def test_constant_columns_are_set_apart() -> None:
    X = np.random.default_rng(0).normal(size=(50, 3))
    X[:, 1] = 1e9 / 3
    found = look(X)
    assert found.constant == (1,)
    assert found.relations == ()
    assert np.isnan(found.variance_inflation).tolist() == [False, True, False]
