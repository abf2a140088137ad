"""Arithmetic with twice the digits of a double: a number is the unevaluated sum of two doubles.

What rounding takes from a sum or a product of doubles is itself a double, and a few more
operations find it (Knuth 1969, theorem 4.2.2 B; Dekker 1971, *Numerische Mathematik* 18). About 31
digits instead of 16, on every machine, for some twenty times the time; ``np.longdouble`` is
another type on every platform. It fails when a product leaves the range of a double, or its
rounding error does (below 1e-290); scale by powers of two first, which costs no digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from northstar.linear.tables import Floats

_SPLITTER = 2.0**27 + 1.0


def two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """``a + b`` rounded, and what the rounding took."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def two_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """``a · b`` rounded, and what the rounding took."""
    product = a * b
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    return product, a_low * b_low - (
        ((product - a_high * b_high) - a_low * b_high) - a_high * b_low
    )


@dataclass(frozen=True, eq=False)
class DoubleDouble:
    """Arrays of numbers with some 31 digits; ``low`` is what ``high`` rounds off."""

    high: Floats
    low: Floats

    @classmethod
    def of(cls, values: Any) -> DoubleDouble:
        """Doubles, unchanged."""
        high = np.asarray(values, dtype=np.float64)
        return cls(high, np.zeros_like(high))

    def __add__(self, other: DoubleDouble | Floats) -> DoubleDouble:
        other = _double(other)
        total, error = two_sum(self.high, other.high)
        return _renormalised(total, error + (self.low + other.low))

    def __neg__(self) -> DoubleDouble:
        return DoubleDouble(-self.high, -self.low)

    def __sub__(self, other: DoubleDouble | Floats) -> DoubleDouble:
        return self + -_double(other)

    def __mul__(self, other: DoubleDouble | Floats) -> DoubleDouble:
        other = _double(other)
        product, error = two_product(self.high, other.high)
        return _renormalised(product, error + (self.high * other.low + self.low * other.high))

    def __truediv__(self, other: DoubleDouble) -> DoubleDouble:
        first = self.high / other.high
        rest = self - other * first
        return _renormalised(first, rest.high / other.high)

    def __getitem__(self, key: Any) -> DoubleDouble:
        return DoubleDouble(np.asarray(self.high[key]), np.asarray(self.low[key]))

    def __setitem__(self, key: Any, value: DoubleDouble) -> None:
        self.high[key], self.low[key] = value.high, value.low


def _double(value: DoubleDouble | Floats) -> DoubleDouble:
    return value if isinstance(value, DoubleDouble) else DoubleDouble.of(value)


def _renormalised(high: Floats, low: Floats) -> DoubleDouble:
    total = high + low
    return DoubleDouble(np.asarray(total), np.asarray(low - (total - high)))


def _halves(value: Floats) -> tuple[Floats, Floats]:
    """Two numbers of 26 bits that sum to one of 53."""
    spread = _SPLITTER * value
    high = spread - (spread - value)
    return high, value - high
