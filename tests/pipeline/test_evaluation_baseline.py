"""The baseline takes tables as they come, and is text when it is stored."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from northstar.pipeline.evaluation import Baseline, EvaluationInvalid, fit_baseline
from northstar.registry.domain import Task

rng = np.random.default_rng(3)
ROWS = 600
TABLE = pd.DataFrame(
    {
        "distance": np.where(rng.random(ROWS) < 0.1, np.nan, rng.gamma(2, 500, ROWS)),
        "origin": rng.choice(["EWR", "JFK", "LGA"], ROWS, p=[0.5, 0.3, 0.2]),
        "rainy": rng.random(ROWS) < 0.2,
        "at": pd.date_range("2013-01-01", periods=ROWS, freq="h"),
        "year": 2013,
    }
)
SCORE = (TABLE.distance.fillna(1000) / 700 + 2.0 * TABLE.rainy + (TABLE.origin == "EWR")).to_numpy()
TARGETS: dict[Task, Any] = {
    "regression": SCORE + rng.normal(size=ROWS),
    "binary": (SCORE + rng.logistic(size=ROWS) > 3).astype(float),
    "multiclass": np.digitize(SCORE + rng.normal(size=ROWS), [2, 3]).astype(float),
}


@pytest.mark.parametrize("task", TARGETS)
def test_the_baseline_is_what_a_pipeline_of_scikit_learn_would_be(task: Task) -> None:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = make_column_transformer(
        (numbers, ["distance", "rainy"]), (OneHotEncoder(), ["origin"])
    )
    model = Ridge() if task == "regression" else LogisticRegression(tol=1e-10, max_iter=1000)
    theirs = make_pipeline(columns, model).fit(TABLE.assign(rainy=TABLE.rainy * 1.0), TARGETS[task])
    ours = fit_baseline(TABLE, TARGETS[task], task)
    ask = TABLE.assign(rainy=TABLE.rainy * 1.0)
    if task == "regression":
        np.testing.assert_allclose(ours.predict(TABLE), theirs.predict(ask), rtol=1e-2)
    else:
        np.testing.assert_allclose(ours.predict_proba(TABLE), theirs.predict_proba(ask), atol=1e-2)


@pytest.mark.parametrize("task", TARGETS)
def test_it_survives_json(task: Task) -> None:
    baseline = fit_baseline(TABLE, TARGETS[task], task)
    back = Baseline.from_json(json.loads(json.dumps(baseline.to_json())))
    np.testing.assert_array_equal(back.predict(TABLE), baseline.predict(TABLE))


def test_arrays_are_as_good_as_a_data_frame() -> None:
    arrays = {name: TABLE[name].to_numpy() for name in TABLE.columns}
    frame = fit_baseline(TABLE, TARGETS["binary"], "binary").predict(TABLE)
    np.testing.assert_array_equal(
        fit_baseline(arrays, TARGETS["binary"], "binary").predict(arrays), frame
    )


def test_what_was_never_seen_counts_as_nothing() -> None:
    baseline = fit_baseline(TABLE, TARGETS["regression"], "regression")
    mean = baseline.predict(TABLE.assign(distance=TABLE.distance.mean()))
    for strange in (np.nan, np.inf, "far"):
        np.testing.assert_allclose(baseline.predict(TABLE.assign(distance=strange)), mean)
    absent = baseline.predict(TABLE.drop(columns="origin"))
    np.testing.assert_allclose(baseline.predict(TABLE.assign(origin="SFO")), absent)


def test_only_frequent_words_become_inputs() -> None:
    words = pd.DataFrame({"tail": [f"N{i % 40}" if i < 590 else "rare" for i in range(ROWS)]})
    inputs = fit_baseline(words, TARGETS["binary"], "binary").inputs
    assert len(inputs[0].levels) == 12


def test_a_table_that_says_nothing_leaves_the_rate() -> None:
    rate = fit_baseline(TABLE[["at", "year"]], TARGETS["binary"], "binary").predict(TABLE)
    np.testing.assert_allclose(rate, TARGETS["binary"].mean(), atol=1e-6)


def test_a_class_that_training_lacks_has_no_probability() -> None:
    target = np.where(TARGETS["multiclass"] == 1, 3.0, TARGETS["multiclass"])
    probabilities = fit_baseline(TABLE, target, "multiclass", classes=5).predict(TABLE)
    assert probabilities.shape == (ROWS, 5)
    assert not probabilities[:, [1, 4]].any()


def test_one_class_cannot_be_learnt() -> None:
    with pytest.raises(EvaluationInvalid, match="one class only"):
        fit_baseline(TABLE, np.zeros(ROWS), "binary")


@pytest.mark.parametrize("task", TARGETS)
def test_effects_are_against_the_average_row_and_come_with_intervals(task: Task) -> None:
    baseline = fit_baseline(TABLE, TARGETS[task], task)
    assert {one.input for one in baseline.effects} == {
        "distance",
        "rainy",
        *(f"origin={level}" for level in ("EWR", "JFK", "LGA")),
    }
    sizes = [abs(one.effect.value) for one in baseline.effects]
    assert sizes == sorted(sizes, reverse=True)
    for place in {one.of_class for one in baseline.effects}:
        found = {one.input: one.effect for one in baseline.effects if one.of_class == place}
        shares = TABLE.origin.value_counts(normalize=True)
        average = sum(shares[level] * found[f"origin={level}"].value for level in shares.index)
        assert average == pytest.approx(0.0, abs=1e-9)
        for effect in found.values():
            assert effect.low is not None
            assert effect.high is not None
            assert 0 < effect.high - effect.low < 1.0
            assert (effect.low + effect.high) / 2 == pytest.approx(effect.value)


def test_an_effect_of_a_level_agrees_with_coding_against_the_mean() -> None:
    levels = pd.get_dummies(TABLE.origin).astype(float)
    centred = (levels - levels.mean())[["EWR", "JFK"]]
    numbers = pd.DataFrame({"d": TABLE.distance.fillna(TABLE.distance.mean()), "r": TABLE.rainy})
    design = sm.add_constant(pd.concat([centred, numbers.astype(float)], axis=1))
    theirs = sm.OLS(TARGETS["regression"], design).fit()
    contrast = np.zeros(5)
    contrast[1:3] = [1.0, 0.0] - levels.mean()[["EWR", "JFK"]].to_numpy()
    # The third level's coefficient is 0 in that coding, so its share adds nothing.
    expected = theirs.t_test(contrast)
    effects = fit_baseline(TABLE, TARGETS["regression"], "regression").effects
    found = next(one.effect for one in effects if one.input == "origin=EWR")
    low, high = expected.conf_int()[0]
    assert found.low is not None
    assert found.high is not None
    assert found.value == pytest.approx(expected.effect[0], rel=0.02)
    assert found.high - found.low == pytest.approx(high - low, rel=0.02)


def test_a_table_without_usable_columns_has_no_effects() -> None:
    assert (
        fit_baseline({"year": np.full(50, 2013)}, rng.normal(size=50), "regression").effects == ()
    )
