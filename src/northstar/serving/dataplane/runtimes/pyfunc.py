"""Any other MLflow model, through MLflow itself; imported only by an endpoint that holds one."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from northstar.registry.domain import Task
from northstar.serving.dataplane.runtimes.frames import Columns, ColumnsRuntime, data_frame
from northstar.serving.dataplane.runtimes.interface import ModelFacts
from northstar.serving.dataplane.runtimes.mlmodel import ModelFolder
from northstar.serving.errors import ModelBroken


def load(folder: ModelFolder, task: Task, classes: tuple[str, ...] | None) -> ColumnsRuntime:
    """Load the ``python_function`` flavor of a model folder; raises ``ModelBroken``.

    Args:
        task: what the model predicts; a pyfunc does not say.
        classes: the labels, for a classifier whose ``predict`` answers with labels.
    """
    if folder.columns is None:
        raise ModelBroken(
            "The pyfunc model has no signature with named columns.",
            hint="Log it with a signature: log_model(…, signature=infer_signature(X)).",
        )
    try:
        model = importlib.import_module("mlflow.pyfunc").load_model(str(folder.path))
    except Exception as error:
        raise ModelBroken(
            f"MLflow could not load the model: {type(error).__name__}: {error}."
        ) from error
    facts = ModelFacts(task=task, columns=folder.columns, classes=classes)
    return ColumnsRuntime(
        facts,
        lambda columns: _numbers(model.predict(data_frame(_narrowed(columns, folder))), facts),
    )


def _narrowed(columns: Columns, folder: ModelFolder) -> Columns:
    """MLflow refuses 64-bit values for a 32-bit column; missing integers stay floats."""
    return {
        name: values.astype(folder.narrow[name])
        if name in folder.narrow and values.dtype.kind == np.dtype(folder.narrow[name]).kind
        else values
        for name, values in columns.items()
    }


def _numbers(answer: Any, facts: ModelFacts) -> Any:
    values = np.asarray(answer)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.dtype.kind in "OUSb" and values.ndim == 1 and facts.classes:
        labels = values.astype(str)
        hits = labels[:, None] == np.asarray(facts.classes)
        return hits[:, 1] if facts.task == "binary" else hits
    return values
