"""Calls a project's data function and writes its table.

Order: ``{"function", "start", "end", "target"}``; ``target`` is the Parquet file to write.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from northstar.pipeline.children.code import call, find_function, read_order
from northstar.pipeline.tables import write_table


def main() -> None:
    """Carry out the order."""
    order = read_order()
    name = str(order["function"])
    loaded = call(find_function(name), _moment(order["start"]), _moment(order["end"]))
    write_table(_as_table(loaded, name), Path(order["target"]))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _as_table(loaded: Any, name: str) -> pa.Table:
    try:
        if hasattr(loaded, "to_parquet"):
            return pa.Table.from_pandas(loaded, preserve_index=False)
        if hasattr(loaded, "__arrow_c_stream__"):
            return pa.table(loaded)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        sys.exit(f"{name} returned a table with a column of mixed types: {error}")
    sys.exit(f"{name} returned {type(loaded).__name__}, not a table (a pandas DataFrame).")


if __name__ == "__main__":
    main()
