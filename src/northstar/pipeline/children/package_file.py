"""Makes an MLflow model folder of a model file that a training command left.

Order: ``{"file", "train_data", "target", "project", "model", "cache"}``;
``model`` and ``cache`` are folders to write.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from northstar.pipeline.children.code import read_order
from northstar.pipeline.children.packaging import (
    pickle_project_code_with_models,
    prepare_for_serving,
    save_model,
)
from northstar.pipeline.tables import read_table


def main() -> None:
    """Carry out the order."""
    order = read_order()
    model = _load(Path(order["file"]))
    pickle_project_code_with_models(Path(order["project"]))
    features = read_table(Path(order["train_data"])).drop_columns([order["target"]])
    save_model(model, features, Path(order["model"]))
    prepare_for_serving(Path(order["model"]), Path(order["cache"]))


def _load(file: Path) -> Any:
    try:
        if file.suffix in (".txt", ".lgb"):
            return importlib.import_module("lightgbm").Booster(model_file=str(file))
        if file.suffix == ".joblib":
            return importlib.import_module("joblib").load(file)
        with file.open("rb") as opened:
            return importlib.import_module("cloudpickle").load(opened)
    except Exception as error:  # noqa: BLE001 - unpickling runs the squad's code
        sys.exit(f"{file.name} can't be loaded: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
