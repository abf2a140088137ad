"""The linear models: NIST's digits, time against other libraries, and a stream's memory.

Times are CPU seconds with one BLAS thread for everybody, so that what else the machine does does
not decide: ``python -m benchmarks.linear`` starts itself anew to see to it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import linear_penalised
from benchmarks.harness import Result, in_turns, main, ratio
from northstar.linear import LinearRegression
from tests.linear.nist import SETS, StRD, log_relative_error

Floats = NDArray[np.float64]
Answer = tuple[Floats, Floats | None]  # coefficients and standard errors, the intercept first

_BATCH_ROWS = 100_000
_THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def measure(quick: bool) -> Result:
    """Every figure of the linear models."""
    squares, penalised = measure_least_squares(quick), linear_penalised.measure(quick)
    return Result(
        {**squares.figures, **penalised.figures}, {**squares.details, **penalised.details}
    )


def measure_least_squares(quick: bool) -> Result:
    """Everything that least squares promise."""
    table = nist_table()
    worst = {name: min(ours["northstar"].values()) for name, ours in table.items()}
    fits = fit_times(rows=200_000 if quick else 1_000_000, columns=50)
    streams = stream_times(rows=400_000 if quick else 1_000_000, columns=20)
    return Result(
        {
            "nist_min_lre": min(value for name, value in worst.items() if name != "Filip"),
            "filip_lre": worst["Filip"],
            "fit_vs_sklearn": fits.pop("fit_vs_sklearn"),
            "fit_vs_qr": fits.pop("fit_vs_qr"),
            "stream_vs_memory": streams.pop("stream_vs_memory"),
        },
        {
            "nist": table,
            "fit": fits,
            "stream": streams,
            "long_stream": _long_stream(2_000_000 if quick else 20_000_000),
        },
    )


def nist_table() -> dict[str, dict[str, dict[str, float]]]:
    """Digits that agree with the certified values: by set, library, and kind of value."""
    solvers: dict[str, Callable[[StRD], Answer]] = {
        "northstar": _by_northstar,
        "numpy": _by_numpy,
        "scikit-learn": _by_scikit_learn,
        "statsmodels": _by_statsmodels,
    }
    return {
        known.name: {name: _digits(known, *solve(known)) for name, solve in solvers.items()}
        for known in SETS
    }


def fit_times(rows: int, columns: int) -> dict[str, Any]:
    """A well-conditioned table in memory, with an intercept: time and error of each library."""
    from sklearn import linear_model as peer

    X, y = _rows(np.random.default_rng(0), rows, columns)
    answers: dict[str, Floats] = {}

    def ours() -> None:
        model = LinearRegression().fit(X, y)
        answers["northstar"] = np.append(model.intercept_, model.coef_)

    def ours_by_qr() -> None:
        LinearRegression(solver="qr").fit(X, y)

    def scikit_learn() -> None:
        model = peer.LinearRegression().fit(X, y)
        answers["scikit-learn"] = np.append(model.intercept_, model.coef_)

    def qr() -> None:
        R: Floats = np.asarray(np.linalg.qr(np.column_stack([np.ones(rows), X, y]), mode="r"))
        answers["numpy QR"] = np.asarray(np.linalg.solve(R[:-1, :-1], R[:-1, -1]))

    works = {
        "northstar": ours,
        "northstar by QR": ours_by_qr,
        "scikit-learn": scikit_learn,
        "numpy QR": qr,
    }
    times = in_turns({name: _timed(work) for name, work in works.items()}, 5)
    exact = LinearRegression(solver="refined").fit(X, y)
    truth = np.append(exact.intercept_, exact.coef_)
    return {
        "fit_vs_sklearn": ratio(times["northstar"], times["scikit-learn"]),
        "fit_vs_qr": ratio(times["northstar"], times["numpy QR"]),
        "rows": rows,
        "columns": columns,
        "solver": str(LinearRegression().fit(X, y).solver_report_),
        "seconds": {name: round(float(np.median(found)), 3) for name, found in times.items()},
        "digits": {name: round(log_relative_error(b, truth), 1) for name, b in answers.items()},
    }


def stream_times(rows: int, columns: int) -> dict[str, Any]:
    """The same rows from memory and as a stream of batches."""
    X, y = _rows(np.random.default_rng(1), rows, columns)

    def memory() -> None:
        LinearRegression().fit(X, y)

    def stream() -> None:
        LinearRegression().fit_stream(
            (X[start : start + _BATCH_ROWS], y[start : start + _BATCH_ROWS])
            for start in range(0, rows, _BATCH_ROWS)
        )

    times = in_turns({"memory": _timed(memory), "stream": _timed(stream)}, 9)
    return {
        "stream_vs_memory": ratio(times["stream"], times["memory"]),
        "rows": rows,
        "columns": columns,
        "seconds": {name: round(float(np.median(found)), 3) for name, found in times.items()},
    }


def long_stream(rows: int, columns: int = 20) -> dict[str, Any]:
    """A stream that no memory holds, made as it goes; the making is not counted as time."""
    rng, made = np.random.default_rng(2), 0.0

    def batches() -> Iterator[tuple[Floats, Floats]]:
        nonlocal made
        for _ in range(rows // _BATCH_ROWS):
            start = time.process_time()
            batch = _rows(rng, _BATCH_ROWS, columns)
            made += time.process_time() - start
            yield batch

    LinearRegression().fit_stream([_rows(rng, _BATCH_ROWS, columns)])
    one, start = _peak_mb(), time.process_time()
    model = LinearRegression().fit_stream(batches())
    seconds = time.process_time() - start - made
    return {
        "rows": model.triangle_.rows,
        "columns": columns,
        "seconds_per_million_rows": round(seconds / rows * 1e6, 4),
        "peak_mb": round(_peak_mb()),
        "peak_mb_after_one_batch": round(one),
        "table_mb": round(rows * columns * 8 / 1e6),
    }


def _long_stream(rows: int) -> dict[str, Any]:
    """``long_stream`` in a process of its own, whose peak is its own."""
    code = f"import json, benchmarks.linear as b; print(json.dumps(b.long_stream({rows})))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def _digits(known: StRD, coefficients: Floats, errors: Floats | None) -> dict[str, float]:
    found = {"coefficients": log_relative_error(coefficients, known.certified_coefficients)}
    if errors is not None:
        found["standard_errors"] = log_relative_error(errors, known.certified_errors)
    return {name: round(digits, 1) for name, digits in found.items()}


def _by_northstar(known: StRD) -> Answer:
    model = LinearRegression(fit_intercept=known.intercept).fit(known.table, known.target)
    variance = model.residual_sum_of_squares_ / model.degrees_of_freedom_
    errors = np.sqrt(variance * np.diagonal(model.unscaled_covariance_))
    return np.append([model.intercept_] * known.intercept, model.coef_), errors


def _by_numpy(known: StRD) -> Answer:
    design, y = _design(known), known.target
    coefficients = np.linalg.lstsq(design, y)[0]
    residuals = y - design @ coefficients
    variance = residuals @ residuals / (len(y) - design.shape[1])
    inverse = np.linalg.pinv(design)
    return np.asarray(coefficients), np.sqrt(variance * np.square(inverse).sum(axis=1))


def _by_scikit_learn(known: StRD) -> Answer:
    from sklearn import linear_model as peer

    model = peer.LinearRegression(fit_intercept=known.intercept).fit(known.table, known.target)
    return np.append([model.intercept_] * known.intercept, model.coef_), None


def _by_statsmodels(known: StRD) -> Answer:
    import statsmodels.api as peer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls Filip's table singular, with reason
        model = peer.OLS(known.target, _design(known)).fit()
    return np.asarray(model.params), np.asarray(model.bse)


def _design(known: StRD) -> Floats:
    return np.hstack([np.ones((len(known.target), int(known.intercept))), known.table])


def _rows(rng: np.random.Generator, rows: int, columns: int) -> tuple[Floats, Floats]:
    X = rng.standard_normal((rows, columns))
    return X, X @ np.linspace(-2.0, 2.0, columns) + 3.0 + rng.standard_normal(rows)


def _timed(work: Callable[[], None]) -> Callable[[], float]:
    def seconds() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return seconds


def _peak_mb() -> float:
    """The most memory that this process has held; ``getrusage`` would count its parent's too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    if any(os.environ.get(name) != value for name, value in _THREADS.items()):
        again = [sys.executable, "-m", "benchmarks.linear", *sys.argv[1:]]
        sys.exit(subprocess.run(again, env=os.environ | _THREADS, check=False).returncode)
    main("linear", measure)
