"""Logistic regression and an elastic-net path, side by side with scikit-learn, in CPU seconds.

Both sides get the same table, the same objective and the same tolerance, on one BLAS thread, in
turns. An answer counts only if its objective is as low as the other's: that is checked here, for
what is measured.

Tolerances: scikit-learn's ``lbfgs`` stops when no entry of the mean gradient exceeds ``tol``; ours,
by Newton, ends far below that, and its largest entry is reported beside, as is the ratio to
``lbfgs`` at its looser default. Both elastic nets stop when the duality gap is below ``tol`` times
the target's square sum.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Result, in_turns, main, ratio
from northstar.linear import CoordinateDescent, LogisticRegression, elastic_net_path
from northstar.linear.tables import Floats

_TOLERANCE = 1e-6
_ALPHAS = 100
_COLUMNS = 50


def measure(quick: bool) -> Result:
    """Time both pairs; a figure is ``None`` where scikit-learn is not installed."""
    try:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # has no types
    except ImportError:  # it comes with scikit-learn
        return Result({"logistic_vs_sklearn": None, "elasticnet_vs_sklearn": None})
    rounds = 5 if quick else 11
    with threadpool_limits(1):
        logistic = _logistic(60_000 if quick else 200_000, rounds)
        path = _path(10_000, 100, related=True, rounds=rounds)
        unrelated = _path(10_000, 100, related=False, rounds=rounds)
    details = {
        **{f"logistic_{key}": value for key, value in logistic.details.items()},
        **{f"elasticnet_{key}": value for key, value in path.details.items()},
        "elasticnet_vs_sklearn_unrelated_columns": round(
            unrelated.figures["elasticnet_vs_sklearn"] or 0.0, 3
        ),
    }
    return Result(logistic.figures | path.figures, details)


def _logistic(rows: int, rounds: int) -> Result:
    from sklearn.linear_model import LogisticRegression as Theirs

    generator = np.random.default_rng(0)
    X = generator.normal(size=(rows, _COLUMNS)) @ (
        np.eye(_COLUMNS) + 0.3 * generator.normal(size=(_COLUMNS, _COLUMNS))
    )
    odds = X @ generator.normal(scale=0.3, size=_COLUMNS) - 1.0
    y = (generator.random(rows) < 1.0 / (1.0 + np.exp(-odds))).astype(np.int64)
    ours = LogisticRegression(l2=1.0)
    theirs = Theirs(C=1.0, tol=_TOLERANCE, max_iter=10_000)
    loose = Theirs(C=1.0, max_iter=10_000)
    fits = {"ours": ours.fit, "theirs": theirs.fit, "loose": loose.fit}
    times = _timed({name: partial(fit, X, y) for name, fit in fits.items()}, rounds)
    costs, slopes = zip(*(_logistic_cost(X, y, each) for each in (ours, theirs)), strict=True)
    _check_as_low(costs[0], costs[1])
    return Result(
        {"logistic_vs_sklearn": ratio(times["ours"], times["theirs"])},
        {
            "rows_columns": [rows, _COLUMNS],
            "cpu_s": _medians(times),
            "vs_sklearn_at_its_default": round(ratio(times["ours"], times["loose"]), 3),
            "steps": [ours.n_iter_, int(theirs.n_iter_[0])],
            "largest_mean_gradient": [float(f"{slope:.2g}") for slope in slopes],
        },
    )


def _path(rows: int, columns: int, *, related: bool, rounds: int) -> Result:
    from sklearn.linear_model import enet_path

    generator = np.random.default_rng(0)
    X = generator.normal(size=(rows, columns))
    if related:  # a common part, as the columns of most tables have
        X += 0.7 * generator.normal(size=(rows, 1))
    y = X[:, :20] @ generator.normal(size=20) + 3.0 * generator.normal(size=rows)
    X, y = np.asfortranarray(X - X.mean(axis=0)), y - y.mean()
    found: dict[str, Any] = {}

    def ours() -> None:
        solver = CoordinateDescent(tolerance=_TOLERANCE)
        path = elastic_net_path(X, y, alphas=_ALPHAS, solver=solver)
        found["ours"], found["alphas"] = path.coefs, path.alphas

    def theirs() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of arguments that will be renamed
            found["theirs"] = enet_path(
                X, y, alphas=found["alphas"], tol=_TOLERANCE, max_iter=100_000
            )[1]

    ours()
    times = _timed({"ours": ours, "theirs": theirs}, rounds)
    costs = [_path_costs(X, y, found[name], found["alphas"]) for name in ("ours", "theirs")]
    gap = _TOLERANCE * float(y @ y) / rows
    for mine, other in zip(*costs, strict=True):
        _check_as_low(mine, other + gap)
    return Result(
        {"elasticnet_vs_sklearn": ratio(times["ours"], times["theirs"])},
        {
            "rows_columns_alphas": [rows, columns, _ALPHAS],
            "cpu_s": _medians(times),
            "largest_excess": float(f"{np.max(costs[0] / costs[1] - 1.0):.2g}"),
        },
    )


def _timed(measures: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    return in_turns({name: partial(_seconds, run) for name, run in measures.items()}, rounds)


def _seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def _medians(times: dict[str, list[float]]) -> list[float]:
    return [round(median(times[name]), 4) for name in ("ours", "theirs")]


def _logistic_cost(X: Floats, y: NDArray[np.int64], model: Any) -> tuple[float, float]:
    """The objective, and the largest entry of its gradient over the rows."""
    coefficients = model.coef_[0]
    scores = X @ coefficients + model.intercept_[0]
    cost = float(np.sum(np.logaddexp(0.0, scores) - y * scores))
    slopes = X.T @ (1.0 / (1.0 + np.exp(-scores)) - y) + coefficients
    return cost + 0.5 * float(coefficients @ coefficients), float(np.abs(slopes).max() / len(y))


def _path_costs(X: Floats, y: Floats, coefs: Floats, alphas: Floats) -> Floats:
    misfit = np.square(y[:, None] - X @ coefs).sum(axis=0) / (2 * len(y))
    penalty = 0.5 * np.abs(coefs).sum(axis=0) + 0.25 * np.square(coefs).sum(axis=0)
    return np.asarray(misfit + alphas * penalty)


def _check_as_low(ours: float, theirs: float) -> None:
    if ours > theirs + 1e-9 * abs(theirs):
        raise SystemExit(f"Our objective {ours!r} is above theirs, {theirs!r}: nothing to compare.")


if __name__ == "__main__":
    main("linear_penalised", measure)
