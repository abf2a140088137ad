"""Labels, windows and alerts over HTTP, in the SDK and on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from starlette.testclient import TestClient

from northstar.access.guard import declarations
from northstar.access.testing import AccessBench
from northstar.connection import Connection, Credentials
from northstar.errors import Conflict, Denied, Invalid, NotFound
from northstar.monitoring import api, cli
from northstar.monitoring.client import MonitoringClient
from northstar.monitoring.domain import Label
from tests.monitoring.bench import PROD, ROWS, START, WEEK, World


class Office:
    """People at the platform's HTTP door."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.world.register()
        self.bench = AccessBench(folder, database=self.world.database)
        self.http: TestClient = self.bench.client(api.router(self.world.monitor, self.bench.guard))

    def client(self, role: str = "operator", scope: str = "/operations") -> MonitoringClient:
        return MonitoringClient(self.connection(role, scope))

    def connection(self, role: str, scope: str = "/operations") -> Connection:
        name = "-".join([role, *scope.split("/")[1:2]]).strip("-")
        token = self.bench.token(name, role, scope)
        credentials = Credentials("http://testserver", token=token)
        return Connection(credentials, transport=self.http._transport)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.world.database.close()


@pytest.fixture
def alarmed(office: Office) -> Office:
    """An endpoint with a drift alert."""
    office.world.week(0, shift=2.0)
    office.world.week(1)
    office.world.monitor.step()
    return office


def run(office: Office, monkeypatch: pytest.MonkeyPatch, *words: str, given: str = "") -> Result:
    connection = office.connection("squad-owner")
    monkeypatch.setattr(cli, "connect", lambda: connection)
    root = click.Group(commands=[cli.labels, cli.monitor, cli.alerts])
    return CliRunner().invoke(root, words, input=given, catch_exceptions=False)


def test_labels_go_in_and_windows_come_out(office: Office) -> None:
    labels = office.world.week(0)
    office.world.week(1)
    office.world.monitor.step()
    pusher = office.client("invoker", "/operations/late-arrival/prod")
    receipt = pusher.push_labels(PROD, [*labels, Label(prediction_id="nobody", label=1)])
    assert (receipt.received, receipt.matched, receipt.unknown) == (ROWS + 1, ROWS, ["nobody"])
    office.world.monitor.step()
    reader = office.client("reader")
    window = reader.windows(PROD)[0]
    assert (window.coverage, window.closed) == (1.0, True)
    assert window.performance is not None
    assert reader.status(PROD).waiting_labels == 1


def test_a_reader_may_not_push_labels(office: Office) -> None:
    with pytest.raises(Denied):
        office.client("reader").push_labels(PROD, [Label(prediction_id="x", label=1)])


def test_an_alert_is_acknowledged_and_resolved_by_name(alarmed: Office) -> None:
    operator = alarmed.client()
    (alert,) = operator.alerts(PROD, kind="drift")
    assert operator.acknowledge(alert.id, "looking").state == "acknowledged"
    with pytest.raises(Conflict):
        operator.acknowledge(alert.id)
    resolved = operator.resolve(alert.id, "a campaign")
    assert [(e.what, e.by) for e in resolved.events][1:] == [
        ("acknowledged", "user:operator-operations"),
        ("resolved", "user:operator-operations"),
    ]


def test_a_reader_sees_alerts_and_may_not_change_them(alarmed: Office) -> None:
    reader = alarmed.client("reader")
    (alert,) = reader.alerts(kind="drift")
    with pytest.raises(Denied):
        reader.resolve(alert.id)


def test_alerts_of_other_squads_are_not_shown(alarmed: Office) -> None:
    stranger = alarmed.client("reader", "/marketing")
    assert stranger.alerts() == []
    with pytest.raises(Denied):
        stranger.alert(1)


def test_an_unknown_alert_is_not_found(office: Office) -> None:
    with pytest.raises(NotFound, match="no alert 9"):
        office.client("platform-admin", "/").alert(9)


def test_an_empty_push_is_refused(office: Office) -> None:
    answer = office.http.post(
        f"{PROD.path}/labels", json={"labels": []}, headers=office.bench.headers()
    )
    assert answer.status_code == 422


def test_every_route_declares_its_action(office: Office) -> None:
    routes = declarations(office.http.app)  # type: ignore[arg-type]
    assert len(routes) == 15
    assert all(len(declared) == 1 for declared in routes.values())


def test_an_operator_closes_windows(office: Office) -> None:
    office.world.week(0)
    office.world.monitor.step()
    operator = office.client()
    operator.advance(PROD, START + WEEK)
    assert operator.windows(PROD)[0].closed
    assert operator.findings(PROD, since=START) == []


@pytest.mark.parametrize(
    "content",
    [
        "prediction_id,label\nv1w0s0r0,1\nv1w0s0r1,0\n",
        '{"prediction_id": "v1w0s0r0", "label": 1}\n\n{"prediction_id": "v1w0s0r1", "label": 0}',
        '[{"prediction_id": "v1w0s0r0", "label": 1},\n {"prediction_id": "v1w0s0r1", "label": 0}]',
    ],
)
def test_labels_are_pushed_from_any_kind_of_file(
    office: Office, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    office.world.week(0)
    office.world.monitor.step()
    result = run(office, monkeypatch, "labels", "push", str(PROD), "-", "--json", given=content)
    assert json.loads(result.stdout)["matched"] == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,label\na,1\n", "no column prediction_id"),
        ("prediction_id,label\na,1\nb,\n", "line 3: label"),
        ('{"prediction_id": "a", "label": 1}\nnonsense', "line 2 is not JSON"),
        ('[{"prediction_id": "a"}]', "label 1: label"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_place(
    office: Office, monkeypatch: pytest.MonkeyPatch, content: str, message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        run(office, monkeypatch, "labels", "push", str(PROD), "-", given=content)


def test_the_commands_tell_a_person_what_happened(
    alarmed: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(*words: str) -> str:
        return run(alarmed, monkeypatch, *words).stdout

    assert "drift" in told("alerts", "list")
    assert "'size' has drifted" in told("alerts", "show", "1")
    assert told("alerts", "ack", "1", "--note", "looking") == "Alert 1 is acknowledged.\n"
    assert told("alerts", "resolve", "1") == "Alert 1 is resolved.\n"
    assert "2026-01-05" in told("monitor", "windows", str(PROD))
    assert "has drifted" in told("monitor", "findings", str(PROD), "--since", "2026-01-01")
    assert str(2 * ROWS) in told("monitor", "status", str(PROD))
    assert "events up to" in told("monitor", "advance", str(PROD), "2026-02-01")
