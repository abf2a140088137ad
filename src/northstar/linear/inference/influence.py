"""Which rows the answer hangs on, and errors that survive uneven noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from northstar.linear.errors import BadInput
from northstar.linear.inference.design import Design, read_design
from northstar.linear.tables import Floats

RobustKind = Literal["HC0", "HC1", "HC2", "HC3"]

_KINDS = ("HC0", "HC1", "HC2", "HC3")
_ALONE = 1.0 - 1e-12


@dataclass(frozen=True, eq=False)
class Influence:
    """What each row does to the fit; arrays of shape (rows,).

    For logistic and Poisson regression these are the one-step versions of Pregibon (1981,
    "Logistic regression diagnostics"), and ``studentised`` is ``standardised``.

    Attributes:
        leverage: how much the row's own outcome moves its fitted mean: 0 to 1, on average
            parameters / rows.
        standardised: the residual over its own standard deviation, which is smaller where the
            leverage is larger; NaN for a row that alone decides a parameter.
        studentised: the same with the noise estimated without the row, so that an outlier can't
            hide itself; it has a t distribution.
        cooks_distance: how far all fitted values move without the row, per parameter, in units of
            the noise (Cook 1977); about 1 and more deserves a look.
    """

    leverage: Floats
    standardised: Floats
    studentised: Floats
    cooks_distance: Floats


def influence(
    model: Any, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
) -> Influence:
    """Leverage, residuals and Cook's distance of the rows that a model was fitted on."""
    return influence_of(read_design(model, X, y, sample_weight))


def influence_of(design: Design) -> Influence:
    """The same for rows that were read."""
    leverage, dof = design.leverages, design.rows - design.rank
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(leverage < _ALONE, 1.0 - leverage, np.nan)
        standardised = design.pearson / np.sqrt(design.dispersion * left)
        cooks = np.square(standardised) * leverage / left / max(design.rank, 1)
        if design.family != "gaussian":
            return Influence(leverage, standardised, standardised, cooks)
        without = (dof - np.square(standardised)) / (dof - 1.0)
        studentised = standardised / np.sqrt(np.where(without > 0, without, np.nan))
    return Influence(leverage, standardised, studentised, cooks)


def robust_covariance(
    model: Any,
    X: Any,
    y: ArrayLike,
    kind: RobustKind = "HC3",
    sample_weight: ArrayLike | None = None,
) -> Floats:
    """The covariance of the parameters (intercept first) when the noise differs between rows.

    The sandwich of White (1980), with the corrections of MacKinnon and White (1985): each row's
    own squared residual stands for its variance. HC0 is that as it is; HC1 multiplies by
    n / (n − rank); HC2 and HC3 divide by (1 − leverage) and its square. HC3 is the one to use
    below a few hundred rows (Long and Ervin 2000); with many rows they agree. Rows that depend on
    each other, such as a time series or groups, need another remedy.

    Give it to ``summary(model, covariance=…)`` or ``confidence_intervals``.
    """
    return robust_covariance_of(read_design(model, X, y, sample_weight), kind)


def robust_covariance_of(design: Design, kind: RobustKind) -> Floats:
    """The same for rows that were read."""
    if kind not in _KINDS:
        raise BadInput(f"{kind!r} is no robust covariance; use one of {', '.join(_KINDS)}.")
    pulls = design.weights * design.residuals
    if kind in ("HC2", "HC3"):
        left = np.maximum(1.0 - design.leverages, 1.0 - _ALONE)
        pulls = pulls / (np.sqrt(left) if kind == "HC2" else left)
    half = (design.parameters * pulls[:, None]) @ design.root @ design.root.T
    centred = half.T @ half
    if kind == "HC1":
        centred *= design.rows / (design.rows - design.rank)
    return _uncentred(centred, design)


def _uncentred(covariance: Floats, design: Design) -> Floats:
    """From the intercept at the columns' centre to the intercept at 0."""
    if not design.intercept:
        return covariance
    back = np.eye(len(covariance))
    back[0, 1:] = -design.centre
    return np.asarray(back @ covariance @ back.T)
