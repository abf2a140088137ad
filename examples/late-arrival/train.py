"""The squad's script: gradient-boosted trees on whatever columns the table has."""

from __future__ import annotations

from typing import Any

import lightgbm
import pandas as pd


def fit(table: pd.DataFrame, parameters: dict[str, Any]) -> lightgbm.LGBMClassifier:
    features = table.drop(columns=["late", "scheduled_departure"], errors="ignore")
    for name in ("carrier", "origin", "dest"):
        features[name] = features[name].astype("category")
    model = lightgbm.LGBMClassifier(
        n_estimators=parameters["trees"],
        learning_rate=0.04,
        min_child_samples=200,
        colsample_bytree=0.7,
        random_state=0,
        n_jobs=1,
        verbose=-1,
    )
    return model.fit(features, table["late"])
