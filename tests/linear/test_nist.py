"""NIST's Statistical Reference Datasets: the digits that the default solver gets right."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest

from northstar.linear import LinearRegression
from tests.linear.nist import SETS, StRD, log_relative_error

_AS_PRINTED = Fraction(1, 10**14)


@pytest.mark.parametrize("known", SETS, ids=lambda known: known.name)
def test_the_facts_were_copied_without_a_slip(known: StRD) -> None:
    rows = known.exact_rows
    y = [Fraction(text) for text in known.y.split()]
    beta, inverse = _solve_exactly(rows, y)
    residuals = [
        target - sum(b * x for b, x in zip(beta, row, strict=True))
        for row, target in zip(rows, y, strict=True)
    ]
    variance = sum(r * r for r in residuals) / (len(y) - len(beta))
    for found, printed in zip(beta, known.coefficients.split(), strict=True):
        assert abs(found - Fraction(printed)) <= _AS_PRINTED * abs(Fraction(printed))
    errors = [_root(variance * inverse[j][j]) for j in range(len(beta))]
    for value, printed in zip(
        [*errors, _root(Fraction(variance))],
        [*known.standard_errors.split(), known.residual_deviation],
        strict=True,
    ):
        assert abs(value - Decimal(printed)) <= Decimal("1e-14") * abs(Decimal(printed))


@pytest.mark.parametrize("known", SETS, ids=lambda known: known.name)
def test_the_default_solver_gets_the_certified_digits(known: StRD) -> None:
    model = LinearRegression(fit_intercept=known.intercept).fit(known.table, known.target)
    found = np.append([model.intercept_] * known.intercept, model.coef_)
    variance = model.residual_sum_of_squares_ / model.degrees_of_freedom_
    errors = np.sqrt(variance * np.diagonal(model.unscaled_covariance_))
    least = 7 if known.name == "Filip" else 11
    assert log_relative_error(found, known.certified_coefficients) >= least
    assert log_relative_error(errors, known.certified_errors) >= least


def test_the_residuals_of_an_exact_fit_vanish() -> None:
    exact = next(known for known in SETS if known.name == "Wampler1")
    model = LinearRegression().fit(exact.table, exact.target)
    assert model.residual_sum_of_squares_ < 1e-40


def _solve_exactly(
    rows: list[list[Fraction]], y: list[Fraction]
) -> tuple[list[Fraction], list[list[Fraction]]]:
    """The normal equations by Gauss and Jordan: coefficients, and the inverse of the Gram."""
    size = len(rows[0])
    columns = list(zip(*rows, strict=True))
    system = [
        [sum((a * b for a, b in zip(one, other, strict=True)), Fraction(0)) for other in columns]
        + [sum((a * b for a, b in zip(one, y, strict=True)), Fraction(0))]
        + [Fraction(int(j == k)) for k in range(size)]
        for j, one in enumerate(columns)
    ]
    for k in range(size):
        system[k] = [value / system[k][k] for value in system[k]]
        for j in range(size):
            if j != k:
                factor = system[j][k]
                system[j] = [a - factor * b for a, b in zip(system[j], system[k], strict=True)]
    return [row[size] for row in system], [row[size + 1 :] for row in system]


def _root(value: Fraction) -> Decimal:
    with localcontext(prec=40):
        return (Decimal(value.numerator) / Decimal(value.denominator)).sqrt()
