"""Arithmetic with twice the digits, held to rational arithmetic; and what it wins."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from northstar.linear.least_squares.double_double import DoubleDouble
from northstar.linear.least_squares.exact_gram import exact_gram
from northstar.linear.least_squares.refinement import refine
from tests.linear.tables import Floats, seeds

_DIGITS = Fraction(1, 2**98)
numbers = st.floats(-1e30, 1e30, allow_subnormal=False).map(lambda x: x if abs(x) > 1e-30 else 1.0)


@given(numbers, numbers, numbers, numbers)
@settings(deadline=None)
def test_sums_products_and_quotients_have_thirty_digits(
    a: float, b: float, c: float, d: float
) -> None:
    one, other = DoubleDouble.of(a) / DoubleDouble.of(b), DoubleDouble.of(c) / DoubleDouble.of(d)
    left, right = Fraction(a) / Fraction(b), Fraction(c) / Fraction(d)
    assert abs(_exact(one) - left) <= _DIGITS * abs(left)
    assert abs(_exact(one * other) - left * right) <= _DIGITS * abs(left * right)
    assert abs(_exact(one + other) - (left + right)) <= _DIGITS * (abs(left) + abs(right))
    assert abs(_exact(one - other) - (left - right)) <= _DIGITS * (abs(left) + abs(right))


@given(seeds, st.integers(1, 40), st.booleans())
@settings(max_examples=30, deadline=None)
def test_the_gram_matrix_is_exact(seed: int, rows: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(rows, 3)) * 10.0 ** rng.integers(-4, 5, (rows, 3))
    weights = rng.exponential(size=rows) if weighted else None
    gram = exact_gram([(table[:7], None if weights is None else weights[:7])], 3)
    if rows > 7:
        rest = exact_gram([(table[7:], None if weights is None else weights[7:])], 3)
        gram = gram + rest
    for j in range(3):
        for k in range(3):
            terms = [
                Fraction(table[i, j])
                * Fraction(table[i, k])
                * (1 if weights is None else Fraction(weights[i]))
                for i in range(rows)
            ]
            size = np.abs(table[:, j]).max() * np.abs(table[:, k]).max() * rows
            assert abs(_exact(gram[j, k]) - sum(terms)) <= Fraction(1, 2**95) * Fraction(size)


@given(seeds, st.integers(4, 9), st.booleans(), st.sampled_from([0.0, 0.5]))
@settings(max_examples=15, deadline=None)
def test_nearly_dependent_columns_cost_no_digit(
    seed: int, nearness: int, intercept: bool, alpha: float
) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(50.0, 1.0, size=(15, 3))
    X[:, 2] = X[:, 0] - X[:, 1] + 10.0**-nearness * rng.normal(size=15)
    y, weights = X @ [1.0, 2.0, 3.0] + rng.normal(size=15), rng.exponential(size=15)
    found = refine(X, y, weights, alpha, intercept=intercept)
    assert found is not None
    parameters, covariance = _solve_exactly(X, y, weights, alpha, intercept)
    np.testing.assert_allclose(found.parameters, parameters, rtol=1e-13)
    np.testing.assert_allclose(
        found.covariance, covariance, rtol=max(1e-13, 100.0 ** (nearness - 13))
    )


def test_dependent_columns_are_left_to_others() -> None:
    x = np.arange(10.0)
    assert refine(np.column_stack([x, 3 * x]), x, None, 0.0, intercept=True) is None


@pytest.mark.parametrize("unit", [1e-140, 1e140])
def test_units_far_from_one_do_no_harm(unit: float) -> None:
    x = np.array([1.0, 2.0, 4.0, 8.0])
    found = refine(x[:, None] * unit, 1.0 + 3.0 * x, None, 0.0, intercept=True)
    assert found is not None
    np.testing.assert_allclose(found.parameters, [1.0, 3.0 / unit], rtol=1e-13)


def _exact(value: DoubleDouble) -> Fraction:
    return Fraction(float(value.high)) + Fraction(float(value.low))


def _solve_exactly(
    X: Floats, y: Floats, weights: Floats, alpha: float, intercept: bool
) -> tuple[Floats, Floats]:
    rows = [[Fraction(1)] * intercept + [Fraction(v) for v in row] for row in X]
    size, w = len(rows[0]), [Fraction(v) for v in weights]
    system = [
        [sum(v * r[j] * r[k] for v, r in zip(w, rows, strict=True)) for k in range(size)]
        + [sum(v * r[j] * Fraction(t) for v, r, t in zip(w, rows, y, strict=True))]
        + [Fraction(int(j == k)) for k in range(size)]
        for j in range(size)
    ]
    for k in range(intercept, size):
        system[k][k] += Fraction(alpha)
    for k in range(size):
        system[k] = [value / system[k][k] for value in system[k]]
        for j in range(size):
            if j != k:
                factor = system[j][k]
                system[j] = [a - factor * b for a, b in zip(system[j], system[k], strict=True)]
    solved = np.array([[float(value) for value in row[size:]] for row in system])
    return solved[:, 0], solved[:, 1:]
