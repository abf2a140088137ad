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


KINDS = ("tall", "wide", "rank-deficient", "badly scaled", "constant columns", "one row")


def kind_of_table(kind: str, seed: int) -> tuple[Floats, Floats, Floats]:
    """A table of a kind, a noisy linear target with some outliers, and weights, some of them 0."""
    rng = np.random.default_rng(seed)
    rows, columns = {"wide": (10, 25), "one row": (1, 4)}.get(kind, (50, 5))
    X = rng.normal(size=(rows, columns)) + rng.normal(size=(rows, 1))
    if kind == "rank-deficient":
        X[:, 3:] = X[:, :2] @ rng.normal(size=(2, 2))
    if kind == "badly scaled":
        X = X * 10.0 ** rng.integers(-4, 5, columns) + 10.0 ** rng.integers(-2, 4, columns)
    if kind == "constant columns":
        X[:, [0, 3]] = [0.0, 2013.7]
    y = (X - X.mean(0)) @ rng.normal(size=columns) / X.std() if rows > 1 else np.zeros(1)
    y = y + 1.5 + rng.standard_t(3, rows)
    weights = rng.exponential(size=rows) * (rng.random(rows) > 0.1)
    return X, y, weights if weights.any() else np.ones(rows)
