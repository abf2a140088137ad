"""What comes in: tables, targets and weights, checked before any arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from northstar.linear.errors import BadInput

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """The columns that a model was fitted on.

    Attributes:
        count: how many.
        names: their names when the training table had any, such as a pandas DataFrame.
    """

    count: int
    names: tuple[str, ...] | None

    @classmethod
    def of(cls, X: Any) -> Features:
        """Describe a training table; raises ``BadInput`` when it is not one."""
        shape = np.shape(X)
        if len(shape) != 2 or 0 in shape:
            raise BadInput(f"X has shape {shape}; a table with rows and columns is needed.")
        columns = getattr(X, "columns", None)
        return cls(shape[1], None if columns is None else tuple(str(name) for name in columns))

    def read(self, X: Any) -> Floats:
        """Turn a table into float64, rows × columns, in the order of the fit.

        A table with column names is read by name: order does not matter and other columns are
        ignored. Raises ``BadInput`` for missing columns, text, and missing or infinite values.
        """
        if self.names is not None and hasattr(X, "columns"):
            have = {str(name): name for name in X.columns}
            absent = [name for name in self.names if name not in have]
            if absent:
                raise BadInput(f"X lacks the columns {', '.join(absent)}.")
            X = X[[have[name] for name in self.names]]
        try:
            matrix = np.asarray(X, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise BadInput(f"X holds something that is not a number: {error}.") from error
        if matrix.ndim != 2 or matrix.shape[1] != self.count:
            raise BadInput(f"X has shape {matrix.shape}; {self.count} columns are needed.")
        self._check_finite(matrix)
        return matrix

    def _check_finite(self, matrix: Floats) -> None:
        # One pass without a temporary of the table's size; only a bad table pays for the second.
        if np.isfinite(matrix.sum(axis=0)).all():
            return
        counts = (~np.isfinite(matrix)).sum(axis=0)
        bad = [
            f"{self.names[j] if self.names else f'column {j}'} ({counts[j]} rows)"
            for j in np.flatnonzero(counts)
        ]
        if bad:
            raise BadInput(f"X has missing or infinite values: {', '.join(bad)}. Fill them first.")


def read_values(y: ArrayLike, rows: int) -> Floats:
    """A regression's target as float64, shape (rows,); raises ``BadInput``."""
    try:
        values = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"The target holds something that is not a number: {error}.") from error
    _check_rows(values, rows, "The target")
    missing = int((~np.isfinite(values)).sum())
    if missing:
        raise BadInput(f"The target has {missing} missing or infinite values.")
    return values


def read_labels(y: ArrayLike, rows: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """A classifier's target as its sorted classes and the class index of each row.

    Raises ``BadInput`` for missing labels and for fewer than two classes.
    """
    labels = np.asarray(y)
    _check_rows(labels, rows, "The target")
    # Not a number is the one value that differs from itself.
    missing = int((labels != labels).sum()) if labels.dtype.kind in "fO" else 0
    if labels.dtype.kind == "O":
        missing += sum(label is None for label in labels)
    if missing:
        raise BadInput(f"The target has {missing} missing labels.")
    try:
        classes, codes = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise BadInput(f"The target mixes labels of different types: {error}.") from error
    if len(classes) < 2:
        raise BadInput(
            f"The target has the one class {classes.tolist()[0]!r}; two are needed to learn."
        )
    return classes, codes


def read_weights(sample_weight: ArrayLike | None, rows: int) -> Floats:
    """Row weights as float64, ones by default; raises ``BadInput`` unless ≥ 0 and some > 0."""
    if sample_weight is None:
        return np.ones(rows)
    weights = np.asarray(sample_weight, dtype=np.float64)
    _check_rows(weights, rows, "sample_weight")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise BadInput("sample_weight must be finite, not negative and not zero throughout.")
    return weights


def _check_rows(values: NDArray[Any], rows: int, what: str) -> None:
    if values.shape != (rows,):
        raise BadInput(f"{what} has shape {values.shape}; X has {rows} rows, so ({rows},) fits.")
