"""Which trace a piece of work belongs to, as W3C's ``traceparent`` says it; knows no exporter.

What is being worked on carries its context in a context variable: a client sends it along, a log
line names it, and what is written down (a release, an alert) keeps it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

HEADER = "traceparent"
VARIABLE = "TRACEPARENT"
"""The environment variable by which a process hands its context to one that it starts."""

_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16
_current: ContextVar[TraceContext | None] = ContextVar("northstar_trace", default=None)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One span's place in one trace; ``str()`` gives the ``traceparent``.

    Attributes:
        trace_id: 32 lower-case hexadecimal digits.
        span_id: 16 of them.
        sampled: whether the trace's spans are sent anywhere.
    """

    trace_id: str
    span_id: str
    sampled: bool

    def child(self, span_id: str = "") -> TraceContext:
        """A span below this one, in the same trace; its id is random unless given."""
        return TraceContext(self.trace_id, span_id or os.urandom(8).hex(), self.sampled)

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def new(*, sampled: bool) -> TraceContext:
    """The first span of a trace of its own, with random ids."""
    return TraceContext(os.urandom(16).hex(), os.urandom(8).hex(), sampled)


def parse(traceparent: str | bytes | None) -> TraceContext | None:
    """What a ``traceparent`` says; ``None`` for none, and for one that W3C calls invalid."""
    if not traceparent:
        return None
    text = traceparent.decode("latin-1") if isinstance(traceparent, bytes) else traceparent
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or trace_id == _NO_TRACE:
        return None
    return None if span_id == _NO_SPAN else TraceContext(trace_id, span_id, int(flags, 16) & 1 == 1)


def trace_ids(*traceparents: str) -> tuple[str, ...]:
    """The ids of the traces that these belong to, each once, for people to look up."""
    found = map(parse, traceparents)
    return tuple(dict.fromkeys(context.trace_id for context in found if context))


def current() -> TraceContext | None:
    """The context of what this thread or task is working on, if it has one."""
    return _current.get()


def lasting() -> TraceContext:
    """A context to write down with something that lasts, such as a release, and to go on with.

    It is below the current one where there is one, and always sampled: there are few of them, and
    they are what people follow.
    """
    below = _current.get()
    own = below.child() if below else new(sampled=True)
    return TraceContext(own.trace_id, own.span_id, sampled=True)


@contextmanager
def using(context: TraceContext | None) -> Iterator[None]:
    """Let ``context`` be the current one inside of the ``with`` block."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
