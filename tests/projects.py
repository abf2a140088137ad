"""Small projects for the journeys: real files, real scripts, data that has something to learn."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 3000

TREE = """
    import lightgbm

    def fit(table, parameters):
        features = table.drop(columns=["returned", "ordered_at"], errors="ignore")
        features["channel"] = features["channel"].astype("category")
        model = lightgbm.LGBMClassifier(n_estimators=60, num_leaves=8, verbose=-1)
        return model.fit(features, table["returned"])
"""

SLOW_TREE = TREE.replace("import lightgbm", "import time\n\n    import lightgbm").replace(
    "features = table", "time.sleep(8)\n        features = table", 1
)


def returns_data(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    """Orders of a shop; whether one is returned depends on price and, not linearly, on size.

    A linear baseline sees a part of it, a tree sees more. One row an hour from 2026-01-01.
    """
    rng = np.random.default_rng(seed)
    price = rng.gamma(4.0, 12.0, rows)
    size = rng.integers(34, 48, rows)
    channel = rng.choice(["app", "web", "store"], rows)
    odd_size = np.abs(size - 40) > 3
    logit = -2.2 + 0.02 * price + 2.2 * odd_size + 0.6 * (channel == "app")
    return pd.DataFrame(
        {
            "ordered_at": pd.date_range("2026-01-01", periods=rows, freq="h", tz="UTC"),
            "price": price.round(2),
            "size": size.astype("int64"),
            "channel": channel,
            "returned": (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype("int64"),
        }
    )


def write_returns_project(
    folder: Path, *, squad: str = "fashion", project: str = "returns", train: str = TREE
) -> Path:
    """A complete project in ``folder``: data, training script and ``northstar.yaml``."""
    folder.mkdir(parents=True, exist_ok=True)
    returns_data().to_parquet(folder / "orders.parquet")
    (folder / "training.py").write_text(textwrap.dedent(train))
    (folder / "northstar.yaml").write_text(
        textwrap.dedent(
            f"""\
            squad: {squad}
            project: {project}
            task: binary
            target: returned
            data:
              path: orders.parquet
              time_column: ordered_at
            split:
              by: time
              test_share: 0.3
            train:
              function: training:fit
              timeout_seconds: 120
            evaluate:
              metric: roc_auc
              slices: [channel]
            monitoring:
              window_days: 7
              minimum_rows: 50
              minimum_labels: 50
            """
        )
    )
    return folder
