"""Least squares on parts of a table by many workers, combined into the answer of the whole."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from northstar.errors import Failed
from northstar.linear import LinearRegression, Ridge

Model = TypeVar("Model", LinearRegression, Ridge)
Batch = tuple[Any, ...]
Partition = Batch | Callable[[], Iterable[Batch]]

_TOGETHER = 8


def fit_partitions(model: Model, partitions: Iterable[Partition]) -> Model:
    """Fit a model to the rows of all partitions, one Ray task for each; returns it fitted.

    Every task reduces its rows to a triangle and triangles are merged in a tree, so the answer is
    that of one fit on one machine up to rounding, and only triangles travel.

    Args:
        model: tells what to fit; what it had learnt before does not count.
        partitions: each ``(X, y)`` or ``(X, y, sample_weight)``, or, so that rows are read where
            they are worked on, a function without arguments that yields such batches.

    Raises:
        BadInput: a partition cannot be used, or there is none.
        Failed: Ray is not installed.
    """
    ray = _ray()
    fit, merge = ray.remote(_fit), ray.remote(_merge)
    parts = [fit.remote(model, partition) for partition in partitions]
    while len(parts) > 1:
        parts = [
            merge.remote(*parts[start : start + _TOGETHER])
            for start in range(0, len(parts), _TOGETHER)
        ]
    try:
        fitted: Model = ray.get(parts[0]) if parts else _fit(model, _nothing)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    return fitted


def _fit(model: Model, partition: Partition) -> Model:
    batches = partition() if callable(partition) else [partition]
    return copy.deepcopy(model).fit_stream(batches)


def _merge(first: Model, *others: Model) -> Model:
    merged = copy.deepcopy(first)  # what Ray hands to a task must not be changed
    for other in others:
        merged.merge(other)
    return merged


def _nothing() -> Iterable[Batch]:
    return ()


def _ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise Failed(
            "Ray is not installed, so parts cannot be fitted by many workers.",
            hint="Install the extra: pip install 'northstar-mlops[ray]'. Or use fit_stream().",
        ) from error
    return ray
