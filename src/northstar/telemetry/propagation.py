"""Sending the current trace along with a request, so that who answers goes on in it."""

from __future__ import annotations

import os
import sys

from northstar.telemetry.trace_context import HEADER, VARIABLE, TraceContext, current, parse

_OPENTELEMETRY = "opentelemetry.trace"


def outgoing() -> TraceContext | None:
    """The context that a request from here belongs to, if there is one.

    It is our own current one; or that of OpenTelemetry, where the caller's program uses it (it is
    not imported for that); or the one that this process was started with.
    """
    return current() or _of_opentelemetry() or parse(os.environ.get(VARIABLE))


def headers() -> dict[str, str]:
    """The headers that tell a server of ``outgoing``."""
    context = outgoing()
    return {HEADER: str(context)} if context else {}


def _of_opentelemetry() -> TraceContext | None:
    api = sys.modules.get(_OPENTELEMETRY)
    if api is None:
        return None
    place = api.get_current_span().get_span_context()
    if not place.is_valid:
        return None
    sampled = bool(place.trace_flags.sampled)
    return TraceContext(f"{place.trace_id:032x}", f"{place.span_id:016x}", sampled)
