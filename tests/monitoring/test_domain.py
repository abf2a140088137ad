"""The alert's states, whatever happens in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from northstar.monitoring.domain import (
    Acknowledge,
    Act,
    Alert,
    AlertChange,
    FindingRecord,
    Found,
    Resolve,
    advance,
    open_alert,
)
from northstar.monitoring.errors import AlertSettled

AT = datetime(2026, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def found(week: int = 0, message: str = "x has drifted.") -> Found:
    finding = FindingRecord(
        kind="drift",
        subject="x",
        message=message,
        endpoint="operations/late-arrival/prod",
        version=1,
        window=week,
        window_start=AT + week * WEEK,
        window_end=AT + (week + 1) * WEEK,
        found_at=AT,
    )
    return Found(at=AT, findings=[finding])


changes = st.one_of(
    st.integers(0, 9).map(found),
    st.just(Acknowledge(at=AT, by="user:anna")),
    st.just(Resolve(at=AT, by="user:anna")),
    st.just(Act(at=AT, action="retrain", note="job 1")),
)


@given(st.lists(changes, max_size=12))
def test_an_alert_only_moves_forward(history: list[AlertChange]) -> None:
    alert = open_alert(1, found())
    order = ("open", "acknowledged", "resolved")
    for change in history:
        before = alert
        try:
            alert = advance(alert, change)
        except AlertSettled:
            assert before.state != "open"
            continue
        assert order.index(alert.state) >= order.index(before.state)
        assert alert.events[: len(before.events)] == before.events
        assert (before.state == "resolved") <= isinstance(change, Act)
    assert Alert.model_validate_json(alert.model_dump_json()) == alert


@given(st.lists(st.integers(0, 9), max_size=12))
def test_an_alert_spans_all_windows_that_joined_it(weeks: list[int]) -> None:
    alert = open_alert(1, found(4))
    for week in weeks:
        alert = advance(alert, found(week))
    assert alert.window_start == AT + min([4, *weeks]) * WEEK
    assert alert.window_end == AT + (max([4, *weeks]) + 1) * WEEK


def test_an_alert_tells_what_the_latest_window_has() -> None:
    alert = advance(open_alert(1, found(3, "first")), found(4, "second"))
    assert advance(alert, found(2, "an older one")).title == "second"


def test_more_findings_are_counted_in_the_title() -> None:
    several = Found(at=AT, findings=[*found().findings, *found().findings])
    assert open_alert(1, several).title == "x has drifted. (and 1 more)"


def test_acknowledging_twice_is_refused() -> None:
    alert = advance(open_alert(1, found()), Acknowledge(at=AT, by="user:anna"))
    with pytest.raises(AlertSettled, match="acknowledged already"):
        advance(alert, Acknowledge(at=AT, by="user:ben"))
