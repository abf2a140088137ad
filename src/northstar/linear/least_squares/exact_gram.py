"""The Gram matrix of a tall table without rounding errors, at the speed of matrix products.

The columns are cut into slices of so few bits that a product of two slices, summed over the rows
of a block, is exact in a double; ordinary matrix products of slices then add up to the product of
the tables (Ozaki, Ogita, Oishi and Rump 2012, *Numerical Algorithms* 59). Three slices hold the 53
bits of most columns, so it costs nine products instead of one. What lies more than 104 bits below
a column's largest entry is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from northstar.linear.least_squares.double_double import DoubleDouble, two_product
from northstar.linear.tables import Floats

ROWS = 2048
_BITS = (53 - 11) // 2  # 2¹¹ rows of products of 2 · 21 bits fill the 53 bits of a double
_SLICES = 5


def exact_gram(blocks: Iterable[tuple[Floats, Floats | None]], columns: int) -> DoubleDouble:
    """Σ ``tableᵀ diag(weights) table`` over blocks of at most ``ROWS`` rows."""
    total = DoubleDouble.of(np.zeros((columns, columns)))
    for table, weights in blocks:
        slices = _slices(table)
        if weights is None:
            total = _add_products(total, slices, slices)
            continue
        weighted, rounded = two_product(table, weights[:, None])
        total = _add_products(total, slices, _slices(weighted)) + table.T @ rounded
    return total


def _slices(table: Floats) -> list[Floats]:
    """Tables that sum to this one, each with at most 21 bits of each column."""
    rest = table
    slices: list[Floats] = []
    while len(slices) < _SLICES and rest.any():
        _, exponents = np.frexp(np.abs(rest).max(axis=0))
        # Numbers near the anchor are multiples of the unit to which this slice is rounded.
        anchor = np.ldexp(1.5, exponents - _BITS + 52)
        slices.append((rest + anchor) - anchor)
        rest = rest - slices[-1]
    return slices


def _add_products(total: DoubleDouble, left: list[Floats], right: list[Floats]) -> DoubleDouble:
    for i, one in enumerate(left):
        for other in right[: _SLICES - i]:
            total = total + one.T @ other
    return total
