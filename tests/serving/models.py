"""Small trained models in MLflow's folder format, and what their own libraries answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

NUMBERS = ["distance", "temp", "wind"]
CARRIERS = np.array(["AA", "DL", "UA"])


@dataclass
class Sample:
    """A table: numbers, one text column, and a binary outcome."""

    columns: dict[str, NDArray[Any]]
    late: NDArray[np.bool_]

    def rows(self) -> list[list[Any]]:
        return [list(row) for row in zip(*(c.tolist() for c in self.columns.values()), strict=True)]

    def frame(self) -> Any:
        import pandas as pd

        return pd.DataFrame(self.columns)


def sample(rows: int = 400, seed: int = 0) -> Sample:
    rng = np.random.default_rng(seed)
    numbers = {name: rng.normal(size=rows) for name in NUMBERS}
    carrier = rng.choice(CARRIERS, rows)
    noise = rng.normal(size=rows)
    late = numbers["distance"] + (carrier == "AA") - numbers["wind"] ** 2 + noise > 0
    return Sample({**numbers, "carrier": carrier.astype(object)}, late)


def signature(columns: dict[str, str]) -> dict[str, str]:
    inputs = [{"type": kind, "name": name, "required": True} for name, kind in columns.items()]
    return {"inputs": json.dumps(inputs)}


def write_mlmodel(folder: Path, flavors: dict[str, Any], columns: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    described = {"flavors": flavors, "signature": signature(columns)}
    (folder / "MLmodel").write_text(yaml.safe_dump(described))
    return folder


def booster_folder(
    folder: Path, objective: str = "binary", seed: int = 0
) -> tuple[Path, Sample, NDArray[np.float64]]:
    """A LightGBM booster with a categorical column, its sample and LightGBM's own answers."""
    import lightgbm

    given = sample(seed=seed)
    frame = given.frame().astype({"carrier": "category"})
    target: NDArray[Any] = given.late.astype(float)
    extra: dict[str, Any] = {}
    if objective == "multiclass":
        target, extra = target + (frame["temp"] > 1), {"num_class": 3}
    settings = {"objective": objective, "verbose": -1, "num_threads": 1, "seed": seed, **extra}
    booster = lightgbm.train(settings, lightgbm.Dataset(frame, target), num_boost_round=10)
    folder.mkdir(parents=True)
    booster.save_model(folder / "model.lgb")
    columns = {**dict.fromkeys(NUMBERS, "double"), "carrier": "string"}
    write_mlmodel(folder, {"lightgbm": {"data": "model.lgb"}}, columns)
    return folder, given, np.asarray(booster.predict(frame))
