"""Profiles have one size, merge in any order and survive JSON; references say what they saw."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from northstar.errors import Invalid
from northstar.monitoring.columns import ColumnCounts, choose_bins, count, encode
from northstar.monitoring.profile import Profile, answer_values, build_reference, profile_rows
from northstar.monitoring.reference import Reference

DAY = np.timedelta64(1, "D")
HUNDREDTH = np.timedelta64(864, "s")
START = np.datetime64("2026-01-01T00:00:00", "us")

numbers = st.lists(
    st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(float("inf")), st.integers(-5, 5)),
    max_size=60,
)
words = st.lists(st.one_of(st.none(), st.text(max_size=70)), max_size=60)
columns = st.one_of(numbers, words, st.lists(st.booleans(), max_size=40))


def as_array(items: list[Any]) -> NDArray[Any]:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def same(left: ColumnCounts, right: ColumnCounts) -> bool:
    return (
        left.counts.tolist() == right.counts.tolist()
        and (left.missing, left.invalid, left.numbers, left.strangers)
        == (right.missing, right.invalid, right.numbers, right.strangers)
        and left.mean == pytest.approx(right.mean, rel=1e-9, abs=1e-6)
        and left.spread == pytest.approx(right.spread, rel=1e-6, abs=1e-3)
    )


@given(columns, st.one_of(st.tuples(numbers, numbers), st.tuples(words, words)))
def test_counting_parts_and_merging_is_counting_the_whole(
    reference: list[Any], parts: tuple[list[Any], list[Any]]
) -> None:
    bins = choose_bins(encode(as_array(reference)))
    left, right = (count(bins, encode(as_array(part))) for part in parts)
    whole = count(bins, encode(as_array(parts[0] + parts[1])))
    assert same(left.merge(right), whole)
    assert same(right.merge(left), whole)


@given(columns, columns)
def test_counts_survive_json_and_keep_their_size(reference: list[Any], window: list[Any]) -> None:
    bins = choose_bins(encode(as_array(reference)))
    counts = count(bins, encode(as_array(window)))
    assert len(counts.counts) == bins.size
    assert same(ColumnCounts.from_json(json.loads(json.dumps(counts.to_json()))), counts)


def test_the_greatest_reference_value_lies_inside_and_anything_above_it_outside() -> None:
    bins = choose_bins(np.arange(1000.0))
    assert count(bins, np.array([0.0, 999.0])).counts[[0, -1]].sum() == 0
    assert count(bins, np.array([-0.1, 999.1])).counts[[0, -1]].tolist() == [1, 1]


def test_text_where_numbers_belong_is_invalid_unless_it_reads_as_one() -> None:
    counts = count(choose_bins(np.arange(1000.0)), encode(as_array(["12", "twelve", None])))
    assert (counts.present, counts.invalid, counts.missing) == (1, 1, 1)


def test_a_text_that_the_reference_never_had_is_kept_as_an_example() -> None:
    counts = count(choose_bins(encode(as_array(["a", "b"]))), encode(as_array(["a", "zzz", "b"])))
    assert counts.strangers == ("zzz",)
    assert counts.counts[-1] == 1


def reference_of(weeks: int = 4, **changes: Any) -> Reference:
    rng = np.random.default_rng(1)
    rows = weeks * 700
    arguments: dict[str, Any] = {
        "columns": {"size": rng.normal(size=rows), "town": rng.choice(["a", "b"], rows)},
        "predictions": rng.random(rows),
        "labels": rng.integers(0, 2, rows),
        "times": START + (np.arange(rows) * HUNDREDTH),
        "task": "binary",
        "metric": "roc_auc",
        "window_days": 7.0,
    }
    built = build_reference(**(arguments | changes))
    return Reference.model_validate(json.loads(json.dumps(built)))


def test_a_reference_knows_its_weeks() -> None:
    reference = reference_of(weeks=4)
    assert reference.usual_days == 7
    assert reference.columns["size"].calibration.chunks == 4
    assert reference.performance is not None
    assert [s.start.day for s in reference.performance.stretches] == [1, 8, 15, 22]


def test_a_week_that_the_reference_covers_in_part_is_no_stretch_of_it() -> None:
    rows = 4 * 700 - 200
    rng = np.random.default_rng(2)
    reference = reference_of(
        columns={"size": rng.normal(size=rows)},
        predictions=rng.random(rows),
        labels=None,
        times=START + (np.arange(rows) * HUNDREDTH),
    )
    assert reference.columns["size"].calibration.chunks == 3


def test_predictions_and_metric_count_on_held_out_rows_alone() -> None:
    held_out = np.arange(2800) >= 2100
    reference = reference_of(held_out=held_out)
    assert reference.prediction is not None
    assert reference.performance is not None
    assert sum(reference.prediction.counts) == reference.performance.rows == 700
    assert sum(reference.columns["size"].counts) == 2800


def test_without_times_natural_variation_is_unknown() -> None:
    assert reference_of(times=None).columns["size"].calibration.chunks == 0


def test_predictions_of_many_classes_are_counted_by_label() -> None:
    rng = np.random.default_rng(3)
    reference = reference_of(
        predictions=rng.dirichlet(np.ones(3), 2800),
        labels=rng.integers(0, 3, 2800),
        task="multiclass",
        metric="log_loss",
        classes=["x", "y", "z"],
    )
    assert reference.prediction is not None
    assert set(reference.prediction.bins.model_dump()["categories"]) == {"x", "y", "z"}


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Invalid, match="roc_auc"):
        reference_of(metric="auc")


def test_columns_of_another_length_are_refused() -> None:
    with pytest.raises(Invalid, match="'size' has 3 rows"):
        reference_of(columns={"size": np.zeros(3)})


def test_a_profile_survives_json_and_merges_with_nothing() -> None:
    profile = profile_rows(
        reference_of(),
        {"size": np.array([0.1, np.nan]), "town": encode(as_array(["a", "q"]))},
        answer_values(np.array([0.2, 0.4]), None),
        np.array([START, START + 2 * DAY]),
    )
    again = Profile.from_json(json.loads(json.dumps(profile.to_json())))
    assert again.to_json() == profile.to_json() == Profile().merge(profile).to_json()
    assert again.first == datetime(2026, 1, 1, tzinfo=UTC)
    assert len(again.days) == 2


def test_a_column_that_the_rows_lack_is_missing_in_all_of_them() -> None:
    profile = profile_rows(reference_of(), {}, np.array([0.5]), np.array([START]))
    assert profile.columns["size"].missing == 1
