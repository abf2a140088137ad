"""The platform's log: one line a message, whatever the message quotes."""

from __future__ import annotations

import logging

from northstar.telemetry import trace_context

_FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"


_TALKATIVE = ("httpx2", "azure")  # they tell of every request that they send


def log_to(handler: logging.Handler) -> None:
    """Have what is worth a look written by ``handler``."""
    handler.setFormatter(OneLine())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def log_to_stderr() -> None:
    """Log for whatever keeps a container's output."""
    log_to(logging.StreamHandler())


class OneLine(logging.Formatter):
    """Writes control characters of a message as escapes, so that what somebody sent (a path, a
    name) can't pass for a line of ours or steer a terminal. Tracebacks keep their lines. What was
    logged in the course of a traced piece of work ends with its trace.
    """

    def __init__(self) -> None:
        super().__init__(_FORM)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = "".join(map(_visible, record.message))
        line = super().formatMessage(record)
        context = trace_context.current()
        return f"{line} [trace {context.trace_id} span {context.span_id}]" if context else line

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's name
        told = super().formatException(ei)  # type: ignore[arg-type]  # as logging hands it over
        return "\n".join("  | " + "".join(map(_visible, line)) for line in told.split("\n"))


def _visible(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]
