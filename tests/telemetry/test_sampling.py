"""The light sampler decides as OpenTelemetry's own samplers do."""

from __future__ import annotations

import os
from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from northstar.errors import Invalid
from northstar.telemetry import trace_context
from northstar.telemetry.sampling import Sampler, read_sampler
from northstar.telemetry.trace_context import TraceContext

SAMPLED = trace_context.new(sampled=True)
UNSAMPLED = TraceContext(SAMPLED.trace_id, SAMPLED.span_id, sampled=False)


def test_a_sampled_caller_is_followed_in_its_trace() -> None:
    decided = Sampler(0.0).decide(str(SAMPLED).encode())
    assert decided is not None
    own, parent = decided
    assert parent == SAMPLED
    assert (own.trace_id, own.sampled) == (SAMPLED.trace_id, True)
    assert own.span_id != SAMPLED.span_id


def test_an_unsampled_caller_is_followed_too() -> None:
    assert Sampler(1.0).decide(str(UNSAMPLED).encode()) is None


@pytest.mark.parametrize("header", [None, b"nonsense", b"00-00-00-01"])
def test_without_a_callers_trace_the_ratio_decides(header: bytes | None) -> None:
    assert Sampler(0.0).decide(header) is None
    decided = Sampler(1.0).decide(header)
    assert decided is not None
    assert decided[1] is None


def test_about_the_ratio_is_sampled() -> None:
    sampler = Sampler(0.1)
    assert 800 < sum(sampler.decide(None) is not None for _ in range(10_000)) < 1_200


@pytest.mark.parametrize("ratio", [0.0, 0.01, 0.5, 1.0])
def test_a_trace_is_sampled_here_where_opentelemetry_samples_it(ratio: float) -> None:
    ours, theirs = Sampler(ratio, follows=False), _opentelemetrys(ratio)
    for _ in range(200):
        context = TraceContext(os.urandom(16).hex(), SAMPLED.span_id, sampled=False)
        wanted = theirs.should_sample(None, int(context.trace_id, 16), "").decision.is_sampled()
        assert (ours.decide(str(context).encode()) is not None) == wanted
    begun = [decided[0] for _ in range(200) if (decided := Sampler(ratio).decide(None))]
    for context in begun:
        assert theirs.should_sample(None, int(context.trace_id, 16), "").decision.is_sampled()


@pytest.mark.parametrize(
    ("variables", "sampler"),
    [
        ({}, Sampler(1.0)),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, Sampler(0.0, follows=False)),
        ({"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, Sampler(0.0)),
        (
            {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"},
            Sampler(0.25, follows=False),
        ),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}, Sampler(1.0)),
    ],
)
def test_the_standard_variables_are_read(variables: dict[str, str], sampler: Sampler) -> None:
    assert read_sampler(variables) == sampler


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_TRACES_SAMPLER": "jaeger_remote"},
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "5"},
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "many"},
    ],
)
def test_what_cannot_be_kept_to_is_refused(variables: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        read_sampler(variables)


def _opentelemetrys(ratio: float) -> Any:
    return TraceIdRatioBased(ratio)
