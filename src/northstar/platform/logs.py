"""The platform's log: one line a message, whatever the message quotes."""

from __future__ import annotations

import logging

_FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class OneLine(logging.Formatter):
    """Writes control characters of a message as escapes, so that what somebody sent (a path, a
    name) can't pass for a line of ours or steer a terminal. Tracebacks keep their lines.
    """

    def __init__(self) -> None:
        super().__init__(_FORM)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = "".join(map(_visible, record.message))
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's name
        told = super().formatException(ei)  # type: ignore[arg-type]  # as logging hands it over
        return "\n".join("  | " + "".join(map(_visible, line)) for line in told.split("\n"))


def _visible(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]
