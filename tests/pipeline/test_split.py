"""The split: nothing of the test reaches the training, whatever the way of parting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from northstar.pipeline.data import load_data
from northstar.pipeline.domain import RunRequest
from northstar.pipeline.errors import DataInvalid
from northstar.pipeline.run_folder import RunFolder
from northstar.pipeline.source import find_origin
from northstar.pipeline.split import at_random, by_group, by_time, split_data
from northstar.pipeline.tables import arrays, read_table
from northstar.project.domain import ProjectSpec
from tests.pipeline.builders import new_run, orders, quiet, write_project

shares = st.floats(0.05, 0.95)
seeds = st.integers(0, 2**31)


@given(st.lists(st.integers(0, 50), min_size=2, max_size=200), shares)
def test_every_test_row_is_later_than_every_training_row(moments: list[int], share: float) -> None:
    times = np.array(moments, dtype="datetime64[us]")
    if len(set(moments)) == 1:
        with pytest.raises(DataInvalid, match="same time"):
            by_time(times, share)
        return
    try:
        in_test = by_time(times, share)
    except DataInvalid:
        assert (times == times.min()).mean() > 1 - share
        return

    assert times[in_test].min() > times[~in_test].max()
    assert in_test.mean() >= min(share, 1 / len(times)) - 1e-9


@given(st.integers(2, 500), shares, seeds)
def test_a_random_split_leaves_rows_on_both_sides(rows: int, share: float, seed: int) -> None:
    in_test = at_random(rows, share, seed)

    assert 0 < in_test.sum() < rows
    assert (in_test == at_random(rows, share, seed)).all()


@given(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=100), shares, seeds)
def test_a_group_is_on_one_side_only(groups: list[str], share: float, seed: int) -> None:
    names = np.array(groups, dtype=object)
    if len(set(groups)) == 1:
        with pytest.raises(DataInvalid, match="one group"):
            by_group(names, share, seed)
        return

    in_test = by_group(names, share, seed)

    assert set(names[in_test]).isdisjoint(names[~in_test])
    assert 0 < in_test.sum() < len(groups)


def test_the_training_part_has_the_features_and_the_target_only(tmp_path: Path) -> None:
    spec = write_project(tmp_path, features={"exclude": ["items"]})
    folder = loaded(tmp_path, spec)

    facts = split_data(spec, folder)

    train = read_table(folder.train)
    assert train.column_names == ["distance", "shop", "late"]
    assert (facts.rows_train, facts.rows_test) == (160, 40)
    whole = arrays(read_table(folder.data))
    held_back = np.load(folder.in_test)
    assert train.num_rows == (~held_back).sum()
    assert set(train["distance"].to_pylist()).isdisjoint(whole["distance"][held_back])


def test_a_part_with_one_class_is_refused(tmp_path: Path) -> None:
    table = orders()
    table["late"] = [0, 1] * 80 + [1] * 40
    spec = write_project(tmp_path, table)
    folder = loaded(tmp_path, spec)

    with pytest.raises(DataInvalid, match="test part has one value"):
        split_data(spec, folder)


def loaded(project: Path, spec: ProjectSpec) -> RunFolder:
    folder = new_run(project)
    load_data(spec, project, find_origin(project), RunRequest(), folder, quiet)
    return folder
