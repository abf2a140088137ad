"""Quantile regression's linear programme along the edges: the exact answer, from a near one.

Some solution passes through as many rows as there are columns (Koenker and Bassett 1978, theorem
3.1). From such a corner the objective falls along an edge, which lets go of one row, or the corner
is a minimum; along an edge the best point is a weighted median of crossings (Barrodale and Roberts
1973, *SIAM J. Numer. Anal.* 10; Koenker and d'Orey 1987, *Applied Statistics* 36). Each step costs
a pass over the rows, so it is right to start near, and slow to start far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from northstar.linear.least_squares.householder import pivoted_qr
from northstar.linear.optimisation.minimum import Minimum, Step
from northstar.linear.tables import Floats

_ON = 1e-13
_NUDGE = 1e-10


def best_vertex(
    matrix: Floats, y: Floats, quantile: float, near: Floats, *, max_steps: int
) -> Minimum:
    """The coefficients (columns,) of quantile regression of a table of full column rank.

    Columns and values are of order 1; ``near`` is where to start. Where rows tie, a corner has
    more rows than it needs, and its edges do not tell whether it is the best. A nudge of the values
    far below their digits breaks all ties; the rows found are then solved for the true values.
    """
    nudged = y + _NUDGE * np.random.default_rng(0).uniform(-1.0, 1.0, len(y))
    basis = _rows_through(matrix, nudged - matrix @ near)
    steps: list[Step] = []
    level = _NUDGE + _ON * len(y)
    for _ in range(max_steps):
        corner = _Corner.at(matrix, nudged, quantile, basis)
        steps.append(Step(corner.cost, max(0.0, -corner.steepest), 1.0))
        if corner.steepest >= -level:
            break
        basis = _next_basis(matrix, corner)
    coefficients: Floats = np.asarray(np.linalg.solve(matrix[basis], y[basis]), dtype=np.float64)
    return Minimum(coefficients, tuple(steps), converged=corner.steepest >= -level)


@dataclass(frozen=True, eq=False)
class _Corner:
    """Coefficients that pass through the rows of a basis.

    Attributes:
        edges: columns × columns; column k is the direction that raises the prediction of the
            basis's row k by 1 and keeps the others.
        falls: (columns,), how fast the objective changes along an edge at best, up or down.
        signs: whether that is along the edge or against it.
    """

    basis: NDArray[np.intp]
    coefficients: Floats
    residuals: Floats
    edges: Floats
    falls: Floats
    signs: Floats
    cost: float

    @classmethod
    def at(cls, matrix: Floats, y: Floats, quantile: float, basis: NDArray[np.intp]) -> _Corner:
        edges: Floats = np.asarray(np.linalg.inv(matrix[basis]), dtype=np.float64)
        coefficients = edges @ y[basis]
        residuals = y - matrix @ coefficients
        residuals[basis] = 0.0
        changes = matrix @ edges  # of the predictions, rows × edges
        pull = np.where(residuals > 0.0, quantile, quantile - 1.0)
        pull[basis] = 0.0
        along = -(pull @ changes)
        # The row that is let go falls below the prediction, or above it, by 1.
        up, down = along + 1.0 - quantile, quantile - along
        cost = float(np.maximum(quantile * residuals, (quantile - 1.0) * residuals).sum())
        falls, signs = np.minimum(up, down), np.where(up <= down, 1.0, -1.0)
        return cls(basis, coefficients, residuals, edges, falls, signs, cost)

    @property
    def steepest(self) -> float:
        return float(self.falls.min())


def _next_basis(matrix: Floats, corner: _Corner) -> NDArray[np.intp]:
    """Follow the steepest edge to its lowest point; the row met there replaces the one let go."""
    leaving = int(corner.falls.argmin())
    changes = corner.signs[leaving] * (matrix @ corner.edges[:, leaving])
    changes[np.abs(changes) <= _ON] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        distances = corner.residuals / changes
    ahead = np.flatnonzero((changes != 0.0) & (distances > 0.0))
    if not len(ahead):
        return corner.basis
    order = ahead[np.argsort(distances[ahead])]
    # Each crossing turns a residual's sign, which adds |change| to the slope.
    slopes = corner.steepest + np.cumsum(np.abs(changes[order]))
    entering = order[min(int(np.searchsorted(slopes, 0.0)), len(order) - 1)]
    basis = corner.basis.copy()
    basis[leaving] = entering
    return basis


def _rows_through(matrix: Floats, residuals: Floats) -> NDArray[np.intp]:
    """Independent rows with about the smallest residuals, as many as there are columns."""
    columns = matrix.shape[1]
    order = np.argsort(np.abs(residuals), kind="stable")
    count = min(len(order), 3 * columns)
    while True:
        rows = order[:count]
        # Near rows first: they are made long, so that the pivoting takes them.
        lengths = 1.0 / (np.abs(residuals[rows]) + 1e-10)
        scaled = (matrix[rows] * (lengths / lengths.max())[:, None]).T
        qr = pivoted_qr(scaled, np.zeros(columns), 1e-11 * np.linalg.norm(scaled, axis=0))
        if qr.rank == columns or count == len(order):
            return rows[qr.order[:columns]]
        count = min(len(order), 4 * count)
