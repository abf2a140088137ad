"""What a worker notes of the requests that are traced, for the agent to make spans of.

A worker imports no exporter and waits for none: it keeps a bounded number of plain records between
two reports to its agent. A request that is not sampled costs one look at its headers.
"""

from __future__ import annotations

from time import perf_counter, time_ns
from typing import Any, NamedTuple

from northstar.names import EndpointRef
from northstar.telemetry.interface import Span
from northstar.telemetry.sampling import Sampler
from northstar.telemetry.trace_context import TraceContext, parse

HEADER = b"traceparent"
ANSWER_HEADER = b"traceresponse"
"""Where the answer says which span was made of the request; of W3C's draft for responses."""

MOST_BETWEEN_REPORTS = 512
_UNAUTHENTICATED = 401


class RequestTrace:
    """A sampled request while it is answered; who finds something out about it writes it here."""

    __slots__ = ("parent", "prediction", "rows", "text", "version")

    def __init__(self, context: TraceContext, parent: TraceContext | None) -> None:
        self.text = str(context)
        self.parent = str(parent) if parent else ""
        self.version = 0
        self.prediction = ""
        self.rows = 0


class Traced(NamedTuple):
    """A traced request that was answered, as it goes to the agent.

    Attributes:
        trace, parent: of the endpoint's span and of the caller's, as ``traceparent``.
        error: the code of the failure; empty where there was none.
    """

    trace: str
    parent: str
    start_ns: int
    duration_ns: int
    path: str
    status: int
    version: int
    prediction: str
    rows: int
    error: str


class Tracer:
    """One worker's decisions and records; lives on the event loop's thread.

    Args:
        record: whether anybody wants the records. Without, callers' traces are still honoured:
            their place is written into the captures.
    """

    def __init__(self, sampler: Sampler, *, record: bool) -> None:
        self._decide = sampler.decide
        self._record = record
        self._traced: list[tuple[Any, ...]] = []
        self.dropped = 0

    def begin(self, header: bytes | None) -> RequestTrace | None:
        """The trace of a request with this ``traceparent``; ``None`` for most."""
        decided = self._decide(header)
        if decided is None:
            return None
        if len(self._traced) >= MOST_BETWEEN_REPORTS:
            self.dropped += 1
            return None
        return RequestTrace(*decided)

    def end(
        self, trace: RequestTrace, started: float, path: str, status: int, error: str = ""
    ) -> None:
        """Note an answered request.

        Who has no good token fills nobody's traces: such a request is only counted.

        Args:
            started: by ``perf_counter``.
        """
        if not self._record or status == _UNAUTHENTICATED:
            return
        duration = round((perf_counter() - started) * 1e9)
        # A ``Traced``, as the tuple that JSON is made of fastest.
        self._traced.append(
            (
                trace.text,
                trace.parent,
                time_ns() - duration,
                duration,
                path,
                status,
                trace.version,
                trace.prediction,
                trace.rows,
                error,
            )
        )

    def take(self) -> list[tuple[Any, ...]]:
        """The fields of each ``Traced`` since the last call."""
        traced, self._traced = self._traced, []
        return traced


def make_span(endpoint: EndpointRef, told: list[Any]) -> Span | None:
    """The span of a ``Traced`` that came as JSON."""
    traced = Traced(*told)
    context, parent = parse(traced.trace), parse(traced.parent)
    if context is None:
        return None
    attributes: dict[str, str | int] = {
        "http.request.method": "POST",
        "http.route": traced.path,
        "url.path": traced.path,
        "url.scheme": "http",
        "http.response.status_code": traced.status,
        "northstar.endpoint": str(endpoint),
        "northstar.squad": endpoint.squad,
        "northstar.project": endpoint.project,
        "northstar.environment": endpoint.environment,
    }
    if traced.version:
        attributes["northstar.version"] = traced.version
    if traced.prediction:
        attributes["northstar.prediction.id"] = traced.prediction
        attributes["northstar.prediction.rows"] = traced.rows
    if traced.error:
        attributes["error.type"] = traced.error
        attributes["northstar.error"] = traced.error  # Azure's exporter leaves out the other
    return Span(
        name=f"POST {traced.path}",
        context=context,
        start_ns=traced.start_ns,
        end_ns=traced.start_ns + traced.duration_ns,
        kind="server",
        parent=parent,
        attributes=attributes,
        error=traced.error if traced.status >= 500 else "",
    )
