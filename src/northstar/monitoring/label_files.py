"""Labels in files: CSV with a header, or JSON, one object a line or a list of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError

from northstar.monitoring.domain import Label
from northstar.monitoring.errors import BadLabels

_HINT = (
    "A label has a prediction_id, a label and perhaps an event_time: as CSV with these names in "
    "the first line, or as JSON objects, one a line or in a list."
)


def read_labels(lines: Iterable[str], name: str) -> list[Label]:
    """Read labels; the first character tells JSON from CSV.

    Args:
        name: the file's, for messages.

    Raises ``BadLabels`` that names the line, or the place in the list.
    """
    content = [line for line in lines if line.strip()]
    first = content[0].lstrip()[:1] if content else ""
    if first == "[":
        rows = _from_list("".join(content), name)
    elif first == "{":
        rows = _from_lines(content, name)
    else:
        rows = _from_csv(content, name)
    return [_label(row, f"{name}: {place}") for place, row in rows]


def _from_list(text: str, name: str) -> Iterator[tuple[str, Any]]:
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise BadLabels(f"{name} is not JSON: {error}.", hint=_HINT) from error
    for number, row in enumerate(rows, 1):
        yield f"label {number}", row


def _from_lines(lines: list[str], name: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(lines, 1):
        try:
            yield f"line {number}", json.loads(line)
        except ValueError as error:
            raise BadLabels(f"{name}: line {number} is not JSON: {error}.", hint=_HINT) from error


def _from_csv(lines: list[str], name: str) -> Iterator[tuple[str, Any]]:
    reader = csv.DictReader(lines)
    missing = {"prediction_id", "label"} - set(reader.fieldnames or ())
    if missing:
        lacking = ", ".join(sorted(missing))
        raise BadLabels(f"{name} has no column {lacking}.", hint=_HINT)
    for row in reader:
        yield f"line {reader.line_num}", {key: value for key, value in row.items() if value}


def _label(row: Any, place: str) -> Label:
    try:
        return Label.model_validate(row)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'][:1]) or 'label'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise BadLabels(f"{place}: {faults}.", hint=_HINT) from error
