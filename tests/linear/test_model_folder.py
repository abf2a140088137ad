"""A saved model is text, comes back the same bit by bit, and MLflow can load it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from northstar.linear import (
    BadInput,
    LogisticRegression,
    NotFitted,
    Ridge,
    load_model,
    save_model,
)
from tests.linear.estimators import ESTIMATORS, fresh, target
from tests.linear.tables import labels, table, values

X = pd.DataFrame(table(1), columns=list("abcd"))
MODELS: dict[str, Any] = {
    name: fresh(name).fit(X, target(name, 1, table(1))) for name in ESTIMATORS
} | {
    "binary": LogisticRegression(fit_intercept=False).fit(X, labels(1, table(1), 2)),
    "numbers": LogisticRegression().fit(X, np.arange(60) % 3),
    "without names": Ridge(alpha=np.float64(2.0)).fit(table(1), values(1, table(1))),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    model = MODELS[name]
    save_model(model, tmp_path / "model")
    back = load_model(tmp_path / "model")
    assert type(back) is type(model)
    settings = {name: value for name, value in model.get_params().items() if name != "solver"}
    assert settings.items() <= back.get_params().items()
    assert getattr(back, "feature_names_in_", None) is None or list(back.feature_names_in_) == [*X]
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    if isinstance(back, LogisticRegression):
        np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))


_BY_MLFLOW = """
import json, sys, mlflow.pyfunc, pandas as pd
table = pd.DataFrame(json.load(sys.stdin))
answers = {f: mlflow.pyfunc.load_model(f).predict(table).tolist() for f in sys.argv[1:]}
print(json.dumps(answers))
"""


def test_mlflow_loads_it(tmp_path: Path) -> None:
    for name in ("PoissonRegression", "binary", "LogisticRegression"):
        save_model(MODELS[name], tmp_path / name)
    run = subprocess.run(
        [sys.executable, "-c", _BY_MLFLOW, "PoissonRegression", "binary", "LogisticRegression"],
        cwd=tmp_path,
        input=json.dumps(X.to_dict("list")),
        text=True,
        capture_output=True,
        check=True,
        timeout=120,
    )
    answers = json.loads(run.stdout)
    binary, multiclass = MODELS["binary"], MODELS["LogisticRegression"]
    counted = MODELS["PoissonRegression"].predict(X)
    np.testing.assert_array_equal(answers["PoissonRegression"], counted)
    np.testing.assert_array_equal(answers["binary"], binary.predict_proba(X)[:, 1])
    np.testing.assert_array_equal(answers["LogisticRegression"], multiclass.predict_proba(X))


def test_only_a_fitted_model_is_saved(tmp_path: Path) -> None:
    with pytest.raises(NotFitted):
        save_model(Ridge(), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "Forest"}, "not a linear model of ours"),
        ({"format": 9}, "Format 9"),
        ({"coefficients": [1.0]}, "does not fit 4 columns"),
        ({"coefficients": ["x"] * 4}, "not a linear model of ours"),
    ],
)
def test_a_damaged_model_is_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    save_model(MODELS["LinearRegression"], tmp_path)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BadInput, match=message):
        load_model(tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"model\.json can't be read"):
        load_model(tmp_path)
