"""A request goes out with the trace that it belongs to."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from northstar.telemetry import propagation, trace_context

OURS = trace_context.new(sampled=True)


def test_outside_of_any_trace_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRACEPARENT", raising=False)
    assert propagation.headers() == {}


def test_the_current_context_is_sent() -> None:
    with trace_context.using(OURS):
        assert propagation.headers() == {"traceparent": str(OURS)}


def test_the_callers_opentelemetry_span_is_sent() -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("theirs")
    with tracer.start_as_current_span("ask") as span:
        place = span.get_span_context()
        told = trace_context.parse(propagation.headers()["traceparent"])
    assert told is not None
    assert (int(told.trace_id, 16), int(told.span_id, 16)) == (place.trace_id, place.span_id)
    assert told.sampled
    assert trace.get_current_span(otel_context.Context()) is trace.INVALID_SPAN


def test_a_started_process_goes_on_in_the_trace_that_it_was_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRACEPARENT", str(OURS))
    assert propagation.headers() == {"traceparent": str(OURS)}


def test_asking_does_not_import_opentelemetry() -> None:
    program = (
        "import sys; from northstar.telemetry.propagation import headers; headers(); "
        "sys.exit('opentelemetry' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
