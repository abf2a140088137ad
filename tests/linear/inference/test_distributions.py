"""Distributions agree with SciPy, and where SciPy has fewer digits with closed forms."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from northstar.linear import BadInput
from northstar.linear.inference.distributions import (
    ChiSquared,
    Distribution,
    FDistribution,
    Normal,
    StudentT,
)

_SMALLEST = 1e-280  # below, SciPy itself loses digits


def powers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda exponent: 10.0**exponent)


@given(powers(-0.5, 9), powers(-6, 4))
@settings(max_examples=300, deadline=None)
def test_student_t_agrees_with_scipy(dof: float, x: float) -> None:
    expected = float(stats.t.sf(x, dof))
    assume(expected > _SMALLEST)
    assert StudentT(dof).survival(x) == pytest.approx(expected, rel=1e-9)
    assert StudentT(dof).cdf(x) == pytest.approx(float(stats.t.cdf(x, dof)), rel=1e-9)
    assert StudentT(dof).cdf(-x) == StudentT(dof).survival(x)


@given(powers(-0.5, 5), powers(-0.5, 5), powers(-4, 4))
@settings(max_examples=300, deadline=None)
def test_f_agrees_with_scipy_in_both_tails(above: float, below: float, x: float) -> None:
    ours, theirs = FDistribution(above, below), stats.f(above, below)
    for found, expected in (
        (ours.cdf(x), theirs.cdf(x)),
        (ours.survival(x), theirs.sf(x)),
    ):
        assert expected < _SMALLEST or found == pytest.approx(float(expected), rel=1e-11)


@given(powers(-0.5, 5), powers(-1, 1))
@settings(max_examples=300, deadline=None)
def test_chi_squared_agrees_with_scipy_in_both_tails(dof: float, share: float) -> None:
    x, theirs = dof * share, stats.chi2(dof)
    for found, expected in (
        (ChiSquared(dof).cdf(x), theirs.cdf(x)),
        (ChiSquared(dof).survival(x), theirs.sf(x)),
    ):
        assert expected < _SMALLEST or found == pytest.approx(float(expected), rel=2e-11)


@given(powers(-0.5, 9), powers(-5, 5))
@settings(max_examples=300, deadline=None)
def test_closed_forms_hold_to_the_last_digits(dof: float, x: float) -> None:
    root = math.hypot(x, math.sqrt(2.0))
    assert StudentT(1).survival(x) == pytest.approx(math.atan2(1.0, x) / math.pi, rel=2e-14)
    assert StudentT(2).survival(x) == pytest.approx(1.0 / (root * (root + x)), rel=2e-14)
    exact = math.exp(-dof / 2.0 * math.log1p(2.0 * x / dof))
    assert exact < _SMALLEST or FDistribution(2, dof).survival(x) == pytest.approx(exact, rel=1e-12)
    exact = math.exp(-x / 2.0)
    assert exact < _SMALLEST or ChiSquared(2).survival(x) == pytest.approx(exact, rel=1e-12)


DISTRIBUTIONS: list[Distribution] = [
    Normal(),
    StudentT(3),
    StudentT(1e7),
    FDistribution(4, 11),
    FDistribution(3e3, 2e5),
    ChiSquared(0.7),
    ChiSquared(900),
]


@pytest.mark.parametrize("one", DISTRIBUTIONS)
@given(p=st.one_of(st.floats(1e-12, 1 - 1e-12), powers(-100, -12)))
@settings(max_examples=60, deadline=None)
def test_a_quantile_leads_back_to_its_probability(one: Distribution, p: float) -> None:
    x = one.quantile(p)
    if p <= 0.5:
        assert one.cdf(x) == pytest.approx(p, rel=1e-11)
    else:
        assert one.survival(x) == pytest.approx(1.0 - p, rel=1e-11)


@given(powers(0, 8), st.floats(0.001, 0.999))
@settings(max_examples=100, deadline=None)
def test_quantiles_agree_with_scipy(dof: float, p: float) -> None:
    expected = float(stats.t.ppf(p, dof))
    assert StudentT(dof).quantile(p) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_the_ends_are_where_they_belong() -> None:
    assert StudentT(5).quantile(0.0) == -math.inf
    assert ChiSquared(5).quantile(0.0) == 0.0
    assert FDistribution(2, 5).quantile(1.0) == math.inf
    assert StudentT(5).survival(0.0) == 0.5
    assert StudentT(5).survival(1e200) == 0.0
    assert math.isnan(FDistribution(2, 5).survival(math.nan))


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(BadInput, match="degrees of freedom are not possible"):
        StudentT(0.0)
    with pytest.raises(BadInput, match="not a probability"):
        Normal().quantile(1.5)
