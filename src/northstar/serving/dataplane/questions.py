"""What a request asks, whichever protocol it came by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from northstar.registry.domain import Column
from northstar.serving.errors import BadInput

_LONGEST_ID = 256
_MICROSECONDS = 1_000_000
_FURTHEST_SECONDS = 253_402_300_799  # the end of the year 9999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Question(NamedTuple):
    """One request, before its rows are read: that needs a model's columns.

    Attributes:
        id: the caller's name for the request; empty if there is none.
        user: whom traffic is split by; empty if the caller does not say.
        event_time: microseconds since 1970, UTC; ``None`` means now.
        request: the parsed body.
    """

    id: str
    user: str
    event_time: int | None
    request: dict[str, Any]


class Columns:
    """A model's columns, prepared for decoding requests."""

    __slots__ = ("columns", "count", "names", "positions")

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self.names = [column.name for column in columns]
        self.positions = {name: i for i, name in enumerate(self.names)}
        self.count = len(self.names)


def parse_object(body: bytes) -> dict[str, Any]:
    """A request's body as a JSON object; raises ``BadInput``."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"The body is not JSON: {error}.") from error
    if type(parsed) is not dict:
        raise BadInput("The body is not a JSON object.")
    return parsed


def checked_id(value: object) -> str:
    """A caller's id, as text; raises ``BadInput``."""
    if value is None:
        return ""
    if isinstance(value, str) and len(value) <= _LONGEST_ID:
        return value
    raise BadInput(f"The id must be text of at most {_LONGEST_ID} characters.")


def checked_user(value: object) -> str:
    """The key by which traffic is split; raises ``BadInput``."""
    if value is None:
        return ""
    if isinstance(value, str | int) and len(str(value)) <= _LONGEST_ID:
        return str(value)
    raise BadInput(f"The user must be text of at most {_LONGEST_ID} characters.")


def moment(value: object) -> int | None:
    """An event time in microseconds since 1970.

    Args:
        value: ISO 8601 text (UTC where it names no zone), seconds since 1970, or ``None``.
    """
    if value is None:
        return None
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            raise _no_moment(value) from None
        return microseconds(at if at.tzinfo else at.replace(tzinfo=UTC))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _no_moment(value)
    if not 0 <= value <= _FURTHEST_SECONDS:
        raise _no_moment(value)
    return round(value * _MICROSECONDS)


def microseconds(at: datetime) -> int:
    """Whole microseconds between 1970 and ``at``."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * _MICROSECONDS + since.microseconds


def row_ids(request_id: str, rows: int) -> list[str]:
    """The prediction ids of a request's rows: the request's own, or numbered if several."""
    if rows == 1:
        return [request_id]
    return [f"{request_id}:{i}" for i in range(rows)]


def _no_moment(value: object) -> BadInput:
    return BadInput(
        f"event_time {repr(value)[:60]} is not a time.",
        hint="Send ISO 8601 text such as 2013-04-01T06:00:00Z, or seconds since 1970.",
    )
