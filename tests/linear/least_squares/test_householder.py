"""The factorisation: it keeps the Gram matrix, and it finds the rank."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from northstar.linear.least_squares.householder import pivoted_qr
from tests.linear.tables import seeds


@given(seeds, st.integers(1, 8), st.integers(1, 8))
@settings(deadline=None)
def test_reflections_keep_lengths_and_angles(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    A, b = rng.normal(size=(rows, columns)), rng.normal(size=rows)
    qr = pivoted_qr(A, b, np.full(columns, 1e-12))
    R = np.empty_like(qr.triangle)
    R[:, qr.order] = qr.triangle
    np.testing.assert_allclose(R.T @ R, A.T @ A, atol=1e-10)
    np.testing.assert_allclose(R.T @ qr.projected, A.T @ b, atol=1e-10)


@given(seeds, st.integers(0, 5))
@settings(deadline=None)
def test_the_rank_is_found(seed: int, rank: int) -> None:
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(9, rank)) @ rng.normal(size=(rank, 6))
    qr = pivoted_qr(A, np.zeros(9), np.full(6, 1e-9))
    assert qr.rank == rank
    diagonal = np.abs(np.diagonal(qr.triangle))
    assert np.all(diagonal[1:] <= diagonal[:-1] * (1 + 1e-12))
