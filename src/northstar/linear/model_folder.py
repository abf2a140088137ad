"""A linear model as a folder of text: no pickle, so loading it runs nobody's code.

``model.json`` holds the model. ``MLmodel`` describes it to MLflow (its YAML, written as JSON,
which is YAML too), with a flavor of our own and a python_function flavor over it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np

from northstar.linear.errors import BadInput
from northstar.linear.models.logistic import LogisticRegression
from northstar.linear.models.penalised import ElasticNet, Lasso
from northstar.linear.models.poisson import PoissonRegression
from northstar.linear.models.regression import LinearRegression, Ridge
from northstar.linear.models.robust import HuberRegression, QuantileRegression
from northstar.linear.tables import Features

FLAVOR = "northstar.linear"
_FORMAT = 1
_FILE = "model.json"

Model = (
    LinearRegression
    | Ridge
    | Lasso
    | ElasticNet
    | HuberRegression
    | QuantileRegression
    | LogisticRegression
    | PoissonRegression
)

_KINDS: dict[str, type[Model]] = {kind.__name__: kind for kind in get_args(Model)}


def save_model(model: Model, folder: Path) -> None:
    """Write a fitted model into a folder, which is made if need be; raises ``NotFitted``."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(model_to_json(model), indent=1, allow_nan=False)
    (folder / _FILE).write_text(text, encoding="utf-8")
    described = json.dumps(_description(model), indent=1)
    (folder / "MLmodel").write_text(described, encoding="utf-8")


def load_model(folder: Path) -> Model:
    """Read a model that ``save_model`` wrote; raises ``BadInput`` when it is not one."""
    path = folder / _FILE
    try:
        return model_from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInput(f"{path} can't be read as a linear model: {error}.") from error


def model_to_json(model: Model) -> dict[str, Any]:
    """A fitted model as JSON values; floats survive the round trip bit by bit.

    Settings are kept, but for the solver, which has done its work.
    """
    features = model.features_
    described: dict[str, Any] = {
        "format": _FORMAT,
        "kind": type(model).__name__,
        "columns": model.n_features_in_,
        "names": list(features.names) if features and features.names else None,
        "coefficients": model.coef_.tolist(),
        "intercept": np.asarray(model.intercept_).tolist(),
    }
    described |= {name: _plain(getattr(model, name)) for name in _settings(type(model))}
    if isinstance(model, LogisticRegression):
        described["classes"] = model.classes_.tolist()
    if isinstance(model, LinearRegression | Ridge):
        described["rank"] = model.rank_
    return described


def model_from_json(described: Any) -> Model:
    """The model that ``model_to_json`` described; raises ``BadInput``."""
    try:
        if described["format"] != _FORMAT:
            raise BadInput(f"Format {described['format']!r} of a linear model is not known.")
        names = described["names"]
        features = Features(int(described["columns"]), tuple(names) if names else None)
        coefficients = np.array(described["coefficients"], dtype=np.float64)
        intercept = np.array(described["intercept"], dtype=np.float64)
        kind = _KINDS[described["kind"]]
        # A setting that did not exist when the model was saved has its default.
        settings = {name: described[name] for name in _settings(kind) if name in described}
        model = kind(**settings)
        if isinstance(model, LogisticRegression):
            model.classes_ = np.array(described["classes"])
        if isinstance(model, LinearRegression | Ridge):
            model.rank_ = int(described["rank"])
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"This is not a linear model of ours: {error!r}.") from error
    outputs: tuple[int, ...] = ()
    if isinstance(model, LogisticRegression):
        if model.classes_.ndim != 1 or len(model.classes_) < 2:
            raise BadInput("The model names fewer than two classes.")
        outputs = (1 if len(model.classes_) == 2 else len(model.classes_),)
    if coefficients.shape != (*outputs, features.count) or intercept.shape != outputs:
        raise BadInput(
            f"The model has coefficients of shape {coefficients.shape} and an intercept of shape "
            f"{intercept.shape}, which does not fit {features.count} columns."
        )
    if isinstance(model, LogisticRegression):
        model.coef_, model.intercept_ = coefficients, intercept
    else:
        model.coef_, model.intercept_ = coefficients, float(intercept)
    model.features_ = features
    return model


def _settings(kind: type[Model]) -> list[str]:
    return [name for name in kind.setting_names() if name != "solver"]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _description(model: Model) -> dict[str, Any]:
    described: dict[str, Any] = {
        "flavors": {
            FLAVOR: {"data": _FILE},
            "python_function": {"loader_module": "northstar.linear.pyfunc", "data": _FILE},
        }
    }
    if model.features_ and model.features_.names:
        inputs = [
            {"name": name, "type": "double", "required": True} for name in model.features_.names
        ]
        described["signature"] = {"inputs": json.dumps(inputs), "outputs": None, "params": None}
    return described
