"""What the demo prints: a timeline in event time, and what the interventions were worth."""

from __future__ import annotations

from dataclasses import dataclass, field

import click
import numpy as np
import pandas as pd

from demo.policies import TARGET, TIME, unprotected
from northstar.metrics import roc_auc
from northstar.terminal import table


@dataclass(frozen=True)
class Event:
    """Something that happened: when in event time, who did it, and what."""

    at: pd.Timestamp
    who: str
    what: str


@dataclass
class Timeline:
    """The events so far; each is shown as it happens."""

    events: list[Event] = field(default_factory=list)

    def add(self, at: pd.Timestamp, who: str, what: str) -> None:
        """Note an event and show it."""
        self.events.append(Event(at, who, what))
        click.echo(f"  {at:%d %b}  {who:<10} {what}", err=True)

    def text(self) -> str:
        """All events, for the end."""
        return table(
            ("event time", "who", "what"),
            [(f"{one.at:%Y-%m-%d}", one.who, one.what) for one in self.events],
        )


@dataclass(frozen=True)
class Outcome:
    """Late flights left unprotected under each policy, and AUC by month; all from the replay."""

    never: int
    monthly: int
    northstar: int
    months: list[tuple[str, int, float, float, float, int, int, int]]

    @property
    def undetected_loss_share(self) -> float | None:
        """The share of the avoidable loss that was not avoided; ``None`` if nothing was avoidable.

        Avoidable is what monthly retraining saves against never retraining.
        """
        avoidable = self.never - self.monthly
        return (self.northstar - self.monthly) / avoidable if avoidable > 0 else None

    def text(self) -> str:
        """The comparison by month and in sum."""
        headers = (
            "month", "flights", "AUC never", "monthly", "Northstar",
            "unprotected never", "monthly", "Northstar",
        )  # fmt: skip
        rows: list[tuple[object, ...]] = [
            (name, flights, *(f"{auc:.3f}" for auc in aucs), *counts)
            for name, flights, *rest in self.months
            for aucs, counts in [(rest[:3], rest[3:])]
        ]
        flights = sum(month[1] for month in self.months)
        rows.append(("all", flights, "", "", "", self.never, self.monthly, self.northstar))
        return table(headers, rows)


def compare(
    flights: pd.DataFrame, never: np.ndarray, monthly: np.ndarray, northstar: np.ndarray
) -> Outcome:
    """Hold three policies' scores for the same flights against what became of them."""
    policies = (never, monthly, northstar)
    lost = [unprotected(flights, scores) for scores in policies]
    late = flights[TARGET].to_numpy(dtype=float)
    month = flights[TIME].dt.tz_convert("America/New_York").dt.strftime("%Y-%m").to_numpy()
    months = []
    for name in sorted(set(month)):
        here = month == name
        if late[here].min() == late[here].max():
            continue  # a few hours at the edge of a month; ranking needs both outcomes
        aucs = [roc_auc(late[here], scores[here]) for scores in policies]
        counts = [int(each[here].sum()) for each in lost]
        months.append((name, int(here.sum()), *aucs, *counts))
    totals = [int(each.sum()) for each in lost]
    return Outcome(totals[0], totals[1], totals[2], months)
