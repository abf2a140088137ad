"""What telemetry says of the control plane's HTTP requests: a span, how long it took, who may.

Names are those of OpenTelemetry's conventions for HTTP servers. Query strings, headers and bodies
are not told: they hold codes, tokens and data.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from northstar.telemetry import trace_context
from northstar.telemetry.interface import Span, Telemetry, Value
from northstar.telemetry.trace_context import TraceContext

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_MLFLOW = "/mlflow"  # mounted: which of MLflow's routes it was, its own application knows
# Asked every few seconds by machines: they are measured, and have a span only when they fail.
_POLLED = frozenset(
    {
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/squads/{squad}/projects/{project}/environments/{environment}/endpoint/sync",
    }
)


class HttpTelemetry:
    """ASGI middleware; outermost, so that what others refuse is seen, too.

    The request's context is the current one while it is answered: in log lines, in what is written
    down, and in requests that are sent on.
    """

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry
        made = telemetry.instruments
        self._duration = made.histogram(
            "http.server.request.duration", "s", "Duration of HTTP server requests.", SECONDS
        )
        self._decisions = made.counter(
            "northstar.access.decisions",
            "{request}",
            "Requests of known and unknown callers that were allowed, denied or unauthenticated.",
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parent = _parent(scope)
        context = self._telemetry.begin(parent)
        start_ns, started, status = time.time_ns(), time.perf_counter(), 500

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            with trace_context.using(context):
                await self._app(scope, receive, observed)
        finally:
            seconds = time.perf_counter() - started
            self._tell(scope, status, seconds, start_ns, context, parent)

    def _tell(
        self,
        scope: Scope,
        status: int,
        seconds: float,
        start_ns: int,
        context: TraceContext,
        parent: TraceContext | None,
    ) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        route = _route(scope)
        facts: dict[str, Value] = {
            "http.request.method": method,
            "http.response.status_code": status,
            "url.scheme": scope.get("scheme", "http"),
        }
        if route:
            facts["http.route"] = route
        if status >= 500:
            facts["error.type"] = str(status)
        self._duration.record(seconds, facts)
        self._count(scope, status)
        if not context.sampled or (route in _POLLED and status < 400):
            return
        self._telemetry.record(
            Span(
                name=f"{method} {route}" if route else method,
                context=context,
                start_ns=start_ns,
                end_ns=start_ns + int(seconds * 1e9),
                kind="server",
                parent=parent,
                attributes={**facts, "url.path": scope["path"], **_where(scope), **_who(scope)},
                error=f"HTTP {status}" if status >= 500 else "",
            )
        )

    def _count(self, scope: Scope, status: int) -> None:
        known = _state(scope).get("principal") is not None
        if status in (401, 403) or known:
            outcome = {401: "unauthenticated", 403: "denied"}.get(status, "allowed")
            self._decisions.add(1, {"northstar.decision": outcome})


def _parent(scope: Scope) -> TraceContext | None:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            return trace_context.parse(value)
    return None


def _route(scope: Scope) -> str:
    """The route's template; empty for what no route takes: paths that somebody made up."""
    path = getattr(scope.get("route"), "path", "")
    if path:
        return str(path)
    return _MLFLOW if scope.get("root_path", "").endswith(_MLFLOW) else ""


def _where(scope: Scope) -> dict[str, Value]:
    """Where this process listens: without it Azure shows no path. Not what a caller calls it."""
    host, port = scope.get("server") or ("", None)
    return {"server.address": host, "server.port": port} if host and port else {}


def _who(scope: Scope) -> dict[str, Value]:
    told: dict[str, Value] = {}
    state = _state(scope)
    if principal := state.get("principal"):
        told["enduser.id"] = principal.id
    if squad := scope.get("path_params", {}).get("squad") or state.get("squad"):
        told["northstar.squad"] = squad
    return told


def _state(scope: Scope) -> Mapping[str, Any]:
    found: Mapping[str, Any] = scope.get("state", {})
    return found
