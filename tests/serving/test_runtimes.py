from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from northstar.linear import LogisticRegression, save_model
from northstar.serving.dataplane.runtimes.interface import Runtime
from northstar.serving.dataplane.runtimes.load import load_runtime
from northstar.serving.errors import BadInput, ModelBroken
from tests.linear.estimators import ESTIMATORS, fresh, target
from tests.linear.tables import table as table_of_numbers
from tests.serving.models import NUMBERS, booster_folder, sample, signature, write_mlmodel

# MLflow warns about its own type hints when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred:UserWarning")

COLUMNS = {**dict.fromkeys(NUMBERS, "double"), "carrier": "string"}

_PREPARE = """
import sys
from pathlib import Path
from northstar.serving.dataplane.runtimes.load import load_runtime, prepare_model
folder, cache = map(Path, sys.argv[1:])
prepare_model(folder, "lightgbm", cache)
load_runtime(folder, cache=cache).predict_rows([[1.0, 2.0, 3.0, "AA"]])
print(*sys.modules)
"""


@pytest.fixture(scope="module")
def booster(tmp_path_factory: pytest.TempPathFactory) -> tuple[Runtime, Any, Any]:
    folder, table, own = booster_folder(tmp_path_factory.mktemp("booster") / "model")
    return load_runtime(folder), table, own


def test_a_booster_answers_as_lightgbm_does(booster: tuple[Runtime, Any, Any]) -> None:
    runtime, table, own = booster
    one_by_one = [runtime.predict_rows([row])[0] for row in table.rows()]
    np.testing.assert_array_equal(one_by_one, own)
    np.testing.assert_array_equal(runtime.predict_rows(table.rows()), own)
    np.testing.assert_array_equal(runtime.predict_table(table.columns).values, own)


def test_an_unknown_category_is_missing_as_in_lightgbm(booster: tuple[Runtime, Any, Any]) -> None:
    runtime, table, _ = booster
    row = table.rows()[0]
    unknown = runtime.predict_rows([[*row[:3], "ZZ"]])
    assert unknown == runtime.predict_rows([[*row[:3], None]])


@given(
    st.lists(
        st.tuples(
            *[st.none() | st.floats(-9, 9) | st.integers(-9, 9) for _ in NUMBERS],
            st.none() | st.sampled_from(["AA", "DL", "??"]),
        ),
        min_size=2,
        max_size=8,
    )
)
@settings(max_examples=60, deadline=None)
def test_a_row_is_answered_alone_as_among_others(
    booster: tuple[Runtime, Any, Any], rows: list[tuple[Any, ...]]
) -> None:
    runtime = booster[0]
    together = runtime.predict_rows([list(row) for row in rows])
    assert together == [runtime.predict_rows([list(row)])[0] for row in rows]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (["far", 1, 1, "AA"], "'distance', row 0: 'far' is not a number"),
        ([1, 1, [], "AA"], "'wind', row 0"),
        ([1, 1, 1, 7], "'carrier', row 0: 7 is not text"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(
    booster: tuple[Runtime, Any, Any], row: list[Any], says: str
) -> None:
    with pytest.raises(BadInput, match=says.replace("[", r"\[")):
        booster[0].predict_rows([row])


def test_a_multiclass_booster_gives_probabilities(tmp_path: Path) -> None:
    folder, table, own = booster_folder(tmp_path / "model", objective="multiclass")
    runtime = load_runtime(folder)
    assert runtime.facts.classes == ("0", "1", "2")
    np.testing.assert_array_equal(runtime.predict_rows(table.rows()[:1]), own[:1])
    predictions = runtime.predict_table(table.columns)
    np.testing.assert_array_equal(predictions.probabilities, own)
    assert predictions.labels is not None
    assert set(predictions.labels) <= {"0", "1", "2"}


def test_an_estimator_logged_with_mlflow_keeps_its_classes(tmp_path: Path) -> None:
    import lightgbm
    import mlflow

    table = sample()
    frame = table.frame().astype({"carrier": "category"})
    target = np.where(table.late, "late", "on time")
    model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1).fit(frame, target)
    described = mlflow.models.ModelSignature.from_dict({**signature(COLUMNS), "outputs": None})
    folder = tmp_path / "model"
    mlflow.lightgbm.save_model(model, folder, signature=described, pip_requirements=[])
    # As an endpoint loads it: in a process that never imports lightgbm or pandas.
    command = [sys.executable, "-c", _PREPARE, str(folder), str(tmp_path / "cache")]
    imported = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert not {"lightgbm", "pandas", "sklearn", "mlflow"} & set(imported)

    runtime = load_runtime(folder, cache=tmp_path / "cache")

    assert runtime.facts.classes == ("late", "on time")
    own = model.predict_proba(frame)[:, 1]
    np.testing.assert_array_equal(runtime.predict_table(table.columns).values, own)


def test_a_pipeline_of_named_columns_gets_a_table(tmp_path: Path) -> None:
    import mlflow
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    table = sample()
    encode = make_column_transformer((OneHotEncoder(), ["carrier"]), remainder="passthrough")
    model = make_pipeline(encode, LogisticRegression()).fit(table.frame(), table.late)
    described = mlflow.models.ModelSignature.from_dict({**signature(COLUMNS), "outputs": None})
    mlflow.sklearn.save_model(model, tmp_path / "m", signature=described, pip_requirements=[])

    runtime = load_runtime(tmp_path / "m")

    assert (runtime.facts.task, runtime.facts.classes) == ("binary", ("False", "True"))
    own = model.predict_proba(table.frame())[:, 1]
    np.testing.assert_allclose(runtime.predict_rows(table.rows()), own, rtol=1e-12)
    as_pyfunc = load_runtime(
        tmp_path / "m", flavor="python_function", task="binary", classes=["False", "True"]
    )
    labels = as_pyfunc.predict_table(table.columns).values
    np.testing.assert_array_equal(labels, model.predict(table.frame()))


def test_a_regressor_fitted_on_an_array_gets_an_array(tmp_path: Path) -> None:
    import cloudpickle
    from sklearn.linear_model import LinearRegression

    table = sample()
    X = np.column_stack([table.columns[name] for name in NUMBERS])
    model = LinearRegression().fit(X.astype(float), X.sum(axis=1))
    folder = write_mlmodel(
        tmp_path / "m",
        {"sklearn": {"pickled_model": "model.pkl", "serialization_format": "cloudpickle"}},
        dict.fromkeys(NUMBERS, "double"),
    )
    (folder / "model.pkl").write_bytes(cloudpickle.dumps(model))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = load_runtime(folder).predict_rows([[1.0, 2, True]])
    assert answer == pytest.approx([4.0])


def test_a_linear_model_of_our_own_answers_and_names_missing_values(tmp_path: Path) -> None:
    table = sample()
    X = table.frame()[NUMBERS]
    model = LogisticRegression().fit(X, table.late)
    save_model(model, tmp_path / "m")
    runtime = load_runtime(tmp_path / "m")
    assert (runtime.facts.task, runtime.facts.classes) == ("binary", ("False", "True"))
    own = model.predict_proba(X)[:, 1]
    np.testing.assert_allclose(runtime.predict_rows(X.to_numpy().tolist()), own, rtol=1e-12)
    with pytest.raises(BadInput, match="missing"):
        runtime.predict_rows([[1.0, None, 1.0]])


@pytest.mark.parametrize("name", sorted(set(ESTIMATORS) - {"LogisticRegression"}))
def test_every_linear_regressor_of_our_own_is_served(name: str, tmp_path: Path) -> None:
    X = table_of_numbers(1)
    model = fresh(name).fit(X, target(name, 1, X))
    save_model(model, tmp_path / "m")
    runtime = load_runtime(tmp_path / "m")
    assert (runtime.facts.task, runtime.facts.classes) == ("regression", None)
    np.testing.assert_allclose(runtime.predict_rows(X.tolist()), model.predict(X), rtol=1e-12)


@pytest.mark.filterwarnings("ignore::UserWarning")  # MLflow advises on logging
def test_a_model_of_the_wrong_shape_is_called_broken(tmp_path: Path) -> None:
    import mlflow

    class Stubborn(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # mlflow has no types
        def predict(self, context, model_input):  # type: ignore[no-untyped-def]  # MLflow reads hints
            return [1.0, 2.0, 3.0]

    described = mlflow.models.ModelSignature.from_dict({**signature(COLUMNS), "outputs": None})
    mlflow.pyfunc.save_model(
        tmp_path / "m", python_model=Stubborn(), signature=described, pip_requirements=[]
    )
    runtime = load_runtime(tmp_path / "m", task="regression")
    with pytest.raises(ModelBroken, match=r"2 rows with an array of shape \(3,\)"):
        runtime.predict_rows([[1.0, 1.0, 1.0, "AA"]] * 2)


@pytest.mark.parametrize(
    ("flavors", "says"),
    [
        ({"spark": {}}, "no flavor that is served"),
        ({"lightgbm": {"data": "../../etc/passwd"}}, "not in the model folder"),
        ({"sklearn": {"pickled_model": "missing.pkl"}}, "not in the model folder"),
    ],
)
def test_a_folder_that_cannot_be_served_says_why(
    tmp_path: Path, flavors: dict[str, Any], says: str
) -> None:
    folder = write_mlmodel(tmp_path / "m", flavors, COLUMNS)
    with pytest.raises(ModelBroken, match=says):
        load_runtime(folder)


def test_text_without_categories_is_refused_at_loading(tmp_path: Path) -> None:
    folder, _, _ = booster_folder(tmp_path / "m")
    text = (folder / "model.lgb").read_text()
    (folder / "model.lgb").write_text(text[: text.rfind("pandas_categorical")])
    with pytest.raises(ModelBroken, match="knows no categories"):
        load_runtime(folder)
