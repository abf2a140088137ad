"""The split step: which rows the squad's code sees, and which only the platform does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from northstar.pipeline.data import feature_columns
from northstar.pipeline.domain import SplitFacts
from northstar.pipeline.errors import DataInvalid
from northstar.pipeline.run_folder import RunFolder
from northstar.pipeline.tables import column_array, read_table, write_table
from northstar.project.domain import DataFormat, ProjectSpec

if TYPE_CHECKING:
    import pyarrow as pa

Mask = NDArray[np.bool_]


def split_data(spec: ProjectSpec, folder: RunFolder) -> SplitFacts:
    """Write ``folder.train`` (features and target) and ``folder.in_test`` (the rows held back).

    Raises ``DataInvalid`` where one side would be empty or have one class only.
    """
    table = read_table(folder.data)
    in_test = _test_mask(spec, table)
    train, test = table.filter(~in_test), table.filter(in_test)
    if spec.task != "regression":
        for name, part in (("training", train), ("test", test)):
            if len(part.column(spec.target).unique()) < 2:
                raise DataInvalid(
                    f"The {name} part has one value of the target {spec.target!r} only.",
                    hint="Take a longer window, or another split.",
                )
    with folder.in_test.open("wb") as file:
        np.save(file, in_test)
    seen = [*feature_columns(spec, table.column_names), spec.target]
    write_table(train.select(seen), folder.train)
    return SplitFacts(rows_train=train.num_rows, rows_test=test.num_rows)


def train_data_for(spec: ProjectSpec, folder: RunFolder) -> Path:
    """The training part in the format that the squad's command reads."""
    if _command_format(spec) == "parquet":
        return folder.train
    from pyarrow import csv

    path = folder.train.with_suffix(".csv")
    csv.write_csv(read_table(folder.train), path)
    return path


def by_time(times: NDArray[np.datetime64], test_share: float) -> Mask:
    """Mark the last rows; rows of one moment are never parted, so the share may be exceeded.

    Raises ``DataInvalid`` if no moment parts the rows.
    """
    ordered = np.sort(times)
    first_of_test = ordered[min(int(len(times) * (1 - test_share)), len(times) - 1)]
    in_test: Mask = times >= first_of_test
    if in_test.all():
        raise DataInvalid(
            f"Too many rows have the same time ({first_of_test}) to split by it.",
            hint="Use split: {by: random}, or a finer time column.",
        )
    return in_test


def at_random(rows: int, test_share: float, seed: int) -> Mask:
    """Mark a random draw of rows, at least one and not all."""
    count = min(max(round(rows * test_share), 1), rows - 1)
    in_test = np.zeros(rows, dtype=bool)
    in_test[np.random.default_rng(seed).permutation(rows)[:count]] = True
    return in_test


def by_group(groups: NDArray[Any], test_share: float, seed: int) -> Mask:
    """Mark whole groups, drawn at random until they have at least the share of rows.

    At least one group stays unmarked. Raises ``DataInvalid`` for fewer than two groups.
    """
    names, member = np.unique(groups.astype(str), return_inverse=True)
    if len(names) < 2:
        raise DataInvalid(
            f"All rows belong to one group ({names[0]}).", hint="Look at split.column."
        )
    order = np.random.default_rng(seed).permutation(len(names))
    sizes = np.bincount(member)[order]
    enough = int(np.searchsorted(np.cumsum(sizes), len(groups) * test_share)) + 1
    return np.isin(member, order[: min(enough, len(names) - 1)])


def _test_mask(spec: ProjectSpec, table: pa.Table) -> Mask:
    how = spec.split
    if spec.split_by == "time":
        return by_time(column_array(table, str(spec.data.time_column)), how.test_share)
    if spec.split_by == "group":
        return by_group(column_array(table, str(how.column)), how.test_share, how.seed)
    return at_random(table.num_rows, how.test_share, how.seed)


def _command_format(spec: ProjectSpec) -> DataFormat:
    if spec.train.command is None:
        return "parquet"
    return spec.train.data_format or spec.data.file_format or "parquet"
