"""Small random tables for the tests of the linear models."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Floats = NDArray[np.float64]

seeds = st.integers(0, 2**32 - 1)


def table(seed: int, rows: int = 60, columns: int = 4) -> Floats:
    """Columns of different means and scales, some of them correlated."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(rows, columns)) @ rng.normal(size=(columns, columns))
    return mixed * 10.0 ** rng.integers(-3, 4, columns) + rng.normal(0, 5, columns)


def values(seed: int, X: Floats) -> Floats:
    """A noisy linear target."""
    rng = np.random.default_rng(seed + 1)
    return (X - X.mean(0)) / X.std(0) @ rng.normal(size=X.shape[1]) + 3 + rng.normal(size=len(X))


def labels(seed: int, X: Floats, classes: int) -> NDArray[np.str_]:
    """Noisy linear classes, each of which occurs."""
    rng = np.random.default_rng(seed + 2)
    scores = (X - X.mean(0)) / X.std(0) @ rng.normal(size=(X.shape[1], classes))
    codes = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    codes[:classes] = np.arange(classes)
    return np.array(["amber", "blue", "cyan", "dun"])[codes]
