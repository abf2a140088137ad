"""The distributions of inference from first principles: normal, chi², Student's t and F.

All of them are incomplete beta and gamma functions. Each is a short continued fraction or series
times a density, and it is the density that decides about the digits: written with ``lgamma`` it
loses one digit for every power of ten of the degrees of freedom. Here it is Loader's saddle-point
form (C. Loader, "Fast and accurate computation of binomial probabilities", 2000), which loses none.
Sources: DLMF 8.7, 8.9 and 8.17; Didonato and Morris, TOMS 708 (1992); Press et al., *Numerical
Recipes*, 3rd edition, 6.2 and 6.4.

Values are floats, not arrays: a table of coefficients needs a handful of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from northstar.linear.errors import BadInput

_PRECISION = 1e-16
_TINY = 1e-300
_ROOT_TAU = math.sqrt(2.0 * math.pi)
_SMALLEST, _LARGEST = 2.0**-1000, 2.0**1000
# 1/12, 1/360, …: Stirling's series (DLMF 5.11.1), alternating in sign.
_STIRLING = (1 / 12, 1 / 360, 1 / 1260, 1 / 1680, 1 / 1188, 691 / 360360, 1 / 156)


class Distribution(Protocol):
    """A continuous distribution. Small tails keep their digits: ask for the one that is small."""

    def cdf(self, x: float) -> float:
        """The probability of a value up to ``x``."""
        ...

    def survival(self, x: float) -> float:
        """The probability of a value beyond ``x``; not computed as 1 − cdf."""
        ...

    def quantile(self, p: float) -> float:
        """The ``x`` with ``cdf(x) = p``; raises ``BadInput`` unless 0 ≤ p ≤ 1."""
        ...


@dataclass(frozen=True)
class Normal:
    """The standard normal distribution."""

    def cdf(self, x: float) -> float:
        """See ``Distribution``."""
        return 0.5 * math.erfc(-x / math.sqrt(2.0))

    def survival(self, x: float) -> float:
        """See ``Distribution``."""
        return self.cdf(-x)

    def quantile(self, p: float) -> float:
        """See ``Distribution``."""
        return _symmetric_quantile(p, self.survival)


@dataclass(frozen=True)
class StudentT:
    """Student's t distribution.

    Attributes:
        dof: degrees of freedom, > 0; many millions are as exact as few.
    """

    dof: float

    def __post_init__(self) -> None:
        _check_dof(self.dof)

    def cdf(self, x: float) -> float:
        """See ``Distribution``."""
        return self.survival(-x)

    def survival(self, x: float) -> float:
        """See ``Distribution``; ``½ I(ν/(ν+x²); ν/2, ½)`` (DLMF 8.17, Student 1908)."""
        inverse = math.sqrt(self.dof) / abs(x) if x else math.inf
        tail = 0.5 * _beta(self.dof / 2.0, 0.5, *_shares(inverse * inverse))[0]
        return tail if x >= 0.0 else 1.0 - tail

    def quantile(self, p: float) -> float:
        """See ``Distribution``."""
        return _symmetric_quantile(p, self.survival)


@dataclass(frozen=True)
class FDistribution:
    """Fisher's F distribution: the ratio of two mean squares of normal noise.

    Attributes:
        above, below: degrees of freedom of the numerator and the denominator, > 0.
    """

    above: float
    below: float

    def __post_init__(self) -> None:
        _check_dof(self.above)
        _check_dof(self.below)

    def cdf(self, x: float) -> float:
        """See ``Distribution``."""
        return self._tails(x)[0]

    def survival(self, x: float) -> float:
        """See ``Distribution``."""
        return self._tails(x)[1]

    def quantile(self, p: float) -> float:
        """See ``Distribution``."""
        return _positive_quantile(p, self.cdf, self.survival)

    def _tails(self, x: float) -> tuple[float, float]:
        odds = self.above * max(x, 0.0) / self.below
        return _beta(self.above / 2.0, self.below / 2.0, *_shares(odds))


@dataclass(frozen=True)
class ChiSquared:
    """The chi² distribution: the sum of squares of ``dof`` (> 0) standard normal values."""

    dof: float

    def __post_init__(self) -> None:
        _check_dof(self.dof)

    def cdf(self, x: float) -> float:
        """See ``Distribution``."""
        return _gamma(self.dof / 2.0, max(x, 0.0) / 2.0)[0]

    def survival(self, x: float) -> float:
        """See ``Distribution``."""
        return _gamma(self.dof / 2.0, max(x, 0.0) / 2.0)[1]

    def quantile(self, p: float) -> float:
        """See ``Distribution``."""
        return _positive_quantile(p, self.cdf, self.survival)


def _check_dof(dof: float) -> None:
    if not 0.0 < dof < math.inf:
        raise BadInput(f"{dof} degrees of freedom are not possible; a positive number is needed.")


def _shares(odds: float) -> tuple[float, float]:
    """``x/(1+x)`` and ``1/(1+x)``, both with all their digits."""
    if math.isnan(odds):
        return math.nan, math.nan
    return (odds / (1.0 + odds) if odds < math.inf else 1.0), 1.0 / (1.0 + odds)


def _beta(a: float, b: float, x: float, y: float) -> tuple[float, float]:
    """The regularised incomplete beta function ``I(x; a, b)`` and 1 − it, given ``y = 1 − x``.

    The fraction converges fast below the mean, so beyond it the arguments are swapped; whichever
    tail comes out of the fraction is the small one.
    """
    if math.isnan(x):
        return math.nan, math.nan
    if x <= 0.0 or y <= 0.0:
        return (0.0, 1.0) if x <= 0.0 else (1.0, 0.0)
    if x * (a + b + 2.0) > a + 1.0:
        upper, lower = _beta(b, a, y, x)
        return lower, upper
    density = a * b / (a + b) * _binomial_density(a, b, x, y)
    above_mean = a * y - b * x
    lower = density / _fraction(_beta_terms(a, b, x, y), a * (above_mean + 1.0) / (a + 1.0))
    return lower, 1.0 - lower


def _beta_terms(a: float, b: float, x: float, y: float) -> Iterator[tuple[float, float]]:
    """Numerators and denominators of the fraction of Didonato and Morris (1992, TOMS 708, 9).

    It is the even part of DLMF 8.17.22, which loses all digits where x is nearly 1.
    """
    m = 0.0
    while True:
        m += 1.0
        odd = a + 2 * m - 1.0
        rest = m * (b - m) * x
        numerator = (a + m - 1.0) * (a + b + m - 1.0) * rest * x / odd**2
        slope = (a + m) / (a + 2 * m + 1.0)
        yield numerator, m + rest / odd + slope * (a * y - b * x + 1.0 + m * (1.0 + y))


def _gamma(a: float, x: float) -> tuple[float, float]:
    """The regularised incomplete gamma functions ``P(a, x)`` and ``Q(a, x)``."""
    if math.isnan(x):
        return math.nan, math.nan
    if x <= 0.0 or x == math.inf:
        return (0.0, 1.0) if x <= 0.0 else (1.0, 0.0)
    density = _poisson_density(a, x)
    if x < a + 1.0:  # DLMF 8.7.1
        term = total = 1.0
        step = a
        while term > _PRECISION * total:
            step += 1.0
            term *= x / step
            total += term
        lower = density * total
        return lower, 1.0 - lower
    upper = density * a / _fraction(_gamma_terms(a, x), x + 1.0 - a)  # DLMF 8.9.2, even part
    return 1.0 - upper, upper


def _gamma_terms(a: float, x: float) -> Iterator[tuple[float, float]]:
    m = 0.0
    while True:
        m += 1.0
        yield m * (a - m), x + 2 * m + 1.0 - a


def _fraction(terms: Iterator[tuple[float, float]], value: float) -> float:
    """``value + n₁/(d₁ + n₂/(d₂ + …))`` by Lentz's method as modified by Thompson and Barnett."""
    above, below = value, 0.0
    for numerator, denominator in terms:
        below = 1.0 / _not_zero(denominator + numerator * below)
        above = _not_zero(denominator + numerator / above)
        value *= above * below
        if abs(above * below - 1.0) <= 2.0 * _PRECISION:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _binomial_density(a: float, b: float, x: float, y: float) -> float:
    """``Γ(a+b+1)/(Γ(a+1)Γ(b+1)) xᵃ yᵇ`` for x + y = 1, by Loader's saddle point."""
    n = a + b
    exponent = _stirling_error(n) - _stirling_error(a) - _stirling_error(b)
    exponent -= _deviance(a, n * x) + _deviance(b, n * y)
    return math.exp(exponent) * math.sqrt(n / (a * b)) / _ROOT_TAU


def _poisson_density(a: float, x: float) -> float:
    """``xᵃ e⁻ˣ / Γ(a+1)``, by Loader's saddle point."""
    return math.exp(-_stirling_error(a) - _deviance(a, x)) / (_ROOT_TAU * math.sqrt(a))


def _stirling_error(n: float) -> float:
    """``log Γ(n+1)`` minus Stirling's formula for it."""
    if n < 15.0:
        return math.lgamma(n + 1.0) - (n + 0.5) * math.log(n) + n - math.log(_ROOT_TAU)
    total = 0.0
    for coefficient in reversed(_STIRLING):
        total = coefficient - total / n**2
    return total / n


def _deviance(a: float, mean: float) -> float:
    """``a log(a/mean) + mean − a`` without the cancellation where the two are close."""
    if abs(a - mean) >= 0.5 * (a + mean):
        return a * math.log(a / mean) + mean - a
    v = (a - mean) / (a + mean)
    total, power, k = (a - mean) * v, 2.0 * a * v, 1.0
    while True:
        power *= v * v
        k += 2.0
        if total + power / k == total:
            return total
        total += power / k


def _symmetric_quantile(p: float, survival: Callable[[float], float]) -> float:
    if p > 0.5:
        return _falling_root(survival, 1.0 - p)
    return 0.0 if p == 0.5 else -_falling_root(survival, _checked(p))


def _positive_quantile(
    p: float, cdf: Callable[[float], float], survival: Callable[[float], float]
) -> float:
    if p > 0.5:
        return _falling_root(survival, 1.0 - p)
    return 1.0 / _falling_root(lambda inverse: cdf(1.0 / inverse), _checked(p)) if p else 0.0


def _falling_root(function: Callable[[float], float], target: float) -> float:
    """Where a falling function of x > 0 passes the target: bisection on a logarithmic scale."""
    if _checked(target) == 0.0:
        return math.inf
    low, high = _SMALLEST, _LARGEST
    while True:
        middle = math.sqrt(low) * math.sqrt(high)
        if not low < middle < high:
            return middle
        low, high = (middle, high) if function(middle) > target else (low, middle)


def _checked(p: float) -> float:
    if not 0.0 <= p <= 1.0:
        raise BadInput(f"{p} is not a probability; it must lie between 0 and 1.")
    return p
