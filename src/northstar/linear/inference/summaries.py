"""The table that everybody asks of a regression: coefficients, their errors, and the fit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from northstar.linear.inference.collinearity import collinearity
from northstar.linear.inference.distributions import FDistribution
from northstar.linear.inference.fitted import (
    INTERCEPT,
    Parameters,
    is_least_squares,
    read_parameters,
    standard_errors,
)
from northstar.linear.tables import Floats

_CONSTANT = 16 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class CoefficientRow:
    """One parameter of a model.

    Attributes:
        error: its standard error.
        statistic: how many standard errors it is from 0: t for least squares, else z.
        p_value: two-sided, of a statistic as far from 0 by chance.
        low, high: the ends of its interval.
        variance_inflation: see ``Collinearity``; ``None`` for the intercept and likelihoods.
    """

    name: str
    value: float
    error: float
    statistic: float
    p_value: float
    low: float
    high: float
    variance_inflation: float | None = None


@dataclass(frozen=True)
class Summary:
    """A fitted model in one table; ``print`` it, or take its ``records()``.

    What only least squares has is ``None`` for other models. R² is about the mean with an
    intercept, about 0 without. The F test asks whether the columns together explain more than
    chance would; it is left out for a ridge, which has no such test.

    Attributes:
        level: of the intervals.
        residual_error: the standard deviation of the noise, in the target's unit.
        condition_number, effective_rank: see ``Collinearity``.
        notes: how the numbers are to be read.
    """

    model: str
    level: float
    coefficients: tuple[CoefficientRow, ...]
    notes: tuple[str, ...]
    rows: int | None = None
    degrees_of_freedom: int | None = None
    residual_error: float | None = None
    r_squared: float | None = None
    adjusted_r_squared: float | None = None
    f_statistic: float | None = None
    f_p_value: float | None = None
    condition_number: float | None = None
    effective_rank: float | None = None

    def records(self) -> list[dict[str, Any]]:
        """The coefficients as dictionaries, ready for a data frame or JSON."""
        return [asdict(row) for row in self.coefficients]

    def __str__(self) -> str:
        return "\n".join(
            [*_heading(self), "", *_table(self), *([""] if self.notes else []), *self.notes]
        )


def summary(model: Any, level: float = 0.95, covariance: Floats | None = None) -> Summary:
    """Summarise a fitted model; its rows are not needed.

    Args:
        model: ``LinearRegression``, ``Ridge``, ``LogisticRegression`` or ``PoissonRegression``.
        level: of the intervals.
        covariance: used instead of the model's, as from ``robust_covariance``.

    Raises ``BadInput`` for models without standard errors.
    """
    found = read_parameters(model, covariance)
    notes = _notes(model, covariance is not None)
    if not is_least_squares(model):
        return Summary(type(model).__name__, level, _rows(found, level), notes)
    triangle, dof = model.triangle_, model.degrees_of_freedom_
    shared = collinearity(triangle.centred[0], triangle.means, triangle.rows)
    start = int(model.fit_intercept)
    total, left = triangle.total_sum_of_squares, model.residual_sum_of_squares_
    if total <= triangle.weight * (_CONSTANT * triangle.target_mean) ** 2:
        total = 0.0  # what is left of a constant is rounding
        notes += ("The target is constant: there is nothing to explain.",)
    explained = 1.0 - left / total if total > 0 else np.nan
    f_statistic, f_p_value = (
        _f_test(total, left, model.rank_, dof) if not _ridge(model) else (None, None)
    )
    return Summary(
        type(model).__name__,
        level,
        _rows(found, level, [None] * start + shared.variance_inflation.tolist()),
        notes,
        rows=triangle.rows,
        degrees_of_freedom=dof,
        residual_error=float(np.sqrt(found.variance)),
        r_squared=explained,
        adjusted_r_squared=1.0 - (1.0 - explained) * (triangle.rows - start) / dof
        if dof > 0
        else np.nan,
        f_statistic=f_statistic,
        f_p_value=f_p_value,
        condition_number=shared.condition_number,
        effective_rank=shared.effective_rank,
    )


def confidence_intervals(
    model: Any, level: float = 0.95, covariance: Floats | None = None
) -> Floats:
    """The low and high end for each parameter (parameters, 2), the intercept first if there is one.

    Of 100 intervals from new rows, ``100 · level`` contain the coefficient, if the model holds: for
    least squares with normal noise exactly, otherwise for many rows. For a ridge see ``summary``.
    """
    found = read_parameters(model, covariance)
    width = found.half_widths(level)
    return np.column_stack([found.values - width, found.values + width])


def _rows(
    found: Parameters, level: float, inflation: list[float | None] | None = None
) -> tuple[CoefficientRow, ...]:
    errors, widths = standard_errors(found.covariance), found.half_widths(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = found.values / errors
    return tuple(
        CoefficientRow(
            name,
            value,
            error,
            statistic,
            min(1.0, 2.0 * found.reference.survival(abs(statistic))),
            value - width,
            value + width,
            inflation[j] if inflation else None,
        )
        for j, (name, value, error, statistic, width) in enumerate(
            zip(
                found.names,
                found.values.tolist(),
                errors.tolist(),
                statistics.tolist(),
                widths.tolist(),
                strict=True,
            )
        )
    )


def _f_test(total: float, left: float, rank: int, dof: int) -> tuple[float, float]:
    if rank == 0 or dof <= 0 or not total:
        return np.nan, np.nan
    if left <= 0.0:
        return np.inf, 0.0
    statistic = (total - left) / rank / (left / dof)
    return statistic, FDistribution(rank, dof).survival(statistic)


def _ridge(model: Any) -> bool:
    return getattr(model, "alpha", 0.0) > 0.0


def _notes(model: Any, replaced: bool) -> tuple[str, ...]:
    notes = []
    if replaced:
        notes.append("The standard errors come from the covariance that was given.")
    if _ridge(model) or getattr(model, "l2", 0.0) > 0.0:
        notes.append(
            "The penalty pulls coefficients towards 0. The intervals are Bayesian: what to believe "
            "of a coefficient if, before the rows, 0 was the best guess and the penalty said how "
            "sure. They do not have the coverage of unpenalised ones."
        )
    if is_least_squares(model) and model.degrees_of_freedom_ <= 0:
        notes.append("There are no more rows than parameters, so nothing is known of the errors.")
    if is_least_squares(model) and not _ridge(model) and model.rank_ < model.n_features_in_:
        notes.append(
            f"Only {model.rank_} of {model.n_features_in_} columns are independent; of the many "
            "answers, this is the one with the smallest coefficients. Their errors and p values "
            "tell of that choice too: read predictions, not coefficients."
        )
    return tuple(notes)


def _heading(one: Summary) -> list[str]:
    lines = [one.model + (f" on {one.rows:,} rows" if one.rows is not None else "")]
    if one.r_squared is not None:
        lines[0] += f", {one.degrees_of_freedom:,} degrees of freedom"
        lines.append(
            f"R² {one.r_squared:.4f} (adjusted {one.adjusted_r_squared:.4f}), "
            f"residual standard error {one.residual_error:.4g}"
        )
        if one.f_statistic is not None and one.f_p_value is not None:
            lines.append(f"F {one.f_statistic:.4g}, p {_p_text(one.f_p_value)}")
        lines.append(
            f"condition number {one.condition_number:.3g}, effective rank {one.effective_rank:.3g}"
        )
    return lines


def _table(one: Summary) -> list[str]:
    inflated = any(row.variance_inflation is not None for row in one.coefficients)
    wide = max(len(INTERCEPT), *(len(row.name) for row in one.coefficients))
    share = f"{100 * one.level:g} %"
    head = (
        f"{'':{wide}}  {'value':>11} {'error':>10} {'t' if one.r_squared is not None else 'z':>9}"
    )
    head += f" {'p':>8} {share + ' from':>12} {'to':>11}" + (f" {'VIF':>8}" if inflated else "")
    return [head] + [_line(row, wide, inflated) for row in one.coefficients]


def _line(row: CoefficientRow, wide: int, inflated: bool) -> str:
    text = f"{row.name:{wide}}  {row.value:>11.5g} {row.error:>10.4g} {row.statistic:>9.3f}"
    text += f" {_p_text(row.p_value):>8} {row.low:>12.5g} {row.high:>11.5g}"
    if not inflated:
        return text
    inflation = row.variance_inflation
    return text + (f" {inflation:>8.3g}" if inflation is not None else " " * 9).rstrip()


def _p_text(p: float) -> str:
    return "<0.0001" if p < 1e-4 else f"{p:.4f}"
