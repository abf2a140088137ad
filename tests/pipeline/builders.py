"""What the pipeline's tests are made of: a project's folder with data, and new runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from northstar.clock import FakeClock
from northstar.pipeline.run_folder import RunFolder, run_name
from northstar.project.domain import ProjectSpec
from northstar.project.spec import load_spec

ROWS = 200


def orders(rows: int = ROWS) -> pd.DataFrame:
    """One order an hour; ``late`` depends on ``distance``."""
    rng = np.random.default_rng(0)
    distance = rng.normal(10, 3, rows)
    return pd.DataFrame(
        {
            "moment": pd.date_range("2026-01-01", periods=rows, freq="h"),
            "distance": distance,
            "items": rng.integers(1, 5, rows),
            "shop": rng.choice(["north", "south", "west"], rows),
            "late": (distance + rng.normal(0, 2, rows) > 11).astype("int64"),
        }
    )


def write_project(folder: Path, table: pd.DataFrame | None = None, **changes: Any) -> ProjectSpec:
    """A project with ``orders`` as CSV; ``changes`` replace sections of ``northstar.yaml``."""
    (orders() if table is None else table).to_csv(folder / "orders.csv", index=False)
    fields: dict[str, Any] = {
        "squad": "shops",
        "project": "late",
        "task": "binary",
        "target": "late",
        "data": {"path": "orders.csv", "time_column": "moment"},
        "train": {"function": "training:fit"},
        **changes,
    }
    (folder / "northstar.yaml").write_text(yaml.safe_dump(fields))
    return load_spec(folder)


def new_run(project: Path) -> RunFolder:
    """An empty folder for a run."""
    name = run_name(FakeClock().now())
    with RunFolder.create(project, name):
        pass
    return RunFolder.find(project, name)


def quiet(_: str) -> None:
    """An echo or a listener that nobody hears."""
