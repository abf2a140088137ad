"""Head sampling as OpenTelemetry's standard samplers decide it, without OpenTelemetry.

Where every request counts its microseconds, the decision must come before anything is made: what
is not sampled costs one comparison.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass

from northstar.errors import Invalid
from northstar.telemetry.trace_context import TraceContext, parse

SAMPLER = "OTEL_TRACES_SAMPLER"
ARGUMENT = "OTEL_TRACES_SAMPLER_ARG"

_IDS = 1 << 64
_PARENT_BASED = "parentbased_"
_KNOWN = ("always_on", "always_off", "traceidratio")
_NOT_SAMPLED = b"-00"
_random = random.Random()  # noqa: S311 - which requests are looked at is no secret


@dataclass(frozen=True, slots=True)
class Sampler:
    """Which requests are traced.

    Attributes:
        ratio: the share of traces that are sampled, 0 to 1; decided by the lower half of the
            trace's id, as ``traceidratio`` does.
        follows: whether a caller's trace is sampled as the caller says.
    """

    ratio: float
    follows: bool = True

    def decide(self, header: bytes | None) -> tuple[TraceContext, TraceContext | None] | None:
        """The context of a request's span and of its parent; ``None`` if it is not sampled.

        Args:
            header: the request's ``traceparent``; one that is invalid counts as none.
        """
        if header is not None:
            if self.follows and header.endswith(_NOT_SAMPLED):
                return None
            parent = parse(header)
            if parent is not None:
                sampled = parent.sampled if self.follows else self.chooses(parent.trace_id)
                own = os.urandom(8).hex()
                return (
                    (TraceContext(parent.trace_id, own, sampled=True), parent) if sampled else None
                )
        if self.ratio <= 0.0:
            return None
        low = _random.getrandbits(64)
        if low >= self.ratio * _IDS:
            return None
        trace_id = f"{os.urandom(8).hex()}{low:016x}"
        return TraceContext(trace_id, os.urandom(8).hex(), sampled=True), None

    def chooses(self, trace_id: str) -> bool:
        """Whether a trace that nobody has decided on is sampled."""
        return int(trace_id[16:], 16) < self.ratio * _IDS


def read_sampler(environ: Mapping[str, str]) -> Sampler:
    """The sampler of ``OTEL_TRACES_SAMPLER`` and ``OTEL_TRACES_SAMPLER_ARG``.

    Without the first it is OpenTelemetry's default, ``parentbased_always_on``. Raises ``Invalid``
    for a sampler that is not available here, and for a ratio that is none.
    """
    name = environ.get(SAMPLER, "").strip().lower() or "parentbased_always_on"
    follows = name.startswith(_PARENT_BASED)
    root = name.removeprefix(_PARENT_BASED)
    if root not in _KNOWN:
        raise Invalid(
            f"{SAMPLER} is {name!r}, which is not available here.",
            hint=f"Use {', '.join(_KNOWN)}, each also with {_PARENT_BASED} before it.",
        )
    if root != "traceidratio":
        return Sampler(1.0 if root == "always_on" else 0.0, follows)
    text = environ.get(ARGUMENT, "").strip() or "1"
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not 0.0 <= ratio <= 1.0:
        raise Invalid(f"{ARGUMENT} is {text!r}, not a share from 0 to 1.", hint="Set it to 0.01.")
    return Sampler(ratio, follows)
