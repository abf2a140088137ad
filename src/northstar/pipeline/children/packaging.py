"""Turning a fitted model into an MLflow model folder: signature, requirements, flavor.

Everything is stated, nothing is inferred: MLflow's own inference of requirements starts a process
that loads the model and takes 10 seconds or more.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import logging
import pickle
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

from northstar.linear import Model as LinearModel
from northstar.linear import save_model as save_linear_model
from northstar.pipeline.tables import column_types
from northstar.serving.dataplane.runtimes.load import FLAVORS, prepare_model
from northstar.serving.dataplane.runtimes.mlmodel import read_model_folder
from northstar.serving.errors import ModelBroken

_DISTRIBUTIONS = {"sklearn": "scikit-learn"}


def save_model(model: Any, features: pa.Table, folder: Path) -> None:
    """Write ``model`` to ``folder``, which does not exist, as an MLflow model with a signature.

    Ends the program with one clear line if ``model`` can't predict or can't be written.

    Args:
        features: the columns that it was trained on, in their order.
    """
    if not callable(getattr(model, "predict", None)):
        sys.exit(f"The training returned {_kind(model)}, which has no predict; return the model.")
    options = {
        "path": str(folder),
        "signature": _signature(model, features),
        "pip_requirements": _requirements(model),
    }
    try:
        _write(model, options)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        sys.exit(f"The model, {_kind(model)}, can't be written: {error}")


def pickle_project_code_with_models(project: Path) -> None:
    """Make pickles carry the project's own classes, so that they load without its modules."""
    cloudpickle = importlib.import_module("cloudpickle")
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and module.__name__ != "__main__" and Path(file).parent.is_relative_to(project):
            cloudpickle.register_pickle_by_value(module)


def prepare_for_serving(folder: Path, cache: Path) -> None:
    """Make the conversions that serving wants here, where the model's library is loaded already."""
    flavors = read_model_folder(folder).flavors
    flavor = next((name for name in FLAVORS if name in flavors), None)
    if flavor is not None:
        with contextlib.suppress(ModelBroken):  # scoring meets the same fault, and tells it
            prepare_model(folder, flavor, cache)


def _write(model: Any, options: dict[str, Any]) -> None:
    family = type(model).__module__.partition(".")[0]
    if isinstance(model, LinearModel):
        save_linear_model(model, Path(options["path"]))
    elif family == "lightgbm":
        flavor = _mlflow("lightgbm")
        scikit = (
            {} if type(model).__name__ == "Booster" else {"serialization_format": "cloudpickle"}
        )
        flavor.save_model(model, **options, **scikit)
    elif _is_scikit(model):
        flavor = _mlflow("sklearn")
        flavor.save_model(model, **options, serialization_format="cloudpickle")
    else:
        flavor = _mlflow("pyfunc")
        flavor.save_model(python_model=_python_model(flavor, model), **options)


def _mlflow(flavor: str) -> Any:
    module = importlib.import_module(f"mlflow.{flavor}")
    logging.getLogger("mlflow").setLevel(logging.ERROR)  # its advice is not for the squad
    return module


def _python_model(pyfunc: Any, model: Any) -> Any:
    """A pyfunc that asks for probabilities where the model has them; it carries its own code."""

    class Wrapped(pyfunc.PythonModel):  # type: ignore[misc]  # MLflow has no types
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            ask = getattr(model, "predict_proba", model.predict)
            return ask(model_input)

    return Wrapped()


def _is_scikit(model: Any) -> bool:
    base = sys.modules.get("sklearn.base")
    return base is not None and isinstance(model, base.BaseEstimator)


def _signature(model: Any, features: pa.Table) -> Any:
    models = importlib.import_module("mlflow.models")
    types = importlib.import_module("mlflow.types")
    kinds = column_types(features)
    columns = []
    for name in _inputs(model, features.column_names):
        # A missing whole number becomes a float in pandas, so that is what the model knows.
        missing = kinds[name] == "long" and features.column(name).null_count
        columns.append(types.ColSpec("double" if missing else kinds[name], name))
    return models.ModelSignature(inputs=types.Schema(columns))


def _inputs(model: Any, features: list[str]) -> list[str]:
    """The columns that the model was fitted on; some take fewer than they were given."""
    names = getattr(model, "feature_names_in_", None)
    if names is None and callable(getattr(model, "feature_name", None)):
        names = model.feature_name()  # a LightGBM booster
    known = [str(name) for name in names] if names is not None else []
    return known if known and set(known) <= set(features) else features


def _requirements(model: Any) -> list[str]:
    roots = {type(model).__module__.partition(".")[0], "numpy", "pandas", "cloudpickle"}
    if "sklearn" in sys.modules:
        roots.add("sklearn")
    found = []
    for root in sorted(roots):
        name = _DISTRIBUTIONS.get(root, root)
        try:
            found.append(f"{name}=={importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue  # the squad's own module, which the model carries with it
    return found


def _kind(model: Any) -> str:
    kind = type(model)
    return "nothing" if model is None else f"a {kind.__module__}.{kind.__qualname__}"
