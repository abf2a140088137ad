"""From gradients to steps: plain, with momentum, after Nesterov, and Adam.

An update is a recipe, ``begin()`` its memory for one walk: a function that is given the gradient
and the step length, and answers with the change of the parameters. Source of the forms used here:
Goodfellow, Bengio and Courville, *Deep Learning*, 2016, sections 8.3 and 8.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from northstar.linear.tables import Floats

Stepper = Callable[[Floats, float], Floats]


class Update(Protocol):
    """How gradients become steps."""

    def begin(self) -> Stepper:
        """A fresh memory: a function from gradient and step length to a change."""
        ...


@dataclass(frozen=True)
class Plain:
    """Against the gradient, as far as the step length says."""

    def begin(self) -> Stepper:
        """See ``Update``."""
        return lambda gradient, length: -length * gradient


@dataclass(frozen=True)
class Momentum:
    """A heavy ball (Polyak 1964): it keeps ``decay`` of its speed.

    Across a narrow valley the gradients cancel, along it they add up, so that the number of steps
    grows with the root of the condition number only. It overshoots, and it can ring on problems
    that are not quadratic.
    """

    decay: float = 0.9

    def begin(self) -> Stepper:
        """See ``Update``."""
        speed: Floats | float = 0.0

        def step(gradient: Floats, length: float) -> Floats:
            nonlocal speed
            speed = self.decay * speed - length * gradient
            return np.asarray(speed)

        return step


@dataclass(frozen=True)
class Nesterov:
    """Momentum that looks ahead (Nesterov 1983), in the form of Sutskever et al. 2013.

    It corrects its speed before it overshoots; for convex objectives the better momentum.
    """

    decay: float = 0.9

    def begin(self) -> Stepper:
        """See ``Update``."""
        speed: Floats | float = 0.0

        def step(gradient: Floats, length: float) -> Floats:
            nonlocal speed
            speed = self.decay * speed - length * gradient
            return np.asarray(self.decay * speed - length * gradient)

        return step


@dataclass(frozen=True)
class Adam:
    """Each parameter has its own step, about ``length`` however large its gradient (Kingma, Ba).

    The mean of recent gradients over the root of the mean of their squares (2015). It needs little
    tuning and forgives badly scaled columns; without a decaying schedule it circles the minimum
    at a distance of a step.
    """

    decay: float = 0.9
    square_decay: float = 0.999
    floor: float = 1e-8

    def begin(self) -> Stepper:
        """See ``Update``."""
        mean: Floats | float = 0.0
        square: Floats | float = 0.0
        count = 0

        def step(gradient: Floats, length: float) -> Floats:
            nonlocal mean, square, count
            count += 1
            mean = self.decay * mean + (1.0 - self.decay) * gradient
            square = self.square_decay * square + (1.0 - self.square_decay) * np.square(gradient)
            # Both begin at 0, which the divisors undo.
            unbiased = mean / (1.0 - self.decay**count)
            size = np.sqrt(square / (1.0 - self.square_decay**count)) + self.floor
            return np.asarray(-length * unbiased / size)

        return step
