"""Data for a project that has none yet: orders of a shop, some of which are returned.

The chance of a return depends on size and price together, so that a straight line learns a part
and a tree more. Made up and the same each time.
"""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from northstar.project.domain import Task

TIME_COLUMN = "ordered_at"
TARGETS: dict[Task, str] = {"binary": "returned", "multiclass": "outcome", "regression": "refund"}
_ROWS = 4000
_CHANNELS = ("app", "store", "web")


def write_example(task: Task, path: Path) -> None:
    """Write the data as CSV, one order an hour, with the target of ``TARGETS[task]``."""
    rng = np.random.default_rng(0)
    start = datetime(2026, 1, 1)  # noqa: DTZ001 - the file's times have no zone
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([TIME_COLUMN, "price", "size", "channel", TARGETS[task]])
        for hour in range(_ROWS):
            price = round(float(rng.gamma(4.0, 12.0)), 2)
            size = int(rng.integers(34, 48))
            channel = str(rng.choice(_CHANNELS))
            odd_size = abs(size - 40) > 3
            logit = -2.2 + 0.02 * price + 2.2 * odd_size + 0.6 * (channel == "app")
            returned = bool(rng.random() < 1 / (1 + np.exp(-logit)))
            target = _target(task, price, odd_size=odd_size, returned=returned)
            noise = float(rng.normal(0, 2)) if task == "regression" else 0.0
            shown = round(target + noise, 2) if isinstance(target, float) else target
            rows.writerow([start + timedelta(hours=hour), price, size, channel, shown])


def _target(task: Task, price: float, *, odd_size: bool, returned: bool) -> str | int | float:
    if task == "regression":
        return price * (0.8 if odd_size else 0.1)
    if task == "multiclass":
        return ("exchanged" if odd_size else "returned") if returned else "kept"
    return int(returned)
