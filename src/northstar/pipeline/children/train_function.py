"""Calls a project's training function with its table and keeps the model that it returns.

Order: ``{"function", "train_data", "target", "parameters", "project", "model", "cache"}``;
``model`` and ``cache`` are folders to write.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from northstar.pipeline.children.code import call, find_function, read_order
from northstar.pipeline.children.packaging import (
    pickle_project_code_with_models,
    prepare_for_serving,
    save_model,
)
from northstar.pipeline.tables import read_table


def main() -> None:
    """Carry out the order."""
    order = read_order()
    function = find_function(order["function"])
    table = pd.read_parquet(order["train_data"])
    model = call(function, table, order["parameters"])
    pickle_project_code_with_models(Path(order["project"]))
    features = read_table(Path(order["train_data"])).drop_columns([order["target"]])
    save_model(model, features, Path(order["model"]))
    prepare_for_serving(Path(order["model"]), Path(order["cache"]))


if __name__ == "__main__":
    main()
