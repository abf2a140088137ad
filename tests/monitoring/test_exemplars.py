"""Findings name a few of their window's traced predictions, always the same ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from northstar.monitoring.exemplars import MOST, choose
from northstar.telemetry.trace_context import parse
from tests.monitoring.bench import PROD, ROWS, START, WEEK, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.register(minimum_labels=50)
    yield world
    world.database.close()


@given(st.lists(st.tuples(st.text(max_size=4), st.integers(0, 2))))
def test_what_is_chosen_of_the_parts_is_what_is_chosen_of_all(drawn: list[tuple[str, int]]) -> None:
    parts = [[trace for trace, part in drawn if part == number] for number in range(3)]
    chosen = choose(trace for part in reversed(parts) for trace in choose(part))
    assert chosen == choose(trace for trace, _ in drawn)
    assert len(chosen) == min(MOST, len({trace for trace, _ in drawn}))


def test_drift_and_lost_performance_name_traced_predictions_of_their_window(world: World) -> None:
    before, during = _traces("a", every=10), _traces("b", every=10)
    world.push(world.week(0, traces=before))
    world.push(world.week(1, shift=3.0, skill=0.0, traces=during))
    world.monitor.advance(PROD, START + 60 * WEEK)
    world.monitor.step()
    findings = world.monitor.findings(PROD)
    assert {finding.kind for finding in findings} >= {"drift", "performance"}
    for finding in findings:
        assert len(finding.traces) == MOST
        assert set(finding.traces) <= set(during)
    (_, window) = world.monitor.windows(PROD)
    assert {finding.traces for finding in window.findings} == {findings[0].traces}


def test_segments_that_come_one_by_one_lead_to_the_same_exemplars(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = World(tmp_path / "other")
    other.register()
    for seed in (0, 1):
        for each in (world, other):
            each.week(0, shift=3.0, seed=seed, traces=_traces(str(seed), every=50))
        world.monitor.step()
    other.monitor.step()
    found = []
    for each in (world, other):
        each.monitor.advance(PROD, START + WEEK)
        each.monitor.step()
        found.append({finding.traces for finding in each.monitor.findings(PROD)})
    other.database.close()
    assert found[0] == found[1]
    assert all(len(traces) == MOST for traces in found[0])


def test_what_is_no_traceparent_is_not_repeated(world: World) -> None:
    world.week(0, shift=3.0, traces=["<script>"] * ROWS)
    world.monitor.step()
    world.monitor.advance(PROD, START + WEEK)
    world.monitor.step()
    assert {finding.traces for finding in world.monitor.findings(PROD)} == {()}


def test_segments_of_earlier_releases_are_taken_in(world: World) -> None:
    world.week(0, shift=3.0)
    for path in world.captures.rglob("*.arrow"):
        with pa.ipc.open_file(pa.py_buffer(path.read_bytes())) as reader:
            table = reader.read_all()
        with pa.ipc.new_file(path, (old := table.drop_columns(["traceparent"])).schema) as writer:
            writer.write_table(old)
    world.monitor.step()
    assert world.monitor.status(PROD).corrupt_segments == 0
    world.monitor.advance(PROD, START + WEEK)
    world.monitor.step()
    assert {finding.traces for finding in world.monitor.findings(PROD)} == {()}


def _traces(salt: str, every: int) -> list[str | None]:
    """A ``traceparent`` for one row in ``every``."""
    found: list[str | None] = [None] * ROWS
    for row in range(0, ROWS, every):
        found[row] = f"00-{salt.encode().hex():0>32}-{row + 1:016x}-01"
        assert parse(found[row])
    return found
