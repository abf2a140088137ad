"""LAPACK's Householder QR of a tall table, block by block: the fast path.

A block that fits in the processor's cache is reduced to a triangle, and triangles to one triangle
in a tree (TSQR; Demmel, Grigori, Hoemmen and Langou 2012, *SIAM J. Sci. Comput.* 34). Reflections
keep lengths, so this is as exact as one QR of all rows: the error is a few roundings of the
table's own entries, whatever its condition. It is faster than LAPACK on the whole table, which
streams through memory once for every few columns. It is right for every table; only the solving
afterwards has to mind the condition.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from northstar.linear.tables import Floats

_CACHED_NUMBERS = 2**17


def block_rows(columns: int) -> int:
    """How many rows make a block: as many as the cache takes, and a few times the columns."""
    return max(_CACHED_NUMBERS // columns, 4 * columns)


def reduce_by_qr(blocks: Iterable[Floats]) -> Floats:
    """R (at most columns × columns) with ``RᵀR`` the Gram matrix of all blocks' rows."""
    triangles = [triangle_of(block) for block in blocks]
    together = max(2, block_rows(triangles[0].shape[1]) // triangles[0].shape[1])
    while len(triangles) > 1:
        triangles = [
            triangle_of(np.vstack(triangles[start : start + together]))
            for start in range(0, len(triangles), together)
        ]
    return triangles[0]


def triangle_of(rows: Floats) -> Floats:
    """R of one QR factorisation by LAPACK."""
    return np.asarray(np.linalg.qr(rows, mode="r"))
