"""Tests of what a linear model assumes, each a few lines over a ``Design``.

Most are one test: would another column explain the residuals? (The Lagrange multiplier principle;
Davidson and MacKinnon, *Econometric Theory and Methods*, 6.) A squared column finds a bend, powers
of the fitted score any misshapen curve (RESET, Ramsey 1969), the residual before a row one that
hangs on it (Breusch 1978, Godfrey 1978).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from northstar.linear.inference.design import Design
from northstar.linear.inference.distributions import ChiSquared, FDistribution, Normal
from northstar.linear.tables import Floats

_NOTHING_LEFT = 1e-8


@dataclass(frozen=True)
class SpecificationTest:
    """What a test found.

    Attributes:
        statistic: F, chi² or z, as the test says.
        p_value: how likely so large a statistic is when the assumption holds.
        effect: how large the departure is, whatever the number of rows; the test says in what.
    """

    statistic: float
    p_value: float
    effect: float


def added_columns(design: Design, extra: Floats) -> SpecificationTest:
    """Whether more columns (rows × extra) would explain what is left; ``effect`` is the share.

    F for least squares; for likelihoods the score test, chi². Columns that the table already
    implies do not count.
    """
    weighted = extra * np.sqrt(design.working_weights)[:, None]
    lengths = np.linalg.norm(weighted, axis=0)
    left = _residualised(design, weighted)
    found = np.linalg.norm(left, axis=0)
    left = left[:, found > _NOTHING_LEFT * lengths]
    if not left.size:
        return SpecificationTest(0.0, 1.0, 0.0)
    basis, sizes, _ = np.linalg.svd(left / np.linalg.norm(left, axis=0), full_matrices=False)
    basis = basis[:, sizes > _NOTHING_LEFT * sizes[0]]
    explained = float(np.square(basis.T @ design.pearson).sum())
    return _test_of(design, explained, basis.shape[1])


def bends(design: Design) -> list[SpecificationTest]:
    """For each column, whether its square belongs in the model."""
    squares = np.square(design.X - design.centre) * np.sqrt(design.working_weights)[:, None]
    left = _residualised(design, squares)
    lengths, before = np.linalg.norm(left, axis=0), np.linalg.norm(squares, axis=0)
    new = lengths > _NOTHING_LEFT * before
    along = np.divide(design.pearson @ left, lengths, out=np.zeros_like(lengths), where=new)
    return [
        _test_of(design, float(part**2), 1) if found else SpecificationTest(0.0, 1.0, 0.0)
        for part, found in zip(along, new, strict=True)
    ]


def reset(design: Design) -> SpecificationTest:
    """Whether the square and the cube of the fitted score belong in the model."""
    score = design.scores - design.scores.mean()
    size = float(np.abs(score).max()) or 1.0
    return added_columns(design, np.column_stack([(score / size) ** 2, (score / size) ** 3]))


def serial_correlation(design: Design) -> SpecificationTest:
    """Whether a row's residual tells the next one's; ``effect`` is their correlation.

    For rows in the order of time. The Durbin-Watson statistic is about 2 (1 − effect).
    """
    residuals = design.pearson
    before = np.append(0.0, residuals[:-1])
    size = float(np.square(residuals).sum()) or 1.0
    roots = np.sqrt(design.working_weights)
    lagged = np.divide(before, roots, out=np.zeros_like(before), where=roots > 0)
    found = added_columns(design, lagged[:, None])
    return SpecificationTest(found.statistic, found.p_value, float(residuals @ before) / size)


def uneven_noise(design: Design) -> SpecificationTest:
    """Whether columns or fitted values tell how noisy a row is; least squares.

    The test of Breusch and Pagan (1979) in the form of Koenker (1981), which needs no normal noise,
    over the columns, and the short form of White (1980) over the fitted value and its square; the
    smaller p value counts twice. ``effect`` is the noise's standard deviation in the noisiest
    quarter of rows by the better of the two, over that in the quietest.
    """
    used = design.weights > 0
    squared = (np.square(design.pearson) / np.maximum(1.0 - design.leverages, 1e-12))[used]
    scores = design.scores[used]
    fitted = (scores - scores.mean()) / (scores.std() or 1.0)
    wide = _explains(design.X[used] - design.centre, squared)
    short = _explains(np.column_stack([fitted, np.square(fitted)]), squared)
    best, expected = min(wide, short, key=lambda found: found[0].p_value)
    order = np.argsort(expected, kind="stable")
    quarter = max(len(order) // 4, 1)
    quiet, noisy = squared[order[:quarter]].mean(), squared[order[-quarter:]].mean()
    effect = float(np.sqrt(noisy / quiet)) if quiet > 0 else np.inf
    return SpecificationTest(best.statistic, min(1.0, 2.0 * best.p_value), effect)


def heavy_tails(values: Floats) -> SpecificationTest:
    """Whether values stray further than normal ones; ``effect`` is the excess kurtosis.

    The z of Anscombe and Glynn (1983), good from about 20 values.
    """
    n = float(len(values))
    kurtosis = _moment_ratio(values, 4)
    mean = 3.0 * (n - 1) / (n + 1)
    variance = 24.0 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    skew = 6.0 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9))
    skew *= np.sqrt(6.0 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    a = 6.0 + 8.0 / skew * (2.0 / skew + np.sqrt(1.0 + 4.0 / skew**2))
    base = 1.0 + (kurtosis - mean) / np.sqrt(variance) * np.sqrt(2.0 / (a - 4.0))
    cube = np.cbrt((1.0 - 2.0 / a) / base) if base else np.inf
    z = (1.0 - 2.0 / (9.0 * a) - cube) / np.sqrt(2.0 / (9.0 * a))
    return SpecificationTest(float(z), Normal().survival(float(z)), kurtosis - 3.0)


def lopsided(values: Floats) -> SpecificationTest:
    """Whether values lean to one side; ``effect`` is the skewness.

    The z of D'Agostino (1970), good from about 8 values.
    """
    n = float(len(values))
    skewness = _moment_ratio(values, 3)
    y = skewness * np.sqrt((n + 1) * (n + 3) / (6.0 * (n - 2)))
    beta = 3.0 * (n * n + 27 * n - 70) * (n + 1) * (n + 3)
    beta /= (n - 2) * (n + 5) * (n + 7) * (n + 9)
    squared = np.sqrt(2.0 * (beta - 1.0)) - 1.0
    z = float(np.arcsinh(y / np.sqrt(2.0 / (squared - 1.0))) / np.sqrt(0.5 * np.log(squared)))
    return SpecificationTest(z, 2.0 * Normal().survival(abs(z)), skewness)


def overdispersion(design: Design) -> SpecificationTest:
    """Whether outcomes vary more than their means allow (Poisson); ``effect`` is how many times.

    Pearson's chi² over its degrees of freedom.
    """
    dof = max(design.rows - design.rank, 1)
    statistic = float(np.square(design.pearson).sum())
    return SpecificationTest(statistic, ChiSquared(dof).survival(statistic), statistic / dof)


def _test_of(design: Design, explained: float, count: int) -> SpecificationTest:
    """The test of columns that explain so much of the sum of squared residuals."""
    dof, total = design.rows - design.rank - count, float(np.square(design.pearson).sum())
    if dof <= 0 or total <= 0.0:
        return SpecificationTest(0.0, 1.0, 0.0)
    share = min(explained / total, 1.0)
    if design.family != "gaussian":
        return SpecificationTest(explained, ChiSquared(count).survival(explained), share)
    statistic = explained / count / max((total - explained) / dof, 1e-300)
    return SpecificationTest(statistic, FDistribution(count, dof).survival(statistic), share)


def _residualised(design: Design, weighted: Floats) -> Floats:
    """What the (penalised) parameters leave of weighted columns; twice, for the last digits."""
    D = design.weighted
    for _ in range(1 if design.penalty else 2):
        weighted = weighted - D @ (design.root @ (design.root.T @ (D.T @ weighted)))
    return weighted


def _explains(columns: Floats, target: Floats) -> tuple[SpecificationTest, Floats]:
    """Koenker's ``n R²`` of the target on columns, as F, and what the columns expect of it."""
    scales = columns.std(axis=0)
    columns = columns[:, scales > 0] / scales[scales > 0]
    left, sizes, _ = np.linalg.svd(columns - columns.mean(axis=0), full_matrices=False)
    basis = left[:, sizes > _NOTHING_LEFT * sizes.max(initial=0.0)]
    centred = target - target.mean()
    expected = basis @ (basis.T @ centred)
    count, dof = basis.shape[1], len(target) - basis.shape[1] - 1
    explained, total = float(expected @ expected), float(centred @ centred)
    if dof <= 0 or not count or total <= 0.0:
        return SpecificationTest(0.0, 1.0, 0.0), expected
    statistic = explained / count / max((total - explained) / dof, 1e-300)
    p_value = FDistribution(count, dof).survival(statistic)
    return SpecificationTest(statistic, p_value, explained / total), expected


def _moment_ratio(values: Floats, power: int) -> float:
    centred = values - values.mean()
    spread = float(np.square(centred).mean())
    return float((centred**power).mean()) / spread ** (power / 2) if spread else 0.0
