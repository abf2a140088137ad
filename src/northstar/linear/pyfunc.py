"""The entry by which MLflow's python_function flavor loads a linear model; needs no MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from northstar.linear.model_folder import Model, load_model
from northstar.linear.models.logistic import LogisticRegression
from northstar.linear.tables import Floats


class LinearPyfunc:
    """Answers with values, or with the probabilities of the classes in the model's order."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Floats:
        """Predict a table (rows × columns); ``params`` are MLflow's and have no effect.

        Two classes give the probability of the second, (rows,); more give (rows, classes).
        """
        if not isinstance(self.model, LogisticRegression):
            return self.model.predict(model_input)
        probabilities = self.model.predict_proba(model_input)
        return probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities


def _load_pyfunc(path: str) -> LinearPyfunc:
    return LinearPyfunc(load_model(Path(path).parent))
