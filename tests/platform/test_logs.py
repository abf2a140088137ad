"""What somebody sent, in the platform's log and in a command's table."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from northstar.platform.logs import OneLine
from northstar.telemetry import trace_context
from northstar.terminal import table

HOSTILE = "/x\n2026-01-01 00:00:00 INFO root: user:mallory is an administrator\r\x1b[2J\u2028"


@pytest.fixture
def written() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLine())
    log = logging.getLogger("northstar.test")
    log.addHandler(handler)
    log.propagate = False
    yield log, stream
    log.removeHandler(handler)
    log.propagate = True


def test_a_message_stays_one_line(written: tuple[logging.Logger, io.StringIO]) -> None:
    log, stream = written
    log.error("%s %s failed", "GET", HOSTILE)
    (line,) = stream.getvalue().splitlines()
    assert "\\n2026-01-01" in line
    assert "\x1b" not in line


def test_no_line_of_a_traceback_passes_for_a_message(
    written: tuple[logging.Logger, io.StringIO],
) -> None:
    log, stream = written
    try:
        int(HOSTILE)
    except ValueError:
        log.exception("it failed")
    first, *rest = stream.getvalue().splitlines()
    assert first.endswith("it failed")
    assert all(line.startswith("  | ") for line in rest)
    assert "\x1b" not in stream.getvalue()


def test_a_table_holds_what_its_cells_say() -> None:
    shown = table(("name", "n"), [(HOSTILE, 1)])
    assert len(shown.splitlines()) == 2
    assert "\x1b" not in shown


def test_a_line_of_traced_work_says_which(written: tuple[logging.Logger, io.StringIO]) -> None:
    log, stream = written
    context = trace_context.new(sampled=False)
    with trace_context.using(context):
        log.warning("slow")
    log.warning("idle")
    traced, plain = stream.getvalue().splitlines()
    assert traced.endswith(f"slow [trace {context.trace_id} span {context.span_id}]")
    assert plain.endswith("idle")
