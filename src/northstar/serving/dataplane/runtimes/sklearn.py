"""scikit-learn estimators and pipelines, loaded without MLflow.

An estimator that was fitted on named columns gets a pandas table; one that was fitted on an array
gets an array, and pandas stays out of the process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from northstar.registry.domain import Column, Task
from northstar.serving.dataplane.runtimes.frames import Columns, ColumnsRuntime, data_frame
from northstar.serving.dataplane.runtimes.interface import ModelFacts
from northstar.serving.dataplane.runtimes.mlmodel import ModelFolder
from northstar.serving.dataplane.runtimes.pickles import find_pickle, unpickle
from northstar.serving.errors import ModelBroken


def load(folder: ModelFolder) -> ColumnsRuntime:
    """Load the ``sklearn`` flavor of a model folder; raises ``ModelBroken``."""
    model = unpickle(find_pickle(folder, "sklearn", "pickled_model"))
    classes = getattr(model, "classes_", None)
    names = None if classes is None else tuple(str(name) for name in classes)
    facts = ModelFacts(task=_task(names), columns=_columns(model, folder), classes=names)
    table = _table(model, facts.columns)
    if facts.task == "regression":
        return ColumnsRuntime(facts, lambda columns: model.predict(table(columns)))
    if hasattr(model, "predict_proba"):
        return ColumnsRuntime(facts, lambda columns: model.predict_proba(table(columns)))
    order = np.asarray(classes)
    return ColumnsRuntime(
        facts, lambda columns: (model.predict(table(columns))[:, None] == order).astype(float)
    )


def _task(classes: tuple[str, ...] | None) -> Task:
    if classes is None:
        return "regression"
    return "binary" if len(classes) == 2 else "multiclass"


def _columns(model: Any, folder: ModelFolder) -> tuple[Column, ...]:
    if folder.columns is not None:
        return folder.columns
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        count = getattr(model, "n_features_in_", None)
        if count is None:
            raise ModelBroken(
                "The model has no signature, and scikit-learn does not know its columns.",
                hint="Log it with a signature: log_model(…, signature=infer_signature(X)).",
            )
        names = [f"x{i}" for i in range(count)]
    return tuple(Column(name=str(name), type="double") for name in names)


def _table(model: Any, columns: tuple[Column, ...]) -> Callable[[Columns], Any]:
    numbers = all(column.type in ("double", "long", "boolean") for column in columns)
    if numbers and not hasattr(model, "feature_names_in_"):
        return lambda given: np.column_stack(
            [given[column.name].astype(np.float64) for column in columns]
        )
    return data_frame
