"""Warnings and errors of Python's ``logging`` as OpenTelemetry's log records."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from northstar.errors import NorthstarError
from northstar.telemetry import trace_context
from northstar.telemetry.trace_context import TraceContext

# What exporters log would be exported, and fail, and be logged.
_OWN = ("azure", "opentelemetry", "urllib3", "msal")
_OURS = "northstar"
_SEVERITIES = ((logging.CRITICAL, 21), (logging.ERROR, 17), (logging.WARNING, 13))
_STACK_FRAMES = 50


class LogBridge(logging.Handler):
    """Hands over what is logged with at least WARNING, with the current trace's ids.

    An exception goes with its type and the lines of code that it passed; its text only where it is
    one of ours: a library's text may quote a prediction's data, or the address and password that
    it was given. So of what libraries log goes the form, without what was put in.

    Args:
        emit: takes a logger's name and the fields of an OpenTelemetry ``LogRecord``.
    """

    def __init__(self, emit: Callable[[str, dict[str, Any]], None]) -> None:
        super().__init__(logging.WARNING)
        self._emit = emit

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] in _OWN:
            return
        try:
            self._emit(record.name, _fields(record))
        except Exception:  # noqa: BLE001 - as logging's own handlers do
            self.handleError(record)


def of_trace(context: TraceContext) -> dict[str, int]:
    """The fields of a ``LogRecord`` that say which span it belongs to."""
    return {"trace_id": int(context.trace_id, 16), "span_id": int(context.span_id, 16)}


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if record.exc_info and record.exc_info[0] is not None:
        kind, error, stack = record.exc_info
        attributes = _exception(kind, error, stack)
    fields: dict[str, Any] = {
        "timestamp": int(record.created * 1e9),
        "severity_number": next((n for level, n in _SEVERITIES if record.levelno >= level), 9),
        "severity_text": record.levelname,
        "body": _message(record),
        "attributes": attributes,
    }
    context = trace_context.current()
    return {**fields, **of_trace(context)} if context else fields


def _message(record: logging.LogRecord) -> str:
    if record.name.partition(".")[0] != _OURS:
        form = str(record.msg) if record.args else "a message"
        return f"{form} ({record.name}, {record.filename}:{record.lineno})"
    if not isinstance(record.args, tuple):
        return record.getMessage()
    told = (_type(one) if _is_foreign(one) else one for one in record.args)
    return str(record.msg) % tuple(told) if record.args else str(record.msg)


def _is_foreign(value: object) -> bool:
    return isinstance(value, BaseException) and not isinstance(value, NorthstarError)


def _type(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _exception(
    kind: type[BaseException], error: BaseException | None, stack: TracebackType | None
) -> dict[str, str]:
    attributes = {"exception.type": f"{kind.__module__}.{kind.__qualname__}"}
    if isinstance(error, NorthstarError):
        attributes["exception.message"] = error.message
    if stack:
        attributes["exception.stacktrace"] = "".join(
            traceback.format_tb(stack, limit=-_STACK_FRAMES)
        )
    return attributes
