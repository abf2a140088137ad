"""What a solver answers: the best parameters it found, and the way it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from northstar.linear.optimisation.objective import Objective
from northstar.linear.tables import Floats


@dataclass(frozen=True)
class Step:
    """One step of a solver.

    Attributes:
        value: of the objective where the step began.
        gradient_norm: Euclidean, there; 0 at a minimum.
        length: how far along the proposed direction the solver went.
    """

    value: float
    gradient_norm: float
    length: float


@dataclass(frozen=True)
class Minimum:
    """Where a solver ended, every step it took, and whether it was satisfied."""

    parameters: Floats
    steps: tuple[Step, ...]
    converged: bool


class Solver(Protocol):
    """Minimises a convex objective from a starting point; deterministic, changes neither."""

    def minimise(self, objective: Objective, start: Floats) -> Minimum:
        """Walk until satisfied or out of steps; the value never rises from step to step."""
        ...
