"""Rows reduced to a triangle: nothing is lost, and parts make the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from northstar.linear import BadInput, Triangle
from northstar.linear.least_squares.cholesky import reduce_by_cholesky
from northstar.linear.least_squares.householder import reduce_by_householder
from northstar.linear.least_squares.tsqr import block_rows, reduce_by_qr
from tests.linear.tables import seeds, table, values


@given(seeds, st.booleans(), st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_it_keeps_what_least_squares_needs(seed: int, intercept: bool, rows: int) -> None:
    X = table(seed)[:rows]
    y, weights = (
        values(seed, table(seed))[:rows],
        np.random.default_rng(seed).exponential(size=rows),
    )
    triangle = Triangle.of(X, y, weights, intercept=intercept)
    design = np.hstack([np.ones((rows, int(intercept))), X - triangle.shift])
    target = y - triangle.target_shift
    R, c = triangle.factor, triangle.projected
    assert R.shape == (4 + intercept, 4 + intercept)
    np.testing.assert_array_equal(R, np.triu(R))
    scale = np.sqrt(weights) @ np.hstack([np.ones((rows, int(intercept))), np.abs(X)])
    gram = design.T @ (weights[:, None] * design)
    np.testing.assert_allclose(
        R.T @ R / np.outer(scale, scale), gram / np.outer(scale, scale), atol=1e-12
    )
    np.testing.assert_allclose(R.T @ c / scale, design.T @ (weights * target) / scale, atol=1e-9)
    total = float(weights @ np.square(target))
    assert c @ c + triangle.residual_sum_of_squares == pytest.approx(total)
    mean = np.average(y, weights=weights) if intercept else 0.0
    spread = float(weights @ np.square(y - mean))
    assert triangle.total_sum_of_squares == pytest.approx(spread, abs=1e-9)
    assert (triangle.rows, triangle.weight) == (rows, pytest.approx(weights.sum()))


@given(seeds, st.booleans(), st.lists(st.integers(1, 59), unique=True, max_size=12))
@settings(max_examples=40, deadline=None)
def test_any_partition_merges_into_the_whole(seed: int, intercept: bool, cuts: list[int]) -> None:
    X = table(seed)
    y = values(seed, X)
    whole = Triangle.of(X, y, intercept=intercept)
    parts = np.split(np.arange(60), sorted(cuts))
    np.random.default_rng(seed).shuffle(order := list(range(len(parts))))
    merged = Triangle.of(X[parts[order[0]]], y[parts[order[0]]], intercept=intercept)
    for number in order[1:]:
        merged = merged.merge(Triangle.of(X[parts[number]], y[parts[number]], intercept=intercept))
    assert merged.rows == 60
    np.testing.assert_allclose(merged.means, whole.means, rtol=1e-12)
    (R, c), (S, d) = merged.centred, whole.centred
    size = np.linalg.norm(S, axis=0)
    np.testing.assert_allclose(
        (R.T @ R) / np.outer(size, size), (S.T @ S) / np.outer(size, size), atol=1e-11
    )
    np.testing.assert_allclose(R.T @ c / size, S.T @ d / size, atol=1e-9)
    assert merged.residual_sum_of_squares == pytest.approx(whole.residual_sum_of_squares)


@given(seeds, st.integers(3, 5))
@settings(max_examples=5, deadline=None)
def test_the_reductions_agree(seed: int, blocks: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(blocks * 200, 6)) * 10.0 ** rng.integers(-3, 4, 6)
    parts = [rows[start : start + 200] for start in range(0, len(rows), 200)]
    lapack = _upright(reduce_by_qr(parts))
    for reduce in (reduce_by_householder, reduce_by_cholesky):
        np.testing.assert_allclose(
            _upright(reduce(parts)), lapack, rtol=1e-9, atol=1e-9 * lapack.max()
        )


def test_many_blocks_are_as_exact_as_one_factorisation() -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(1e3, 1.0, size=(5 * block_rows(6), 4))
    y = X @ [1.0, 2.0, 3.0, 4.0]
    triangle = Triangle.of(X, y)
    R, c = triangle.centred
    np.testing.assert_allclose(np.linalg.solve(R, c), [1.0, 2.0, 3.0, 4.0], rtol=1e-13)
    assert triangle.residual_sum_of_squares <= 1e-24 * triangle.total_sum_of_squares


def test_fits_of_different_columns_do_not_merge() -> None:
    X, y = table(0), values(0, table(0))
    with pytest.raises(BadInput, match="same columns"):
        Triangle.of(X, y).merge(Triangle.of(X[:, :3], y))


@pytest.mark.parametrize("columns", [[0, 1, 0], [0, 1, 2]])
def test_cholesky_refuses_dependent_columns_and_too_few_rows(columns: list[int]) -> None:
    X = table(1, rows=60 if columns[2] == 0 else 2)[:, columns]
    with pytest.raises(BadInput, match="solver='auto'"):
        reduce_by_cholesky([np.column_stack([X, np.ones(len(X))])])


def _upright(triangle: np.ndarray) -> np.ndarray:
    """The diagonal's signs are a factorisation's own business."""
    return triangle * np.sign(np.diagonal(triangle))[:, None]
