"""The data step: read a project's data for a window and check it against ``northstar.yaml``."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from northstar.digest import file_digest
from northstar.pipeline.domain import DataFacts, RunRequest
from northstar.pipeline.errors import DataInvalid
from northstar.pipeline.process import Child, Echo, python_environment, run_child
from northstar.pipeline.run_folder import RunFolder
from northstar.pipeline.source import Origin
from northstar.pipeline.tables import column_types, plain_table, read_table, write_table
from northstar.project.domain import ProjectSpec

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_FEWEST_ROWS = 20
_MOST_CLASSES = 1000


def load_data(
    spec: ProjectSpec,
    project: Path,
    origin: Origin,
    request: RunRequest,
    folder: RunFolder,
    echo: Echo,
) -> DataFacts:
    """Write all labelled rows of the window to ``folder.data``; return what was found.

    Raises ``DataInvalid`` where the data can't be read or does not fit the specification,
    ``ScriptFailed`` where the project's own data function failed.
    """
    if spec.data.function is not None:
        raw = _from_function(spec, project, request, folder, echo)
    elif spec.data.sql is not None:
        raw = _from_sql(spec.data.sql, project, request)
    else:
        raw = _from_path(spec, project, origin, request)
    excluded = set(spec.features.exclude) - {spec.target, *_named_columns(spec).values()}
    # pandas leaves its row numbers in Parquet files; a model that sees them learns the row order.
    unwanted = [n for n in raw.column_names if n in excluded or n.startswith("__index_level_")]
    table = plain_table(raw.drop_columns(unwanted))
    _check_columns(spec, table, request)
    table = _within(table, spec.data.time_column, request)
    labelled = table.filter(table.column(spec.target).is_valid())
    _check_target(spec, labelled, request)
    write_table(labelled, folder.data)
    start, end = _ends(labelled, spec.data.time_column)
    return DataFacts(
        rows=labelled.num_rows,
        unlabelled=table.num_rows - labelled.num_rows,
        digest=file_digest(folder.data),
        start=start,
        end=end,
    )


def feature_columns(spec: ProjectSpec, columns: Sequence[str]) -> list[str]:
    """The columns that the squad's code sees besides the target, in the data's order."""
    if spec.features.include is not None:
        wanted = set(spec.features.include)
    else:
        wanted = set(columns) - {spec.data.time_column}
    wanted -= {spec.target, *spec.features.exclude}
    return [name for name in columns if name in wanted]


def _from_path(spec: ProjectSpec, project: Path, origin: Origin, request: RunRequest) -> pa.Table:
    import duckdb

    path = _find_files(str(spec.data.path), project, origin)
    connection = _duckdb(project)
    try:
        if spec.data.file_format == "csv":
            table = connection.read_csv(path, na_values=spec.data.missing, sample_size=-1)
        else:
            table = connection.read_parquet(path)
        if spec.data.time_column in table.columns:
            table = _narrowed(table, str(spec.data.time_column), request)
        return table.to_arrow_table()
    except duckdb.Error as error:
        raise DataInvalid(
            f"{spec.data.path} can't be read: {_first_line(error)}",
            hint="data.path and data.format in northstar.yaml say what it should be.",
        ) from error


def _find_files(written: str, project: Path, origin: Origin) -> str:
    """``data.path`` below the project, or below where the project was archived."""
    if "://" in written:
        return written
    # A retraining runs in an unpacked archive, which has no data.
    for base in dict.fromkeys((project.resolve(), origin.folder)):
        pattern = base / written
        try:
            there = pattern.is_file() or any(
                Path(pattern.anchor).glob(str(pattern.relative_to("/")))
            )
        except PermissionError as error:
            raise DataInvalid(
                f"{pattern} can't be read by the user that this runs as ({os.getuid()}).",
                hint="Jobs of a server run as users of their own: put the data where all users, or "
                "the project's identity, can read it.",
            ) from error
        if there:
            return str(pattern)
    raise DataInvalid(
        f"There is no file {written} in {project.resolve()}.",
        hint="data.path in northstar.yaml is relative to the project's folder.",
    )


def _narrowed(table: duckdb.DuckDBPyRelation, column: str, request: RunRequest) -> Any:
    """Leave rows outside of the window unread; what is not a time is told of later."""
    from duckdb import ColumnExpression, ConstantExpression

    kind = str(table.types[table.columns.index(column)])
    if not kind.startswith(("TIMESTAMP", "DATE")):
        return table
    if request.start is not None:
        table = table.filter(ColumnExpression(column) >= ConstantExpression(_naive(request.start)))
    if request.end is not None:
        table = table.filter(ColumnExpression(column) < ConstantExpression(_naive(request.end)))
    return table


def _from_sql(query: str, project: Path, request: RunRequest) -> pa.Table:
    import duckdb

    ends = {"start": _naive(request.start), "end": _naive(request.end)}
    used = {name: value for name, value in ends.items() if re.search(rf"\${name}\b", query)}
    try:
        result = _duckdb(project).sql(query, params=used)
        if result is None:
            raise DataInvalid("data.sql is not a query: it gives no table.")
        return result.to_arrow_table()
    except duckdb.Error as error:
        raise DataInvalid(
            f"data.sql failed: {_first_line(error)}",
            hint="File names in it are relative to the project's folder.",
        ) from error


def _from_function(
    spec: ProjectSpec, project: Path, request: RunRequest, folder: RunFolder, echo: Echo
) -> pa.Table:
    folder.work.mkdir(exist_ok=True)
    order, answer = folder.work / "load.json", folder.work / "loaded.parquet"
    order.write_text(
        json.dumps(
            {
                "function": spec.data.function,
                "start": request.start.isoformat() if request.start else None,
                "end": request.end.isoformat() if request.end else None,
                "target": str(answer),
            }
        )
    )
    answer.unlink(missing_ok=True)
    run_child(
        Child(
            what=f"The data function {spec.data.function}",
            command=[sys.executable, "-m", "northstar.pipeline.children.load_data", str(order)],
            folder=project,
            environment=python_environment(project),
            log=folder.log("data"),
            timeout_seconds=spec.data.timeout_seconds,
        ),
        echo,
    )
    return read_table(answer)


def _check_columns(spec: ProjectSpec, table: pa.Table, request: RunRequest) -> None:
    types = column_types(table)
    wanted = {"target": spec.target, **_named_columns(spec)}
    for number, name in enumerate(spec.features.include or []):
        wanted[f"features.include[{number}]"] = name
    missing = [f"{field} ({name})" for field, name in wanted.items() if name not in types]
    if missing:
        raise DataInvalid(
            f"northstar.yaml names columns that the data does not have: {', '.join(missing)}.",
            hint=f"The data has {', '.join(types)}.",
        )
    time = spec.data.time_column
    if time is not None:
        _check_time(time, types[time], table)
    elif (request.start or request.end) and spec.data.path is not None:
        raise DataInvalid(
            "A window was asked for, but northstar.yaml does not say which column is the time.",
            hint="Set data.time_column.",
        )
    if not feature_columns(spec, table.column_names):
        raise DataInvalid("No column is left to learn from.", hint="Look at features.")


def _check_time(name: str, kind: str, table: pa.Table) -> None:
    column = table.column(name)
    if kind != "datetime":
        sample = column.drop_null()
        shown = f", such as {sample[0].as_py()!r}" if len(sample) else ""
        raise DataInvalid(
            f"data.time_column {name!r} holds {kind} values{shown}, not times.",
            hint="Write times as 2013-01-31 or 2013-01-31 17:05:00, or convert them in data.sql.",
        )
    if column.null_count:
        raise DataInvalid(
            f"data.time_column {name!r} is missing in {column.null_count} rows.",
            hint="Leave those rows out where the data is loaded (data.sql or data.function).",
        )


def _check_target(spec: ProjectSpec, table: pa.Table, request: RunRequest) -> None:
    if table.num_rows < _FEWEST_ROWS:
        window = f" from {request.start or 'the beginning'} until {request.end or 'the end'}"
        raise DataInvalid(
            f"The data has {table.num_rows} labelled rows{window}; "
            f"a run needs at least {_FEWEST_ROWS}."
        )
    kind = column_types(table)[spec.target]
    if spec.task == "regression":
        if kind not in ("double", "long"):
            raise DataInvalid(
                f"The target {spec.target!r} holds {kind} values; task: regression wants numbers.",
                hint="Is the task binary or multiclass?",
            )
        return
    values = table.column(spec.target).unique().to_pylist()
    shown = ", ".join(repr(value) for value in values[:4]) + (", …" if len(values) > 4 else "")
    if spec.task == "binary" and len(values) != 2:
        raise DataInvalid(
            f"The target {spec.target!r} has {len(values)} different values ({shown}); "
            "task: binary wants two."
        )
    if spec.task == "multiclass" and not 2 <= len(values) <= _MOST_CLASSES:
        raise DataInvalid(
            f"The target {spec.target!r} has {len(values)} different values ({shown}); "
            f"task: multiclass wants 2 to {_MOST_CLASSES}."
        )
    if spec.positive is not None and spec.positive not in values:
        raise DataInvalid(
            f"positive is {spec.positive!r}, but the target {spec.target!r} has {shown}."
        )


def _named_columns(spec: ProjectSpec) -> dict[str, str]:
    named = {"data.time_column": spec.data.time_column, "split.column": spec.split.column}
    for number, name in enumerate(spec.evaluate.slices):
        named[f"evaluate.slices[{number}]"] = name
    return {field: name for field, name in named.items() if name is not None}


def _within(table: pa.Table, column: str | None, request: RunRequest) -> pa.Table:
    """The rows of the window; a function or a query may have given more."""
    import pyarrow.compute as pc

    if column is None:
        return table
    if request.start is not None:
        table = table.filter(pc.field(column) >= _naive(request.start))
    if request.end is not None:
        table = table.filter(pc.field(column) < _naive(request.end))
    return table


def _ends(table: pa.Table, column: str | None) -> tuple[datetime | None, datetime | None]:
    import pyarrow.compute as pc

    if column is None:
        return None, None
    ends = pc.min_max(table.column(column)).as_py()
    return ends["min"].replace(tzinfo=UTC), ends["max"].replace(tzinfo=UTC)


def _duckdb(project: Path) -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    # No parameters are possible here; the quote is the only character that means something.
    folder = str(project.resolve()).replace("'", "''")
    connection.execute(f"SET file_search_path = '{folder}'")
    return connection


def _naive(moment: datetime | None) -> datetime | None:
    """A moment as the data's times are kept: in UTC, without a zone."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
