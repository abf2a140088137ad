"""Reading data: every source gives the same table, and every misfit one clear message."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from northstar.pipeline.data import load_data
from northstar.pipeline.domain import DataFacts, RunRequest
from northstar.pipeline.errors import DataInvalid, ScriptFailed
from northstar.pipeline.run_folder import RunFolder
from northstar.pipeline.source import find_origin
from northstar.pipeline.tables import read_table
from northstar.project.domain import ProjectSpec
from tests.pipeline.builders import new_run, orders, quiet, write_project

LOADER = """
import pandas as pd

def load(start, end):
    table = pd.read_csv("orders.csv", parse_dates=["moment"])
    print("loading from", start)
    return table
"""
SOURCES: dict[str, dict[str, Any]] = {
    "csv": {"path": "orders.csv"},
    "parquet": {"path": "orders.parquet"},
    "pattern": {"path": "part-*.parquet"},
    "sql": {"sql": "SELECT * FROM 'orders.parquet' ORDER BY moment"},
    "function": {"function": "loading:load"},
}
JANUARY_THIRD = datetime(2026, 1, 3, tzinfo=UTC)


def load(project: Path, spec: ProjectSpec, **window: Any) -> tuple[DataFacts, RunFolder]:
    folder = new_run(project)
    origin = find_origin(project)
    return load_data(spec, project, origin, RunRequest(**window), folder, quiet), folder


def refusal(project: Path, spec: ProjectSpec, **window: Any) -> str:
    with pytest.raises(DataInvalid) as caught:
        load(project, spec, **window)
    return caught.value.message


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_gives_the_same_rows(tmp_path: Path, source: str) -> None:
    table = orders()
    table.to_parquet(tmp_path / "orders.parquet")
    table[:120].to_parquet(tmp_path / "part-1.parquet")
    table[120:].to_parquet(tmp_path / "part-2.parquet")
    (tmp_path / "loading.py").write_text(LOADER)
    spec = write_project(tmp_path, data={**SOURCES[source], "time_column": "moment"})

    facts, folder = load(tmp_path, spec, start=JANUARY_THIRD)

    found = read_table(folder.data).to_pandas()
    assert facts.rows == len(found) == 200 - 48
    assert facts.start == JANUARY_THIRD
    pd.testing.assert_frame_equal(
        found, table[48:].reset_index(drop=True), check_dtype=False, rtol=1e-9
    )


def test_the_same_data_has_the_same_digest(tmp_path: Path) -> None:
    spec = write_project(tmp_path)

    whole, _ = load(tmp_path, spec)
    again, _ = load(tmp_path, spec)
    part, _ = load(tmp_path, spec, start=JANUARY_THIRD)

    assert whole.digest == again.digest != part.digest


def test_the_window_ends_reach_a_query(tmp_path: Path) -> None:
    orders().to_parquet(tmp_path / "orders.parquet")
    query = (
        "SELECT * FROM 'orders.parquet' WHERE moment >= $start AND ($end IS NULL OR moment < $end)"
    )
    spec = write_project(tmp_path, data={"sql": query})

    facts, _ = load(tmp_path, spec, start=JANUARY_THIRD)

    assert facts.rows == 152


def test_rows_without_a_target_are_left_out_and_counted(tmp_path: Path) -> None:
    table = orders().astype({"late": "Int64"})
    table.loc[:9, "late"] = pd.NA
    spec = write_project(tmp_path, table)

    facts, _ = load(tmp_path, spec)

    assert (facts.rows, facts.unlabelled) == (190, 10)


def test_data_is_found_where_the_project_was_archived(tmp_path: Path) -> None:
    spec = write_project(tmp_path)
    origin = find_origin(tmp_path)
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    folder = new_run(unpacked)

    facts = load_data(spec, unpacked, origin, RunRequest(), folder, quiet)

    assert facts.rows == 200


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    spec = write_project(tmp_path, data={"path": "none.csv"})

    assert "There is no file none.csv" in refusal(tmp_path, spec)


def test_a_file_of_another_format_is_told(tmp_path: Path) -> None:
    spec = write_project(tmp_path, data={"path": "orders.csv", "format": "parquet"})

    assert refusal(tmp_path, spec).startswith("orders.csv can't be read: ")


def test_a_wrong_query_is_told(tmp_path: Path) -> None:
    spec = write_project(tmp_path, data={"sql": "SELECT nothing FROM nowhere"})

    assert "data.sql failed: " in refusal(tmp_path, spec)


def test_columns_that_do_not_exist_are_all_named(tmp_path: Path) -> None:
    spec = write_project(tmp_path, target="lte", evaluate={"slices": ["town"]})

    message = refusal(tmp_path, spec)

    assert "target (lte)" in message
    assert "evaluate.slices[0] (town)" in message


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data": {"path": "orders.csv", "time_column": "shop"}}, "holds string values, such as"),
        ({"task": "regression", "target": "shop"}, "task: regression wants numbers"),
        ({"target": "shop"}, "has 3 different values"),
        ({"positive": "yes"}, "positive is 'yes', but the target 'late' has"),
        ({"features": {"exclude": ["distance", "items", "shop"]}}, "No column is left"),
    ],
)
def test_columns_of_wrong_types_are_told(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    assert told in refusal(tmp_path, write_project(tmp_path, **changes))


def test_a_column_that_no_model_can_take_is_told(tmp_path: Path) -> None:
    table = orders()
    table["tags"] = [["a", "b"]] * len(table)
    table.to_parquet(tmp_path / "orders.parquet")
    spec = write_project(tmp_path, data={"path": "orders.parquet"})

    assert "'tags' (list<" in refusal(tmp_path, spec)


def test_a_window_without_rows_is_told(tmp_path: Path) -> None:
    spec = write_project(tmp_path)

    message = refusal(tmp_path, spec, start=datetime(2027, 1, 1, tzinfo=UTC))

    assert "The data has 0 labelled rows from 2027-01-01" in message


def test_missing_times_are_counted(tmp_path: Path) -> None:
    table = orders()
    table.loc[:4, "moment"] = pd.NaT

    assert "'moment' is missing in 5 rows" in refusal(tmp_path, write_project(tmp_path, table))


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def load(start, end):\n    raise RuntimeError('no disk')", "RuntimeError: no disk"),
        ("def load(start, end):\n    return 5", "returned int, not a table"),
        ("def other(): pass", "has no function 'load'"),
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        ("def load(start, end): return 1 +", "SyntaxError"),
    ],
)
def test_a_data_function_that_fails_is_told(tmp_path: Path, code: str, told: str) -> None:
    (tmp_path / "loading.py").write_text(code)
    spec = write_project(tmp_path, data={"function": "loading:load"})

    with pytest.raises(ScriptFailed) as caught:
        load(tmp_path, spec)

    assert told in caught.value.message
    assert "northstar/pipeline" not in caught.value.message
