"""A run as a trace: a span of the whole and one of each step, in the trace of whoever asked for it.

The step's context is the current one while it runs, so that what the platform does for it is part
of the trace, and it is in the environment of the squad's code.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from northstar.names import ProjectRef
from northstar.pipeline.domain import RunState, Step
from northstar.telemetry import trace_context
from northstar.telemetry.interface import Attributes, Span, Telemetry
from northstar.telemetry.propagation import outgoing
from northstar.telemetry.trace_context import TraceContext, parse

TRACE_TAG = "northstar.trace_id"


class RunTrace:
    """The spans of one attempt at a run.

    Args:
        context: the attempt's own span; ``parent`` is what it is part of.
    """

    def __init__(
        self, telemetry: Telemetry, context: TraceContext, parent: TraceContext | None
    ) -> None:
        self._telemetry = telemetry
        self._parent = parent
        self._about: Attributes = {}
        self.context = context

    @classmethod
    def begin(cls, telemetry: Telemetry) -> RunTrace:
        """A new run's: below the context of this process, if it was given one."""
        parent = outgoing()
        with trace_context.using(parent):
            return cls(telemetry, trace_context.lasting(), parent)

    @classmethod
    def go_on(cls, telemetry: Telemetry, state: RunState) -> RunTrace:
        """A resumed run's: in the trace that it was begun in."""
        parent = parse(state.traceparent)
        return cls(telemetry, parent.child(), parent) if parent else cls.begin(telemetry)

    @contextmanager
    def whole(self, project: ProjectRef, state: RunState) -> Iterator[None]:
        """The attempt, from now to the end of the ``with`` block."""
        self._about = {
            "northstar.squad": project.squad,
            "northstar.project": project.project,
            "northstar.run": state.run,
            "northstar.mlflow_run": state.mlflow_run,
        }
        with self._span("run", self.context, self._parent):
            yield

    @contextmanager
    def step(self, step: Step) -> Iterator[None]:
        """One step of it."""
        with self._span(f"run {step}", self.context.child(), self.context):
            yield

    @contextmanager
    def _span(
        self, name: str, context: TraceContext, parent: TraceContext | None
    ) -> Iterator[None]:
        start_ns, error = time.time_ns(), ""
        try:
            with trace_context.using(context):
                yield
        except BaseException as failed:
            error = type(failed).__name__  # its message may quote the squad's data
            raise
        finally:
            self._telemetry.record(
                Span(name, context, start_ns, time.time_ns(), parent=parent,
                     attributes=self._about, error=error)
            )  # fmt: skip
