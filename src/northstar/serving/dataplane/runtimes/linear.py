"""Our own linear models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from northstar.linear import BadInput as LinearBadInput
from northstar.linear import LogisticRegression, load_model
from northstar.registry.domain import Column, Task
from northstar.serving.dataplane.runtimes.frames import Columns, ColumnsRuntime
from northstar.serving.dataplane.runtimes.interface import ModelFacts
from northstar.serving.dataplane.runtimes.mlmodel import ModelFolder
from northstar.serving.errors import BadInput, ModelBroken


def load(folder: ModelFolder) -> ColumnsRuntime:
    """Load the ``northstar.linear`` flavor of a model folder; raises ``ModelBroken``."""
    try:
        model = load_model(folder.path)
    except LinearBadInput as error:
        raise ModelBroken(str(error)) from error
    named: Sequence[str] | None = getattr(model, "feature_names_in_", None)
    names = [f"x{i}" for i in range(model.n_features_in_)] if named is None else list(named)
    columns = folder.columns or tuple(Column(name=name, type="double") for name in names)
    task: Task = "regression"
    classes = None
    if isinstance(model, LogisticRegression):
        classes = tuple(str(name) for name in model.classes_)
        task = "binary" if len(classes) == 2 else "multiclass"

    def predict(given: Columns) -> NDArray[Any]:
        matrix = np.column_stack([given[name].astype(np.float64) for name in names])
        try:
            if isinstance(model, LogisticRegression):
                return model.predict_proba(matrix)
            return model.predict(matrix)
        except LinearBadInput as error:
            raise BadInput(f"The linear model cannot use these rows: {error}") from error

    return ColumnsRuntime(ModelFacts(task, columns, classes), predict)
