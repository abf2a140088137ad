"""The normal equations: the Gram matrix of the table and the target, factorised by Cholesky.

``XᵀX b = Xᵀy`` (Golub and Van Loan, *Matrix Computations*, 4th edition, section 5.3.2). It is the
fastest way, one matrix product and no reflections, and right when the columns are far from
depending on each other. It fails early: forming XᵀX squares the condition κ, so the relative error
is about κ² · 10⁻¹⁶ where QR has κ · 10⁻¹⁶, and from κ = 10⁸ on there is nothing to factorise.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from northstar.linear.errors import BadInput
from northstar.linear.tables import Floats

_EPSILON = float(np.finfo(np.float64).eps)


def reduce_by_cholesky(blocks: Iterable[Floats]) -> Floats:
    """R and c of all blocks' rows, whose last column is the target.

    Raises:
        BadInput: columns depend on each other, or nearly; a batch has fewer rows than columns.
    """
    gram = sum((block.T @ block for block in blocks), start=np.zeros(()))
    lengths = np.sqrt(np.diagonal(gram))[:-1]
    scale = np.where(lengths > 0.0, lengths, 1.0)
    scaled = gram[:-1, :-1] / np.outer(scale, scale)
    try:
        lower = np.linalg.cholesky(scaled)
    except np.linalg.LinAlgError:
        raise BadInput(_DEPENDENT) from None
    if np.diagonal(lower).min() ** 2 <= 4 * len(scale) * _EPSILON:
        raise BadInput(_DEPENDENT)
    projected = np.linalg.solve(lower, gram[:-1, -1] / scale)
    rest = max(0.0, float(gram[-1, -1] - projected @ projected))
    triangle = np.zeros_like(gram)
    triangle[:-1, :-1] = lower.T * scale
    triangle[:-1, -1], triangle[-1, -1] = projected, np.sqrt(rest)
    return np.asarray(triangle)


_DEPENDENT = (
    "The normal equations cannot be solved: columns depend on each other, nearly do, or outnumber "
    "the rows. Use solver='auto', or drop a column."
)
