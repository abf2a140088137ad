"""The monitor over weeks of traffic: what it finds, raises, asks for, and leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from northstar.errors import Conflict, NotFound, Unavailable
from northstar.monitoring.domain import Label
from northstar.monitoring.errors import AlertSettled, BadLabels, NoSuchAlert
from northstar.names import EndpointRef
from tests.monitoring.bench import PROD, ROWS, START, WEEK, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.register()
    yield world
    world.database.close()


def test_quiet_weeks_raise_nothing(world: World) -> None:
    for number in range(6):
        labels = world.week(number)
        world.monitor.step()
        world.push(labels)
    world.week(6)
    world.monitor.step()
    windows = world.monitor.windows(PROD)
    assert world.monitor.findings(PROD) == []
    assert world.monitor.alerts(PROD) == []
    assert [window.judged for window in windows] == ["judged"] * 6 + [""]
    assert [window.coverage for window in windows] == [1.0] * 6 + [0.0]


def test_windows_start_at_midnight_of_the_first_event(world: World) -> None:
    world.week(0)
    world.monitor.step()
    (window,) = world.monitor.windows(PROD)
    assert (window.start, window.end) == (START, START + WEEK)


def test_a_second_step_changes_nothing(world: World) -> None:
    world.week(0, shift=3.0)
    world.week(1)
    world.monitor.step()
    before = world.monitor.windows(PROD), world.monitor.alerts(PROD), world.monitor.status(PROD)
    report = world.monitor.step()
    assert (report.segments, report.predictions, report.windows, report.actions) == (0, 0, 0, 0)
    assert before == (
        world.monitor.windows(PROD),
        world.monitor.alerts(PROD),
        world.monitor.status(PROD),
    )


def test_segment_by_segment_or_all_at_once_gives_the_same_windows(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = World(tmp_path / "other")
    other.register()
    for number in range(3):
        labels = world.week(number, shift=number)
        world.monitor.step()
        world.push(labels)
        labels = other.week(number, shift=number)
        other.monitor.push_labels(PROD, labels)
    other.restarted().step()
    assert other.monitor.windows(PROD) == world.monitor.windows(PROD)
    other.database.close()


def test_drift_is_found_when_the_window_closes_and_before_any_label(world: World) -> None:
    world.week(0, shift=2.0)
    world.monitor.step()
    assert world.kinds() == []
    world.week(1, shift=2.0)
    world.monitor.step()
    (alert,) = [a for a in world.monitor.alerts(PROD) if a.kind == "drift"]
    assert alert.state == "open"
    assert "'size' has drifted" in alert.title
    assert (alert.window_start, alert.window_end) == (START, START + WEEK)


def test_a_column_that_goes_missing_is_a_quality_finding(world: World) -> None:
    world.week(0, town=None)
    world.week(1)
    world.monitor.step()
    (finding,) = world.monitor.findings(PROD)
    assert (finding.kind, finding.subject) == ("quality", "town: missing")


def test_a_town_never_seen_is_a_quality_finding_that_names_it(world: World) -> None:
    world.week(0, town="zrh")
    world.week(1)
    world.monitor.step()
    messages = [f.message for f in world.monitor.findings(PROD) if f.kind == "quality"]
    assert len(messages) == 1
    assert "'zrh'" in messages[0]


def test_lost_skill_is_found_when_the_labels_come(world: World) -> None:
    labels = world.week(0, skill=0.2)
    world.week(1)
    world.monitor.step()
    assert "performance" not in world.kinds()
    world.push(labels)
    assert "performance" in world.kinds()
    window = world.monitor.windows(PROD)[0]
    assert window.performance is not None
    assert window.performance.expected is not None
    assert window.performance.high < window.performance.expected


def test_labels_are_not_judged_before_they_had_their_time(world: World) -> None:
    world.register(label_delay_days=10)
    monitor = world.restarted()
    labels = world.week(0, skill=0.2)
    world.week(1)
    monitor.step()
    monitor.push_labels(PROD, labels)
    monitor.step()
    assert monitor.windows(PROD)[0].performance is not None
    assert "performance" not in {f.kind for f in monitor.findings(PROD)}
    world.week(2)
    monitor.step()
    assert "performance" in {f.kind for f in monitor.findings(PROD)}


def test_a_part_of_a_week_is_not_held_against_whole_ones(world: World) -> None:
    world.week(0, shift=3.0, days=3)
    world.week(1)
    world.monitor.step()
    assert "drift" not in world.kinds()
    assert world.monitor.windows(PROD)[0].judged == "events on 3 days, usually 7"


def test_few_rows_are_not_judged(world: World) -> None:
    world.register(minimum_rows=ROWS + 1)
    monitor = world.restarted()
    world.week(0, shift=5.0)
    world.week(1)
    monitor.step()
    assert monitor.findings(PROD) == []
    assert "fewer than" in monitor.windows(PROD)[0].judged


def test_one_alert_stands_for_all_windows_until_two_clean_ones_end_it(world: World) -> None:
    for number, shift in enumerate([2.0, 2.0, 0.0, 0.0, 0.0, 2.0, 0.0]):
        world.week(number, shift=shift)
        world.monitor.step()
    drift = [alert for alert in world.monitor.alerts(PROD) if alert.kind == "drift"]
    assert [alert.state for alert in drift] == ["open", "resolved"]
    assert drift[1].windows == 2
    assert drift[1].events[-1].by == "platform:monitor"


def test_rows_that_come_late_are_judged_again(world: World) -> None:
    world.week(0)
    world.week(1)
    world.monitor.step()
    assert world.kinds() == []
    world.week(0, shift=4.0, seed=1)
    world.monitor.step()
    assert "drift" in world.kinds()
    assert world.monitor.windows(PROD)[0].rows == 2 * ROWS


def test_each_version_is_held_against_its_own_reference(world: World) -> None:
    world.register(2)
    world.week(0, version=1, shift=2.0)
    world.week(0, version=2)
    world.week(1, version=2)
    world.monitor.step()
    assert {finding.version for finding in world.monitor.findings(PROD)} == {1}


def test_an_unregistered_version_is_counted_and_not_judged(world: World) -> None:
    world.week(0, version=9)
    world.week(1)
    world.monitor.step()
    window = world.monitor.windows(PROD)[0]
    assert (window.version, window.rows) == (9, ROWS)
    assert window.judged == "the version has no reference"


def test_an_alert_about_a_version_that_no_longer_answers_is_over(world: World) -> None:
    world.register(2)
    world.week(0, version=1, shift=2.0)
    world.week(1, version=1, shift=2.0)
    world.monitor.step()
    assert {alert.state for alert in world.monitor.alerts(PROD)} == {"open"}
    world.week(2, version=2)
    world.week(3, version=2)
    world.monitor.step()
    assert {alert.state for alert in world.monitor.alerts(PROD)} == {"resolved"}
    assert "drift" in {f.kind for f in world.monitor.findings(PROD) if f.window == 1}


def test_a_label_for_an_unknown_prediction_is_reported_and_waits_for_it(world: World) -> None:
    labels = world.week(0)
    world.monitor.step()
    later = Label(prediction_id="v1w1s0r0", label=1)
    receipt = world.push([labels[0], later])
    assert (receipt.matched, receipt.unknown) == (1, ["v1w1s0r0"])
    assert world.monitor.status(PROD).waiting_labels == 1
    world.week(1)
    world.monitor.step()
    assert world.monitor.status(PROD).waiting_labels == 0
    assert [window.labels for window in world.monitor.windows(PROD)] == [1, 1]


def test_a_label_that_is_no_class_of_the_version_is_refused_with_the_reason(world: World) -> None:
    world.week(0)
    world.monitor.step()
    wrong = Label(prediction_id="v1w0s0r0", label="perhaps")
    receipt = world.push([wrong, Label(prediction_id="v1w0s0r1", label=True)])
    assert (receipt.matched, receipt.invalid_count) == (1, 1)
    assert "'perhaps' is not one of the classes 0, 1" in receipt.invalid[0].reason
    assert world.monitor.status(PROD).labels == 1


def test_a_corrected_label_replaces_the_first(world: World) -> None:
    labels = world.week(0)
    world.monitor.step()
    world.push(labels)
    before = world.monitor.windows(PROD)[0].performance
    world.push([Label(prediction_id=x.prediction_id, label=1 - int(x.label)) for x in labels])
    after = world.monitor.windows(PROD)[0].performance
    assert before is not None
    assert after is not None
    assert after.value == pytest.approx(1 - before.value)
    assert after.labels == before.labels == ROWS


def test_only_windows_with_new_labels_are_measured_again(world: World) -> None:
    labels = [world.week(number) for number in range(3)]
    world.monitor.step()
    world.push(labels[0] + labels[1])
    world.monitor.push_labels(PROD, labels[2][:10])
    assert world.monitor.step().windows == 1


def test_labels_for_an_endpoint_without_captures_are_refused(world: World) -> None:
    other = EndpointRef("operations", "late-arrival", "dev")
    with pytest.raises(NotFound, match="no captured predictions"):
        world.monitor.push_labels(other, [Label(prediction_id="x", label=1)])


def test_no_labels_at_all_are_refused(world: World) -> None:
    with pytest.raises(BadLabels):
        world.monitor.push_labels(PROD, [])


def test_a_corrupt_segment_is_put_aside_and_the_rest_goes_on(world: World) -> None:
    world.week(0)
    segments = world.captures / str(PROD) / "predictions"
    (path,) = segments.rglob("*.arrow")
    path.write_bytes(path.read_bytes()[:-100])
    world.week(1)
    report = world.monitor.step()
    assert report.predictions == ROWS
    assert path.with_name(path.name + ".corrupt").exists()
    (alert,) = world.monitor.alerts(PROD)
    assert (alert.kind, alert.version) == ("quality", None)
    assert path.name in alert.title
    assert world.monitor.status(PROD).corrupt_segments == 1
    assert world.monitor.step().segments == 0


def test_a_corrupt_segment_of_labels_is_put_aside_too(world: World) -> None:
    labels = world.week(0)
    world.monitor.step()
    world.monitor.push_labels(PROD, labels)
    (path,) = (world.captures / str(PROD) / "labels").rglob("*.arrow")
    path.write_bytes(b"ARROW1 no more")
    world.monitor.step()
    assert world.monitor.status(PROD).corrupt_segments == 1
    assert world.push(labels).matched == ROWS


def test_an_event_time_far_ahead_closes_nothing(world: World) -> None:
    world.week(0, shift=3.0)
    world.week(500)
    world.monitor.step()
    assert world.kinds() == []
    assert world.monitor.status(PROD).watermark < START + WEEK  # type: ignore[operator]


def test_an_operator_can_close_windows_that_no_later_event_closes(world: World) -> None:
    world.week(0, shift=3.0)
    world.monitor.step()
    world.monitor.advance(PROD, START + WEEK)
    world.monitor.step()
    assert "drift" in world.kinds()
    world.monitor.advance(PROD, START)
    assert world.monitor.windows(PROD)[0].closed


def test_performance_leads_to_one_retraining_until_the_cooldown_is_over(world: World) -> None:
    world.register(actions={"performance": "retrain"}, cooldown_days=21, label_delay_days=3)
    monitor = world.restarted()
    for number in range(6):
        labels = world.week(number, skill=0.1)
        monitor.step()
        monitor.push_labels(PROD, labels)
        monitor.step()
    orders = list(world.actions.retrainings.values())
    assert len(orders) == 2
    assert orders[0].version == 1
    assert orders[0].data_until <= START + 2 * WEEK - timedelta(days=3)
    assert orders[0].data_until - orders[0].data_from == timedelta(days=90)
    assert orders[1].data_until - orders[0].data_until >= timedelta(days=20)
    (alert,) = [a for a in monitor.alerts(PROD) if a.kind == "performance"]
    assert [event.what for event in alert.events] == ["opened", "retrain", "retrain"]


def test_an_acknowledged_alert_leads_to_no_further_action(world: World) -> None:
    world.register(actions={"drift": "rollback"}, cooldown_days=0)
    monitor = world.restarted()
    world.week(0, shift=2.0)
    world.week(1, shift=2.0)
    monitor.step()
    (alert,) = [a for a in monitor.alerts(PROD) if a.kind == "drift"]
    monitor.acknowledge(PROD, alert.id, "user:anna", "looking")
    world.week(2, shift=2.0)
    monitor.step()
    assert len(world.actions.rollbacks) == 1
    assert monitor.alert(alert.id).windows == 2


def test_an_action_that_is_refused_is_told_and_not_tried_again(world: World) -> None:
    world.register(actions={"drift": "rollback"})
    world.actions.failure = Conflict("There is no version to go back to.")
    monitor = world.restarted()
    world.week(0, shift=2.0)
    world.week(1)
    monitor.step()
    world.clock.advance(7200)
    monitor.step()
    (alert,) = [a for a in monitor.alerts(PROD) if a.kind == "drift"]
    assert [(e.what, e.note) for e in alert.events][1:] == [
        ("rollback", "There is no version to go back to.")
    ]
    assert [a.state for a in monitor.actions(alert.id)] == ["failed"]


def test_a_webhook_that_is_down_is_tried_again_until_it_answers(world: World) -> None:
    world.register(webhook="https://chat.example/hook")
    world.webhooks.failure = Unavailable("down")
    monitor = world.restarted()
    world.week(0, shift=2.0, town=None)
    world.week(1)
    monitor.step()
    monitor.step()
    assert world.webhooks.attempts == 2  # one for each kind of alert; not before the pause is over
    world.webhooks.failure = None
    world.clock.advance(6)
    monitor.step()
    kinds = {payload["kind"] for _, payload in world.webhooks.sent.values()}
    assert kinds == {"drift", "quality"}


def test_a_person_resolves_an_alert_once(world: World) -> None:
    world.week(0, shift=2.0)
    world.week(1)
    world.monitor.step()
    (alert,) = world.monitor.alerts(PROD, kind="drift")
    resolved = world.monitor.resolve(PROD, alert.id, "user:anna", "a campaign")
    assert resolved.state == "resolved"
    with pytest.raises(AlertSettled, match="user:anna"):
        world.monitor.acknowledge(PROD, alert.id, "user:ben")
    assert world.monitor.alerts(PROD, state="open", kind="drift") == []


def test_an_alert_that_is_not_there_is_not_found(world: World) -> None:
    with pytest.raises(NoSuchAlert):
        world.monitor.acknowledge(PROD, 7, "user:anna")


def test_outcomes_are_forgotten_after_their_time(world: World) -> None:
    world.clock.advance(400 * 86_400)
    labels = world.week(0)
    world.week(60)
    world.monitor.step()
    assert world.push(labels).unknown_count == ROWS


def test_status_counts_what_was_seen(world: World) -> None:
    labels = world.week(0)
    world.monitor.step()
    world.push(labels[:100])
    status = world.monitor.status(PROD)
    assert (status.predictions, status.labels, status.segments) == (ROWS, 100, 2)
    assert (status.windows, status.versions) == (1, [1])
    assert status.ingested_at == world.clock.now()
    assert isinstance(status.watermark, datetime)
    assert status.watermark.tzinfo is UTC


def test_segments_of_days_gone_by_are_not_taken_in_again(world: World) -> None:
    for number in range(3):
        world.week(number)
        world.monitor.step()
        world.clock.advance(86_400)
    assert world.restarted().step().segments == 0
    assert world.monitor.status(PROD).segments == 3
    assert world.monitor.status(PROD).predictions == 3 * ROWS
