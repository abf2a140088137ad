"""What a solver is given, and what it answers: the best parameters it found, and its way there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from northstar.linear.optimisation.objective import Objective
from northstar.linear.optimisation.penalties import Penalty
from northstar.linear.tables import Floats


class Place(Protocol):
    """An objective at one point; what the answers share is computed once."""

    @property
    def value(self) -> float:
        """The objective there."""
        ...

    @property
    def gradient(self) -> Floats:
        """The first derivative, in the shape of the parameters."""
        ...


class Smooth(Protocol):
    """A convex function with a gradient."""

    def at(self, parameters: Floats) -> Place:
        """Look at it there."""
        ...


class CurvedPlace(Place, Protocol):
    """A place from where a step to the minimum can be proposed, and judged."""

    def reach(self, direction: Floats) -> float:
        """How far a direction moves the score that it moves most; dimensionless."""
        ...


PlaceT = TypeVar("PlaceT", bound=CurvedPlace)
_PlaceT_co = TypeVar("_PlaceT_co", bound=CurvedPlace, covariant=True)


class Curved(Protocol[_PlaceT_co]):
    """A convex function that bends."""

    def at(self, parameters: Floats) -> _PlaceT_co:
        """Look at it there."""
        ...


@dataclass(frozen=True)
class Step:
    """One step of a solver (for a stochastic one, one pass over the rows).

    Attributes:
        value: of the objective where the step began, the penalty included.
        gradient_norm: Euclidean, there; 0 at a minimum. With a penalty that has kinks it is the
            norm of the gradient mapping or, in coordinate descent, the duality gap.
        length: how far along the proposed direction the solver went.
    """

    value: float
    gradient_norm: float
    length: float


@dataclass(frozen=True)
class Minimum:
    """Where a solver ended, every step it took, and whether it was satisfied.

    Attributes:
        complaint: what kept it from converging, and the remedy, where it knows.
    """

    parameters: Floats
    steps: tuple[Step, ...]
    converged: bool
    complaint: str = ""


@runtime_checkable
class Solver(Protocol):
    """Minimises a convex objective from a starting point; changes neither.

    The same call has the same answer: a stochastic solver draws from a generator of its seed.
    """

    def minimise(self, objective: Objective, start: Floats) -> Minimum:
        """Walk until satisfied or out of steps."""
        ...


@runtime_checkable
class PenalisedSolver(Protocol):
    """Minimises a smooth convex function plus a penalty that may have kinks."""

    def minimise_penalised(self, objective: Smooth, penalty: Penalty, start: Floats) -> Minimum:
        """Walk until satisfied or out of steps."""
        ...
