"""What is wrong with a fit, in words: for the day when the high-level abstractions fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from northstar.linear.inference.collinearity import Relation, collinearity
from northstar.linear.inference.design import Design, read_design
from northstar.linear.inference.distributions import FDistribution, StudentT
from northstar.linear.inference.fitted import column_names
from northstar.linear.inference.influence import influence_of
from northstar.linear.inference.specification import (
    bends,
    heavy_tails,
    lopsided,
    overdispersion,
    reset,
    serial_correlation,
    uneven_noise,
)
from northstar.linear.tables import Floats

FindingKind = Literal[
    "not-converged",
    "too-few-rows",
    "constant-column",
    "collinearity",
    "scale",
    "separation",
    "non-linearity",
    "heteroscedasticity",
    "heavy-tails",
    "influential-rows",
    "autocorrelation",
    "overdispersion",
]

# A finding needs both: chance does not explain it, and it is large enough to matter. The first
# keeps small tables quiet, the second large ones, in which everything is significant.
_CHANCE = 1e-3
_SHARE = 0.01
_NOISE_RATIO = 1.5
_SKEWNESS = 0.5
_KURTOSIS = 1.0
_CORRELATION = 0.1
_DISPERSION = 1.5
_SCALES = 1e6
_FAR = 1e7
_ROWS_A_PARAMETER = 5
_FEWEST_ROWS = 20
_NAMED = 5


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or may be.

    Attributes:
        message: what was found, with its size.
        advice: what to do about it.
        columns: the names of those concerned.
        rows: the positions of those concerned, the worst first.
    """

    kind: FindingKind
    message: str
    advice: str
    columns: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.message}; {self.advice}."


def diagnose(
    model: Any,
    X: Any,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    ordered: bool = False,
) -> list[Finding]:
    """Look for what makes a fit, its errors or its intervals untrue; the gravest first.

    Tests run at a level of 0.1 % and need an effect worth acting on, so that a sound model on
    clean rows is told nothing (but for about one in a hundred). What is not found is not proved
    absent: on few rows little can be seen.

    Args:
        model: ``LinearRegression``, ``Ridge``, ``PoissonRegression`` or ``LogisticRegression`` of
            two classes.
        X, y, sample_weight: the rows that it was fitted on.
        ordered: whether the rows are in the order of time, so that neighbours may hang together.

    Raises ``BadInput`` for other models and for rows that do not fit.
    """
    design = read_design(model, X, y, sample_weight)
    names = column_names(model)
    found = [*_convergence(model), *_rows(design), *_columns(design, names)]
    if design.rows - design.rank < 2:
        return found
    if design.family == "binomial":
        found += _separation(design, names)
    found += _single_rows(design)
    # A row that decides the answer would also decide the tests of shape and noise.
    rest = design.without(_pulling(design))
    if rest.rows >= _FEWEST_ROWS:
        found += [*_shape(rest, names), *_noise(rest), *(_order(rest) if ordered else ())]
    return found


def _convergence(model: Any) -> Iterator[Finding]:
    if getattr(getattr(model, "solver_report_", None), "converged", True) is False:
        yield Finding(
            "not-converged",
            "The solver stopped at its limit of steps, so the coefficients are not the answer yet",
            "standardise the columns, allow more steps, or use another solver",
        )


def _rows(design: Design) -> Iterator[Finding]:
    parameters = design.X.shape[1] + int(design.intercept)
    rows, what = design.rows, "rows"
    if design.family == "binomial":
        ones = int(np.count_nonzero(design.y[design.weights > 0]))
        rows, what = min(ones, rows - ones), "rows of the rarer class"
    if rows <= parameters:
        yield Finding(
            "too-few-rows",
            f"There are {rows:,} {what} for {parameters:,} parameters, so the model repeats the "
            "rows and nothing is known of its errors",
            "take more rows, fewer columns, or a penalty",
        )
    elif rows < _ROWS_A_PARAMETER * parameters:
        yield Finding(
            "too-few-rows",
            f"There are {rows:,} {what} for {parameters:,} parameters, "
            f"{rows / parameters:.1f} each, so the coefficients are mostly noise",
            f"take at least {_ROWS_A_PARAMETER * parameters:,}, fewer columns, or a penalty",
        )


def _columns(design: Design, names: Sequence[str]) -> Iterator[Finding]:
    weights = design.weights / design.weights.sum()
    means = design.X[0] + weights @ (design.X - design.X[0])
    base = means if design.intercept else np.zeros_like(means)
    centred = (design.X - base) * np.sqrt(weights)[:, None]
    R: Floats = np.asarray(np.linalg.qr(centred, mode="r"))
    shared = collinearity(R, means if design.intercept else base, len(design.X))
    if shared.constant:
        which = _named([names[j] for j in shared.constant])
        one = len(shared.constant) == 1
        yield Finding(
            "constant-column",
            f"{which} {'has' if one else 'have'} the same value in every row and "
            f"{'says' if one else 'say'} nothing",
            f"drop {'it' if one else 'them'}",
            tuple(names[j] for j in shared.constant),
        )
    for relation in shared.relations:
        yield _relation(relation, names)
    spreads = np.linalg.norm(R, axis=0)
    yield from _scales(spreads, means, set(shared.constant), names, design)


def _relation(relation: Relation, names: Sequence[str]) -> Finding:
    columns = tuple(names[j] for j in relation.columns)
    exact = np.isinf(relation.index)
    coefficients = np.array(relation.coefficients)
    if len(columns) == 2:
        message = f"Columns {columns[0]} and {columns[1]} carry {'' if exact else 'nearly '}the "
        message += "same information"
        advice = "drop one or use Ridge"
    elif np.allclose(coefficients, coefficients[0], rtol=1e-6):
        message = f"Columns {_named(columns)} sum to {'' if exact else 'nearly '}the same in every "
        message += "row (as indicators of all levels do)"
        advice = "drop one or use Ridge"
    else:
        message = f"Each of the columns {_named(columns)} can be {'' if exact else 'nearly '}told "
        message += f"from the others ({_equation(columns, coefficients)})"
        advice = "drop one of them or use Ridge"
    if not exact:
        message += f" (condition index {relation.index:.0f})"
    return Finding("collinearity", message, advice, columns)


def _equation(columns: Sequence[str], coefficients: Floats) -> str:
    """``Σ cⱼ xⱼ = constant``, solved for the column with the largest part."""
    told = int(np.argmax(np.abs(coefficients)))
    rest = [
        f"{'+' if -c / coefficients[told] > 0 else '−'} {abs(c / coefficients[told]):.3g} {name}"
        for j, (name, c) in enumerate(zip(columns, coefficients, strict=True))
        if j != told
    ]
    right = " ".join(rest[:_NAMED]).removeprefix("+ ")
    return f"{columns[told]} ≈ {right}{' …' if len(rest) > _NAMED else ''} + constant"


def _scales(
    spreads: Floats, means: Floats, constant: set[int], names: Sequence[str], design: Design
) -> Iterator[Finding]:
    alive = [j for j in range(len(names)) if j not in constant]
    if not alive:
        return
    wide, narrow = max(alive, key=lambda j: spreads[j]), min(alive, key=lambda j: spreads[j])
    if spreads[wide] >= _SCALES * spreads[narrow]:
        yield Finding(
            "scale",
            f"{names[wide]} varies {spreads[wide] / spreads[narrow]:.0e} times as much as "
            f"{names[narrow]}, so a penalty or gradient descent sees hardly anything but one",
            "standardise the columns",
            (names[wide], names[narrow]),
        )
    far = [j for j in alive if design.intercept and abs(means[j]) >= _FAR * spreads[j]]
    if far:
        yield Finding(
            "scale",
            f"{_named([names[j] for j in far])} lies so far from 0 for how little it varies that "
            "few of its digits are left",
            "subtract a round number near its mean before the table is made",
            tuple(names[j] for j in far),
        )


def _separation(design: Design, names: Sequence[str]) -> Iterator[Finding]:
    ones, zeros = design.X[design.y == 1], design.X[design.y == 0]
    if not len(ones) or not len(zeros):
        return
    apart = (ones.min(axis=0) > zeros.max(axis=0)) | (zeros.min(axis=0) > ones.max(axis=0))
    if apart.any():
        which = tuple(names[j] for j in np.flatnonzero(apart).tolist())
        yield Finding(
            "separation",
            f"{_named(which)} alone tells the two classes apart without one error, so its "
            "coefficient is as large as the penalty or the solver lets it be",
            "find out when its value is known: it looks like the outcome itself",
            which,
        )
        return
    if ((design.scores > 0) == (design.y == 1)).all():
        yield Finding(
            "separation",
            "The model tells the two classes apart without one error on its own rows, so the "
            "likelihood has no maximum and the coefficients are as large as the penalty or the "
            "solver lets them be",
            "look for a column that knows the outcome, or keep a penalty and do not read the "
            "standard errors",
        )
        return
    share = design.y.mean()
    for j, name in enumerate(names):
        values = np.unique(design.X[:, j])
        if len(values) != 2:
            continue
        for value in values:
            outcomes = design.y[design.X[:, j] == value]
            one = outcomes.mean()
            chance = (share if one == 1 else 1 - share) ** len(outcomes)
            if one in (0.0, 1.0) and chance < _CHANCE / len(names):
                yield Finding(
                    "separation",
                    f"All {len(outcomes):,} rows with {name} = {value:g} have the same outcome, so "
                    "its coefficient has no finite best value",
                    "merge the level with another, or keep a penalty and do not read its error",
                    (name,),
                )


def _shape(design: Design, names: Sequence[str]) -> Iterator[Finding]:
    tests = bends(design)
    limit = _CHANCE / len(tests)
    bent = [j for j, test in enumerate(tests) if test.p_value < limit and test.effect >= _SHARE]
    bent.sort(key=lambda j: -tests[j].effect)
    if bent:
        worst = tests[bent[0]]
        yield Finding(
            "non-linearity",
            f"The effect of {_named([names[j] for j in bent])} is not a straight line: the square "
            f"of {names[bent[0]]} alone explains {worst.effect:.0%} of what is left",
            "add squares, logarithms or splines, or take a model that bends",
            tuple(names[j] for j in bent),
        )
        return
    curve = reset(design)
    if curve.p_value < _CHANCE and curve.effect >= _SHARE:
        yield Finding(
            "non-linearity",
            f"Powers of the fitted value explain {curve.effect:.0%} of what is left (RESET), so "
            "the columns act together or along a curve",
            "transform the target, add products of columns, or take a model that bends",
        )


def _noise(design: Design) -> Iterator[Finding]:
    if design.family == "poisson":
        spread = overdispersion(design)
        if spread.p_value < _CHANCE and spread.effect >= _DISPERSION:
            yield Finding(
                "overdispersion",
                f"The counts vary {spread.effect:.1f} times as much as a Poisson law allows, so "
                f"the standard errors are {np.sqrt(spread.effect):.1f} times too small",
                "use robust_covariance, or look for what the columns do not say",
            )
    if design.family != "gaussian":
        return
    uneven = uneven_noise(design)
    if uneven.p_value < _CHANCE and uneven.effect >= _NOISE_RATIO:
        yield Finding(
            "heteroscedasticity",
            f"The noise is uneven: its standard deviation is {uneven.effect:.1f} times as large "
            "in the noisiest quarter of the rows as in the quietest (Breusch-Pagan, White), so "
            "the usual standard errors and prediction intervals are wrong",
            "use robust_covariance, weights, or the logarithm of the target",
        )
        return  # uneven noise has heavy tails of itself
    residuals = influence_of(design).standardised
    residuals = residuals[np.isfinite(residuals) & (design.weights > 0)]
    tails, lean = heavy_tails(residuals), lopsided(residuals)
    heavy = tails.p_value < _CHANCE and tails.effect >= _KURTOSIS
    leaning = lean.p_value < _CHANCE and abs(lean.effect) >= _SKEWNESS
    if heavy or leaning:
        how = [f"stray far (excess kurtosis {tails.effect:.1f})"] if heavy else []
        how += [f"lean to one side (skewness {lean.effect:.1f})"] if leaning else []
        yield Finding(
            "heavy-tails",
            f"The residuals {' and '.join(how)}, so single rows pull hard and prediction "
            "intervals do not cover what they say",
            "look at the largest residuals, use HuberRegression, or transform the target",
        )


def _single_rows(design: Design) -> Iterator[Finding]:
    found, dof = influence_of(design), design.rows - design.rank
    pulling = _pulling(design)
    alone = np.flatnonzero((found.leverage > 1.0 - 1e-9) & (design.weights > 0))
    if alone.size:
        yield Finding(
            "influential-rows",
            f"{_row_text(alone)} alone decide{'s' if len(alone) == 1 else ''} a coefficient, "
            "whatever the outcome there",
            "look whether a column is almost always the same, and drop it",
            rows=tuple(alone.tolist()),
        )
    if pulling.size:
        order = pulling[np.argsort(-found.cooks_distance[pulling])]
        yield Finding(
            "influential-rows",
            f"Without {_row_text(order)} the answer would be another one (Cook's distance "
            f"{found.cooks_distance[order[0]]:.2g})",
            "check those rows, and fit without them to see what changes",
            rows=tuple(order.tolist()),
        )
    if design.family == "gaussian" and dof > 2:
        sizes = np.abs(np.nan_to_num(found.studentised))
        reach = StudentT(dof - 1).quantile(1.0 - _CHANCE / design.rows / 2.0)
        outlying = np.setdiff1d(np.flatnonzero(sizes > reach), pulling)
        if outlying.size:
            order = outlying[np.argsort(-sizes[outlying])]
            yield Finding(
                "influential-rows",
                f"{_row_text(order)} lie{'s' if len(order) == 1 else ''} further from the model "
                f"than chance allows (studentised residual {sizes[order[0]]:.1f})",
                "check how those outcomes were recorded, or use HuberRegression",
                rows=tuple(order.tolist()),
            )


def _pulling(design: Design) -> NDArray[np.intp]:
    """Rows beyond the median of F by Cook's distance (Cook 1977)."""
    limit = max(FDistribution(design.rank, design.rows - design.rank).quantile(0.5), 0.5)
    return np.flatnonzero(influence_of(design).cooks_distance > limit)


def _order(design: Design) -> Iterator[Finding]:
    found = serial_correlation(design)
    if found.p_value < _CHANCE and abs(found.effect) >= _CORRELATION:
        yield Finding(
            "autocorrelation",
            f"A row's residual tells the next one's (correlation {found.effect:.2f}, "
            f"Durbin-Watson {2 * (1 - found.effect):.2f}), so there is less information than rows "
            "and the standard errors are wrong",
            "add what happened before as a column, or fit differences",
        )


def _named(names: Sequence[str]) -> str:
    shown = list(names[:_NAMED])
    if len(names) > _NAMED:
        return f"{', '.join(shown)} and {len(names) - _NAMED} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _row_text(rows: NDArray[np.intp]) -> str:
    return f"row{'s' if len(rows) > 1 else ''} {_named([str(int(row)) for row in rows])}"
