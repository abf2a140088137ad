from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from northstar.telemetry import trace_context
from northstar.telemetry.trace_context import TraceContext, current, parse, using

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=8, max_size=8), st.booleans())
def test_what_a_context_is_written_as_is_read_as_the_same(
    trace: bytes, span: bytes, sampled: bool
) -> None:
    context = TraceContext(trace.hex(), span.hex(), sampled)
    invalid = not any(trace) or not any(span)
    assert parse(str(context)) == (None if invalid else context)
    assert parse(str(context).encode()) == parse(str(context))


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01\n00-{TRACE}-{SPAN}-01",
        "٠٠-" + f"{TRACE}-{SPAN}-01",
        b"\xff\xfe",
    ],
)
def test_what_the_standard_calls_invalid_is_no_context(text: str | bytes | None) -> None:
    assert parse(text) is None


def test_a_later_version_of_the_standard_is_read_as_far_as_it_is_known() -> None:
    assert parse(f"01-{TRACE}-{SPAN}-03-more") == TraceContext(TRACE, SPAN, sampled=True)


def test_a_child_has_its_own_span_in_the_same_trace() -> None:
    parent = trace_context.new(sampled=True)
    child = parent.child()
    assert (child.trace_id, child.sampled) == (parent.trace_id, True)
    assert child.span_id != parent.span_id


def test_the_current_context_ends_with_its_block() -> None:
    context = trace_context.new(sampled=False)
    with pytest.raises(KeyError), using(context):
        assert current() == context
        raise KeyError
    assert current() is None
