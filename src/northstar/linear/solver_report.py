"""Which solver answered, and why that one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SolverReport:
    """What ``solver_report_`` of a fitted model holds; ``str()`` of it is a sentence.

    Attributes:
        solver: the name of the one that answered.
        reason: why it did, in words.
        condition: of the centred columns scaled to unit length, so that units do not count; a
            relative error in the table may come out this many times larger in the coefficients.
            Infinite when columns depend on each other; ``None`` when the solver did not learn it.
        rank: how many columns are independent, the intercept's not counted; ``None`` likewise.
        steps: that an iterative solver took.
        converged: whether an iterative solver was satisfied.
    """

    solver: str
    reason: str
    condition: float | None = None
    rank: int | None = None
    steps: int | None = None
    converged: bool | None = None

    def __str__(self) -> str:
        told = [f"{self.solver}: {self.reason}."]
        if self.condition is not None:
            told.append(f"Condition {self.condition:.2g}.")
        if self.rank is not None:
            told.append(f"Rank {self.rank}.")
        if self.steps is not None:
            ending = "converged" if self.converged else "did not converge"
            told.append(f"It {ending} after {self.steps} steps.")
        return " ".join(told)
