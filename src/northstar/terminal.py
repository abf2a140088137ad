"""How the commands speak: results to stdout, everything else to stderr, ``--json`` for machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click
from pydantic import BaseModel

from northstar.connection import Connection, find_credentials

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
"""The ``--json`` flag of every command that reads; arrives as ``as_json``."""


def connect() -> Connection:
    """A connection to the platform that the environment, profile or nearest folder names.

    It is closed when the running command ends.
    """
    connection = Connection(find_credentials())
    if command := click.get_current_context(silent=True):
        command.call_on_close(connection.close)
    return connection


def say(message: str) -> None:
    """Tell the person something that is not the result (stderr)."""
    click.echo(message, err=True)


def emit(data: Any, *, as_json: bool, text: str | Callable[[], str]) -> None:
    """Print a command's result: ``data`` as JSON, or ``text`` for a person (stdout)."""
    if as_json:
        click.echo(json.dumps(plain(data), indent=2))
    else:
        click.echo(text if isinstance(text, str) else text())


def plain(data: Any) -> Any:
    """The JSON form of models, times and collections of them."""
    if isinstance(data, BaseModel):
        return data.model_dump(mode="json")
    if isinstance(data, datetime):
        return data.isoformat()
    if isinstance(data, Mapping):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return [plain(item) for item in data]
    return data


def table(
    headers: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str = "Nothing yet."
) -> str:
    """A plain table with aligned columns; numbers to the right."""
    if not rows:
        return empty
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(headers), *cells]) for i in range(len(headers))]
    numeric = [
        all(isinstance(row[i], int | float) or row[i] is None for row in rows)
        for i in range(len(headers))
    ]

    def line(values: Sequence[str]) -> str:
        aligned = (
            value.rjust(width) if right else value.ljust(width)
            for value, width, right in zip(values, widths, numeric, strict=True)
        )
        return "  ".join(aligned).rstrip()

    return "\n".join([line([h.upper() for h in headers]), *(line(row) for row in cells)])


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        return f"{value:.4g}"
    # what somebody named must neither break the table nor steer the terminal
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(value))
