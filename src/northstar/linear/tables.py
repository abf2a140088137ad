"""What comes in: tables, targets and weights, checked before any arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from northstar.linear.errors import BadInput

Floats = NDArray[np.float64]

_MANY = 5


_MOMENTS = "Turn them into numbers, for example days since a date."


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
        shape = _shape(X)
        if shape[0] == 0:
            raise BadInput(f"X has shape {shape}: no rows to learn from. Take more rows.")
        if shape[1] == 0:
            raise BadInput(f"X has 0 feature(s) (shape={shape}) while a minimum of 1 is required.")
        names = tuple(getattr(X, "columns", ()))
        named = len(names) == shape[1] and all(isinstance(name, str) for name in names)
        if named and len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise BadInput(f"X has several columns of one name: {_listed(twice)}. Rename them.")
        return cls(shape[1], names if named else None)

    def read(self, X: Any, reader: str = "it") -> Floats:
        """Turn a table into float64, rows × columns, in the order of the fit.

        A table with column names is read by name: order does not matter and other columns are
        ignored. Raises ``BadInput`` for missing columns, sparse matrices, complex numbers, text,
        and missing or infinite values; ``reader`` is who asks, for the message.
        """
        if self.names is not None and hasattr(X, "columns"):
            absent = [name for name in self.names if name not in X.columns]
            if absent:
                raise BadInput(f"X lacks the columns {_listed(absent)}, which the fit had.")
            X = X[list(self.names)]
        shape = _shape(X)
        if shape[1] != self.count:
            raise BadInput(
                f"X has {shape[1]} features, but {reader} is expecting {self.count} features as "
                f"input; {self.count} columns are needed."
            )
        matrix = self._numbers(X)
        self._check_finite(matrix)
        return matrix

    def _numbers(self, X: Any) -> Floats:
        _refuse_masked(X, "X")
        try:
            raw = np.asarray(X)
            if raw.dtype.kind in "mM":
                raise BadInput(f"X holds moments or durations. {_MOMENTS}")
            if raw.dtype.kind not in "cSUO":
                return np.asarray(raw, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise BadInput(f"X cannot be read as a table of numbers: {error}.") from error
        if raw.dtype.kind == "c":  # one complex column makes all of them complex
            columns = np.flatnonzero(raw.imag.any(axis=0)).tolist() or range(self.count)
            raise BadInput(_complex(_listed([self._name(j) for j in columns])))
        numbers = np.empty(raw.shape)
        for j in range(self.count):
            numbers[:, j] = _number_column(raw[:, j], self._name(j))
        return numbers

    def _check_finite(self, matrix: Floats) -> None:
        # One pass without a temporary of the table's size; only a bad table pays for the second.
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(matrix.sum(axis=0)).all():
                return
        counts = (~np.isfinite(matrix)).sum(axis=0)
        bad = [f"{self._name(j)} ({counts[j]} rows)" for j in np.flatnonzero(counts).tolist()]
        if bad:
            raise BadInput(
                f"X has missing or infinite values: {_listed(bad)}. "
                "Fill NaN and inf first, for example with the column's mean, or drop the rows."
            )

    def _name(self, j: int) -> str:
        return self.names[j] if self.names else f"column {j}"


@dataclass(frozen=True, eq=False)
class Training:
    """A training table without its rows of weight 0, which say nothing.

    Attributes:
        features: its columns.
        matrix: rows × columns.
        y: (rows,), not yet looked into.
        weights: (rows,), above 0.
    """

    features: Features
    matrix: Floats
    y: NDArray[Any]
    weights: Floats

    @classmethod
    def of(cls, X: Any, y: ArrayLike, sample_weight: ArrayLike | None) -> Training:
        """Read a table, its target and the rows' weights; raises ``BadInput``."""
        features = Features.of(X)
        matrix = features.read(X)
        target = _target(y, len(matrix))
        weights = read_weights(sample_weight, len(matrix))
        if not weights.all():
            kept = weights > 0
            matrix, target, weights = matrix[kept], target[kept], weights[kept]
        return cls(features, matrix, target, weights)


def read_values(y: ArrayLike, rows: int) -> Floats:
    """A regression's target as float64, shape (rows,); raises ``BadInput``."""
    target = _target(y, rows)
    if target.dtype.kind in "mM":
        raise BadInput(f"The target holds moments or durations. {_MOMENTS}")
    values = (
        np.asarray(target, dtype=np.float64)
        if target.dtype.kind not in "cSUO"
        else _number_column(target, "the target")
    )
    missing = int((~np.isfinite(values)).sum())
    if missing:
        raise BadInput(
            f"The target has {missing} missing or infinite values. Drop these rows: "
            "nothing can be learnt from them."
        )
    return values


def read_labels(y: ArrayLike, rows: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """A classifier's target as its sorted classes and the class index of each row.

    Raises ``BadInput`` for missing labels, for numbers with fractions, and for fewer than two
    classes.
    """
    labels = _target(y, rows)
    if labels.dtype.kind == "c":
        raise BadInput("Complex data not supported: the target is complex; pass labels.")
    # Not a number is the one value that differs from itself.
    missing = int((labels != labels).sum()) if labels.dtype.kind in "fOmM" else 0
    if labels.dtype.kind == "O":
        missing += sum(label is None for label in labels)
    if missing:
        raise BadInput(f"The target has {missing} missing labels. Drop these rows.")
    if labels.dtype.kind == "f" and not (np.isfinite(labels) & (labels == np.round(labels))).all():
        raise BadInput(
            "Unknown label type: continuous. The target holds numbers with fractions or inf; "
            "bin them into classes, or use a regression."
        )
    try:
        classes, codes = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise BadInput(f"The target mixes labels of different types: {error}.") from error
    if len(classes) < 2:
        raise BadInput(
            f"The target has the one class {classes.tolist()[0]!r}; two are needed to learn. "
            "Take more rows, or rows that were not filtered by the target."
        )
    return classes, codes


def read_weights(sample_weight: ArrayLike | None, rows: int) -> Floats:
    """Row weights as float64, ones by default; raises ``BadInput`` unless ≥ 0 and some > 0."""
    if sample_weight is None:
        return np.ones(rows)
    _refuse_masked(sample_weight, "sample_weight")
    raw = np.asarray(sample_weight)
    _check_rows(raw, rows, "sample_weight")
    weights = _number_column(raw, "sample_weight")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise BadInput("sample_weight must be finite, not negative and not zero throughout.")
    return weights


def _shape(X: Any) -> tuple[int, int]:
    if hasattr(X, "nnz") and hasattr(X, "toarray"):
        raise BadInput("X is a sparse matrix, which is not supported; pass X.toarray().")
    try:
        shape = X.shape if hasattr(X, "shape") else np.asarray(X).shape
    except ValueError as error:  # rows of different lengths
        raise BadInput(f"X cannot be read as a table of rows and columns: {error}.") from error
    if len(shape) != 2:
        raise BadInput(
            f"X has shape {shape}; a table with rows and columns is needed. Reshape your data: "
            "X.reshape(-1, 1) if it is one column, X.reshape(1, -1) if it is one row."
        )
    return shape[0], shape[1]


def _target(y: ArrayLike, rows: int) -> NDArray[Any]:
    if y is None:
        raise BadInput("requires y to be passed, but the target y is None")
    _refuse_masked(y, "The target")
    target = np.asarray(y)
    _check_rows(target, rows, "The target")
    return target


def _number_column(raw: NDArray[Any], name: str) -> Floats:
    """One column as float64; the error names the column, its first bad value, and the remedy."""
    kind = raw.dtype.kind
    if kind == "c" or (kind == "O" and any(isinstance(value, complex) for value in raw)):
        raise BadInput(_complex(name))
    if kind not in "SUO":
        return np.asarray(raw, dtype=np.float64)
    try:
        return np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        row = next(i for i, value in enumerate(raw) if not _is_number(value))
        if _is_missing(raw[row]):
            raise BadInput(
                f"{name} has missing values: the first in row {row}. "
                "Fill them first, for example with the column's mean, or drop the rows."
            ) from error
        raise BadInput(
            f"{name} holds something that is not a number: {raw.tolist()[row]!r} in row {row}. "
            "Encode it, for example as one column of 0 and 1 for each category, or leave it out."
        ) from error


def _complex(names: str) -> str:
    return (
        f"Complex data not supported: {names} holds complex numbers; use the real part, or real "
        "and imaginary part as two columns."
    )


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _is_missing(value: Any) -> bool:
    """Whether a value stands for none: ``None``, or pandas' ``NA``, which nothing is equal to."""
    return value is None or type(value).__name__ == "NAType"


def _refuse_masked(values: Any, what: str) -> None:
    """NumPy would read what is under the mask as if it were there."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise BadInput(
            f"{what} has {int(np.ma.getmaskarray(values).sum())} masked values. "
            "Fill them first (filled), or drop the rows."
        )


def _check_rows(values: NDArray[Any], rows: int, what: str) -> None:
    if values.shape == (rows, 1):
        raise BadInput(f"{what} has shape {values.shape}, a table of one column; pass its ravel().")
    if values.shape != (rows,):
        raise BadInput(f"{what} has shape {values.shape}; X has {rows} rows, so ({rows},) fits.")


def _listed(names: list[str]) -> str:
    more = len(names) - _MANY
    return ", ".join(names[:_MANY]) + (f" and {more} more" if more > 0 else "")
