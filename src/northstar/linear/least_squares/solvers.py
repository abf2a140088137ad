"""The table of solvers for least squares, and how ``"auto"`` chooses among them.

A solver has two parts: how the rows are reduced to a triangle, and how the triangle is solved.
Refinement needs the rows a second time, so it comes after both.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from northstar.linear.errors import BadInput
from northstar.linear.least_squares.cholesky import reduce_by_cholesky
from northstar.linear.least_squares.householder import reduce_by_householder, solve_by_householder
from northstar.linear.least_squares.solution import Solution
from northstar.linear.least_squares.svd import solve_by_svd
from northstar.linear.least_squares.triangle import Triangle
from northstar.linear.least_squares.wide import solve_wide_ridge
from northstar.linear.tables import Floats

SOLVERS = ("auto", "qr", "cholesky", "householder", "svd", "refined")

_LARGE = 1_000_000  # numbers; QR of fewer takes no time
_SQUARED_HARMLESS = 30.0  # three of sixteen digits
_HARMLESS = 100.0  # two of sixteen digits
_AFFORDABLE = 5_000_000  # numbers; about a second
_WIDE = 300  # columns; a triangle of fewer takes no time


@dataclass(frozen=True)
class Choice:
    """Which solver answers, why, and whether the rows are to be looked at once more."""

    solver: str
    reason: str
    refine: bool = False


def reduce_rows(
    X: Floats, y: Floats, weights: Floats | None, *, intercept: bool, solver: str
) -> Triangle:
    """Reduce rows to a triangle by the first part of a solver.

    ``"auto"`` tries the normal equations on a large table first, and keeps their triangle when its
    condition, the target's column included, shows that squaring it did no harm.

    Raises:
        BadInput: there is no such solver; or the normal equations, asked for, cannot be solved.
    """
    if solver not in SOLVERS:
        raise BadInput(f"There is no solver {solver!r}; there are {', '.join(SOLVERS)}.")
    reduced = partial(Triangle.of, X, y, weights, intercept=intercept)
    if solver == "householder":
        return reduced(reduce=reduce_by_householder, reduction=solver)
    if solver == "cholesky":
        return reduced(reduce=reduce_by_cholesky, reduction=solver)
    if solver == "auto" and X.size >= _LARGE:
        with suppress(BadInput):
            triangle = reduced(reduce=reduce_by_cholesky, reduction="cholesky")
            if _condition(triangle.augmented) <= _SQUARED_HARMLESS:
                return triangle
    return reduced()


def solve(triangle: Triangle, solver: str) -> Solution:
    """Solve a triangle by the second part of a solver."""
    if solver == "householder":
        return solve_by_householder(triangle)
    solution = solve_by_svd(triangle)
    R, c = triangle.centred
    if solver == "svd" or solution.rank < R.shape[1]:
        return solution
    # Back substitution is as exact in every single coefficient as the triangle allows.
    return replace(solution, coefficients=np.asarray(np.linalg.solve(R, c)))


def solve_penalised(triangle: Triangle, alpha: float, solver: str) -> Solution:
    """Solve a triangle with a ridge ``alpha`` ≥ 0 on the coefficients, the intercept free."""
    if not alpha:
        return solve(triangle, solver)
    R, _ = triangle.centred
    if solver != "householder" and R.shape[1] > max(len(R), _WIDE):
        return solve_wide_ridge(triangle, alpha)
    return solve(triangle.penalised(alpha), solver)


def choose(solver: str, solution: Solution, triangle: Triangle, *, rows_at_hand: bool) -> Choice:
    """Choose by rank, condition and size; a solver that was asked for is taken where it can be."""
    columns = len(solution.coefficients)
    if solution.rank < columns:
        named = solver if solver in ("svd", "householder") else "svd"
        return Choice(
            named,
            f"{columns - solution.rank} of {columns} columns follow from the others, so of many "
            "solutions the one with the smallest coefficients was taken",
        )
    lost = f"a condition of {solution.condition:.1e} costs about {_digits(solution)} of 16 digits"
    if solver == "refined" and not rows_at_hand:
        return Choice("qr", f"{lost}; refining needs all rows in one fit")
    if solver != "auto":
        return Choice(solver, "it was asked for", refine=solver == "refined")
    if solution.condition <= _HARMLESS:
        return Choice(triangle.reduction, "the columns are far from depending on each other")
    if not rows_at_hand:
        return Choice("qr", f"{lost}; refining needs all rows in one fit")
    if triangle.rows * columns + columns**3 > _AFFORDABLE:
        return Choice("qr", f"{lost}; solver='refined' would win them back in ten times the time")
    return Choice("refined", f"{lost} when solved by QR", refine=True)


def _condition(augmented: Floats) -> float:
    lengths = np.linalg.norm(augmented, axis=0)
    scaled = augmented / np.where(lengths > 0.0, lengths, 1.0)
    sizes = np.linalg.svd(scaled, compute_uv=False)
    return float(sizes[0] / sizes[-1]) if sizes[-1] else np.inf


def _digits(solution: Solution) -> int:
    return min(16, math.ceil(math.log10(solution.condition)))
