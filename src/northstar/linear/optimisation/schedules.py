"""Learning-rate schedules: how long the steps of stochastic descent are as time goes by.

A schedule answers with the step length for a time, counted in passes over the rows, fractions
included. A constant length converges to a neighbourhood of the minimum as large as the length; to
converge to the minimum itself, lengths must fall to 0, but slowly enough that their sum is endless
(Robbins and Monro 1951, *Annals of Mathematical Statistics* 22), which of those here only
``InverseTime`` does; the others end at a fixed time and are what practice prefers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class Schedule(Protocol):
    """A step length for each time."""

    def length(self, passes: float) -> float:
        """The step length after so many passes over the rows; above 0."""
        ...


@dataclass(frozen=True)
class Constant:
    """Always ``initial``."""

    initial: float = 0.1

    def length(self, passes: float) -> float:
        """See ``Schedule``."""
        return self.initial


@dataclass(frozen=True)
class StepDecay:
    """``initial``, times ``factor`` after every ``every`` passes."""

    initial: float = 0.1
    factor: float = 0.5
    every: float = 10.0

    def length(self, passes: float) -> float:
        """See ``Schedule``."""
        return self.initial * float(self.factor ** (passes // self.every))


@dataclass(frozen=True)
class ExponentialDecay:
    """``initial exp(−rate · passes)``."""

    initial: float = 0.1
    rate: float = 0.1

    def length(self, passes: float) -> float:
        """See ``Schedule``."""
        return self.initial * math.exp(-self.rate * passes)


@dataclass(frozen=True)
class InverseTime:
    """``initial / (1 + rate · passes)``: the schedule of Robbins and Monro."""

    initial: float = 0.1
    rate: float = 1.0

    def length(self, passes: float) -> float:
        """See ``Schedule``."""
        return self.initial / (1.0 + self.rate * passes)


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from ``initial`` down to ``final`` at ``passes`` (Loshchilov, Hutter 2017)."""

    initial: float = 0.1
    final: float = 1e-4
    passes: float = 100.0

    def length(self, passes: float) -> float:
        """See ``Schedule``."""
        share = min(1.0, passes / self.passes)
        return self.final + 0.5 * (self.initial - self.final) * (1.0 + math.cos(math.pi * share))
