"""What would have happened without Northstar: ``python -m demo.policies PROJECT LAST_DAY OUT``.

Two policies run the squad's own script on the same shares of the same data as the platform does:
*never* keeps the first model, *monthly* retrains on the first of every month on what has labels by
then, and knows no monitor. The desk can protect the connections of a quarter of each day's flights;
the loss is every late flight that was not among them.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

TIME, TARGET = "scheduled_departure", "late"
START, GO_LIVE = pd.Timestamp("2013-01-01", tz="UTC"), pd.Timestamp("2013-04-01", tz="UTC")
LABEL_DELAY = pd.Timedelta(days=7)
PROTECTED_SHARE = 0.25
NOT_KNOWN_BEFORE = ["dep_delay"]


def main() -> None:
    """Score every flight under both policies and save the scores."""
    project, last_day, out = Path(sys.argv[1]), pd.Timestamp(sys.argv[2], tz="UTC"), sys.argv[3]
    squad = Squad(project)
    served = squad.served(last_day)
    never = squad.scores(squad.train(GO_LIVE), served)
    monthly = never.copy()
    for first in pd.date_range(GO_LIVE, last_day, freq="MS", inclusive="neither"):
        later = (served[TIME] >= first).to_numpy()
        model = squad.train(first - LABEL_DELAY)
        monthly[later] = squad.scores(model, served[later])
    np.savez(out, never=never, monthly=monthly)


class Squad:
    """The squad's data and script, imported from its project folder."""

    def __init__(self, project: Path) -> None:
        sys.path.insert(0, str(project))
        self._data = importlib.import_module("flights")
        self._script = importlib.import_module("train")
        self._spec: dict[str, Any] = yaml.safe_load((project / "northstar.yaml").read_text())

    def served(self, last_day: pd.Timestamp) -> pd.DataFrame:
        """The flights that the endpoint is asked about, in order of departure."""
        table: pd.DataFrame = self._data.load(GO_LIVE, last_day)
        return table

    def train(self, until: pd.Timestamp) -> Any:
        """The squad's model on all data before ``until``, less the part that is for testing."""
        table = self._data.load(START, until).drop(columns=NOT_KNOWN_BEFORE)
        rows = int(len(table) * (1 - self._spec["split"]["test_share"]))
        return self._script.fit(table.iloc[:rows], self._spec["train"]["parameters"])

    def scores(self, model: Any, table: pd.DataFrame) -> Any:
        """The probability of being late, with the categories that the model knows."""
        features = table[model.feature_name_].copy()
        known = iter(model.booster_.pandas_categorical)
        for name in ("carrier", "origin", "dest"):
            features[name] = pd.Categorical(features[name], categories=next(known))
        return np.asarray(model.predict_proba(features), dtype=float)[:, 1]


def unprotected(flights: pd.DataFrame, scores: np.ndarray) -> np.ndarray:
    """Which flights were late without having been among their day's riskiest quarter.

    Returns one boolean for each row. Ties go to the earlier departure.
    """
    day = flights[TIME].dt.tz_convert("America/New_York").dt.date
    rank = pd.Series(scores, index=flights.index).groupby(day).rank(ascending=False, method="first")
    places = np.ceil(day.groupby(day).transform("size") * PROTECTED_SHARE)
    return np.asarray((rank > places) & (flights[TARGET] == 1), dtype=bool)


if __name__ == "__main__":
    main()
